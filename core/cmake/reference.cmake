# Run by the build: cmake -D OUTPUT=<reference.txt> -D TYPES=<scripts/types> -P reference.cmake
file(GLOB types ${TYPES}/*.lua)
set(text "")
foreach(path ${types})
  file(READ ${path} one)
  string(APPEND text "${one}")
endforeach()
file(WRITE ${OUTPUT} "${text}")
