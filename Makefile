# A thin front for CMake: `make help` lists what there is.

PREFIX ?= /usr/local
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(shell nproc)

build_release := build
build_asan := build/asan
build_tsan := build/tsan
build_fuzz := build/fuzz
build_rock ?= build/rock

.PHONY: all deps run test bench fuzz format install package rock install-rock clean help release asan tsan

all: release                ## the release build: build/lull and the libraries

release asan tsan: %:
	@command -v cmake ninja >/dev/null || { echo "cmake or ninja is missing: make deps"; exit 1; }
	@test -f $(build_$@)/build.ninja || cmake --preset $@
	@cmake --build $(build_$@)

deps:                       ## install the Debian packages that building and testing need
	@.ci/deps build test

run:                        ## fetch 15 pages at once: examples/download.lua
	@.ci/deps build
	@$(MAKE) --no-print-directory release
	build/lull examples/download.lua

test:                       ## every test and check; T=regex picks some by name
	@.ci/deps build test
	@$(MAKE) --no-print-directory release asan tsan
	@mkdir -p build/all && echo 'subdirs(.. ../asan ../tsan)' >build/all/CTestTestfile.cmake
	@ctest --test-dir build/all --output-on-failure -j $(CMAKE_BUILD_PARALLEL_LEVEL) $(T:%=-R '%')

fuzz:                       ## fuzz the parsers, a minute each; T=names picks some
	@.ci/deps build fuzz
	@test -f $(build_fuzz)/build.ninja || cmake --preset fuzz
	@cmake --build $(build_fuzz) --target fuzz lull_natives
	tests/fuzz/run $(T)

bench: release              ## lull beside its neighbours, one interleaved run
	tests/bench/run

format:                     ## rewrite the C files as .clang-format says
	@tests/check/format fix

install: release            ## DESTDIR and PREFIX as usual
	cmake --install build --prefix $(PREFIX)

package:                    ## Debian packages, in build/package/
	@.ci/deps build package
	@$(MAKE) --no-print-directory release
	@rm -rf build/package
	core/cmake/package/build build build/package

# For luarocks (core/cmake/lull-scm-1.rockspec): the module for lua5.4, and what lies beside it.
rock:
	@test -f $(build_rock)/CMakeCache.txt || \
	  cmake -S . -B $(build_rock) -D CMAKE_BUILD_TYPE=RelWithDebInfo -D LULL_LTO=ON -D LULL_TESTS=OFF
	@cmake --build $(build_rock) --target lull_module lull_natives lull_reference_file

install-rock:
	cmake --install $(build_rock) --component rock --prefix $(PREFIX)

clean:                      ## remove build/
	rm -rf build

help:                       ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10
