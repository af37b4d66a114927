--- lull.http.mime: media types by the extension of a file's name.
local mime = {}

mime.default = "application/octet-stream"

--- Types by extension, in lower case; texts say that they are UTF-8.
---@type table<string, string>
mime.types = {
  ["7z"] = "application/x-7z-compressed", aac = "audio/aac", apng = "image/apng",
  atom = "application/atom+xml", avi = "video/x-msvideo", avif = "image/avif",
  bin = "application/octet-stream", bmp = "image/bmp", bz2 = "application/x-bzip2",
  css = "text/css", csv = "text/csv", doc = "application/msword",
  docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  eot = "application/vnd.ms-fontobject", epub = "application/epub+zip", flac = "audio/flac",
  gif = "image/gif", gz = "application/gzip", htm = "text/html", html = "text/html",
  ico = "image/vnd.microsoft.icon", ics = "text/calendar", jar = "application/java-archive",
  jpeg = "image/jpeg", jpg = "image/jpeg", js = "text/javascript", json = "application/json",
  jsonld = "application/ld+json", jxl = "image/jxl", lua = "text/x-lua", m4a = "audio/mp4",
  m4v = "video/mp4", manifest = "text/cache-manifest", map = "application/json",
  md = "text/markdown", mid = "audio/midi", mjs = "text/javascript", mov = "video/quicktime",
  mp3 = "audio/mpeg", mp4 = "video/mp4", mpeg = "video/mpeg",
  odp = "application/vnd.oasis.opendocument.presentation",
  ods = "application/vnd.oasis.opendocument.spreadsheet",
  odt = "application/vnd.oasis.opendocument.text", oga = "audio/ogg", ogg = "audio/ogg",
  ogv = "video/ogg", opus = "audio/ogg", otf = "font/otf", pdf = "application/pdf",
  png = "image/png", ppt = "application/vnd.ms-powerpoint",
  pptx = "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  rss = "application/rss+xml", rtf = "application/rtf", sh = "text/x-shellscript",
  svg = "image/svg+xml", tar = "application/x-tar", tif = "image/tiff", tiff = "image/tiff",
  toml = "application/toml", ttf = "font/ttf", txt = "text/plain", vtt = "text/vtt",
  wasm = "application/wasm", wav = "audio/wav", weba = "audio/webm", webm = "video/webm",
  webmanifest = "application/manifest+json", webp = "image/webp", woff = "font/woff",
  woff2 = "font/woff2", xhtml = "application/xhtml+xml", xls = "application/vnd.ms-excel",
  xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  xml = "application/xml", yaml = "application/yaml", yml = "application/yaml",
  zip = "application/zip", zst = "application/zstd",
}

--- The type of a file.
---@param path string
---@param own? table<string, string>  types that go before, by extension in lower case
---@return string
function mime.of(path, own)
  local extension <const> = (path:match("%.([^./]+)$") or ""):lower()
  local found <const> = own and own[extension] or mime.types[extension] or mime.default
  if found:find("^text/[%w+.-]+$") then return found .. "; charset=utf-8" end
  return found
end

--- Is it worth compressing?
---@param media string  a type, with or without parameters
---@return boolean
function mime.is_compressible(media)
  local name <const> = (media:match("^[^;%s]+") or ""):lower()
  return name:find("^text/") ~= nil and name ~= "text/event-stream"
    or name:find("[+/]json$") ~= nil or name:find("[+/]xml$") ~= nil
    or name:find("javascript$") ~= nil
    or name == "application/wasm" or name == "application/yaml" or name == "application/toml"
    or name == "image/bmp" or name == "font/ttf" or name == "font/otf"
    or name == "application/vnd.ms-fontobject" or name == "image/vnd.microsoft.icon"
end

return mime
