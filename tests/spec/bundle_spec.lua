--- bundle_spec.lua: `lull bundle`: what it finds, the programs it makes, and damaged ones.

local archive = require "lull.bundle.archive"
local bundle = require "lull.bundle.command"
local fs = require "lull.fs"
local process = require "lull.process"
local scan = require "lull.bundle.scan"

local path <const> = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"
local absolute <const> = path:find "^/" and path or os.getenv "PWD" .. "/" .. path

--- A folder with these files.
local function folder(files)
  local dir <const> = fs.temp_dir()
  for name, text in pairs(files) do
    local parent <const> = name:match "^(.*)/"
    if parent then fs.mkdir(dir.path .. "/" .. parent, { parents = true }) end
    fs.write_file(dir.path .. "/" .. name, text)
  end
  return dir
end

local function run(dir, ...)
  return process.run({ ... }, { cwd = dir.path, timeout = 60 })
end

--- Bundle in a folder; the program's path.
local function make(dir, ...)
  local result <const> = run(dir, absolute, "bundle", "app.lua", "-o", "out/prog", ...)
  assert.are.equal(0, result.code, result.stderr)
  return dir.path .. "/out/prog", result.stderr
end

local APP <const> = {
  ["app.lua"] = [[#!/usr/bin/env lull
    local lull = require "lull"
    local part = require "lib.part"
    lull.sleep(0)
    print(#arg, arg[0] ~= nil, part(...))
    if ... == "fail" then require "lib.failing".fail() end]],
  ["lib/part.lua"] = [[local other = require("other"); return function(...) return other, ... end]],
  ["lib/failing.lua"] = "local m = {}\n\nfunction m.fail() error 'broken' end\nreturn m",
  ["other.lua"] = "return 'the other'",
  ["out/empty"] = "",
}

describe("what a script requires", function()
  local function names(text)
    local list = {}
    for i, need in ipairs(scan(text)) do
      list[i] = (need.name or "?") .. (need.optional and "!" or "") .. ":" .. need.line
    end
    return table.concat(list, " ")
  end

  for text, expected in pairs {
    ['require "a" require("b")\nrequire[[c.d]] require \'e\''] = "a:1 b:1 c.d:2 e:2",
    ["local r = pcall(require, 'maybe')"] = "maybe!:1",
    ["require --[[ x ]] ( -- y\n'a' )"] = "a:1",
    ["require(name) require('a' .. b) require('a', 2)"] = "?:1 ?:1 a:1",
    ['-- require "no"\n--[==[ require "no" ]] ]==] require "yes"'] = "yes:2",
    [ [=[s = 'require "no" \' require "no"' t = [[ require "no" ]] require"yes"]=] ] = "yes:1",
    ["x.require 'no' x:require 'no' prerequire 'no' x.. require 'yes'"] = "yes:1",
    ["function require(x) end local y = require"] = "",
    ["require"] = "",
  } do
    it("is found: " .. text:gsub("\n", " "), function() assert.are.equal(expected, names(text)) end)
  end
end)

describe("a bundle", function()
  it("runs anywhere, with all of the command line for its script", function()
    local dir <close> = folder(APP)
    local there <close> = fs.temp_dir()
    local program <const> = make(dir)
    fs.rename(program, there.path .. "/p")
    local result <const> = run(there, "./p", "--version", "-e", "x")
    assert.are.same({ 0, "3\ttrue\tthe other\t--version\t-e\tx\n" }, { result.code, result.stdout })
    assert.are.equal(tonumber("755", 8), fs.stat(there.path .. "/p").mode & 511)
  end)

  it("shows the original names in its errors", function()
    for _, option in ipairs { "--include=other", "--bytecode" } do
      local dir <close> = folder(APP)
      local result <const> = run(dir, make(dir, option), "fail")
      assert.are.equal(1, result.code)
      assert.matches("%./lib/failing%.lua:3: broken", result.stderr)
      assert.matches("\n%s+app%.lua:6: in main chunk", result.stderr)
    end
  end)

  it("comes before package.path, and leaves out what is excluded", function()
    local dir <close> = folder(APP)
    local program <const> = make(dir, "--exclude=other", "--exclude=lib.fail*")
    fs.write_file(dir.path .. "/other.lua", "return 'changed'")
    fs.write_file(dir.path .. "/lib/part.lua", "return print")
    assert.are.equal("0\ttrue\tchanged\n", run(dir, program).stdout)
    fs.remove(dir.path .. "/other.lua")
    assert.matches("module 'other' not found", run(dir, program).stderr)
  end)

  it("has files for its script, and its modules in workers", function()
    local dir <close> = folder {
      ["app.lua"] = [[local read = require "lull.bundle".read
        print(require "lull.worker".call("calc", "double", 4), read "a/b.bin", pcall(read, "none"))]],
      ["calc.lua"] = "return { double = function(n) return 2 * n end }",
      ["a/b.bin"] = "x\0y", ["out/empty"] = "",
    }
    local plain <const> = run(dir, absolute, "app.lua").stdout
    assert.matches("^8\tx%zy\tfalse\tio: .*ENOENT", plain)
    local program <const> = make(dir, "--include", "calc", "--file", "a/b.bin")
    fs.remove(dir.path .. "/calc.lua")
    fs.remove(dir.path .. "/a", { recursive = true })
    assert.are.equal("8\tx\0y\tfalse\tio: bundle.read: 'none' is not in this program (ENOENT)\n",
      run(dir, program).stdout)
    assert.matches("^module%s+%d+  calc  %./calc.lua\nfile%s+3  a/b.bin\nscript%s+%d+  app.lua\n$",
      run(dir, absolute, "bundle", "--list", program).stdout)
  end)

  it("finds lull's modules that need a library where that lull is", function()
    local dir <close> = folder {
      ["app.lua"] = 'print(pcall(require, "lull.crypto.native"))', ["out/empty"] = "",
    }
    assert.are.equal(run(dir, absolute, "app.lua").stdout:match "^%a+", run(dir, make(dir)).stdout:match "^%a+")
  end)

  it("can make another", function()
    local dir <close> = folder {
      ["app.lua"] = [[local b = require "lull.bundle.command"
        b.build { script = "two.lua", output = "out/two" }]],
      ["two.lua"] = "print 'two'", ["out/empty"] = "",
    }
    local program <const> = make(dir)
    assert.are.equal("", run(dir, program).stderr)
    assert.are.equal("two\n", run(dir, "out/two").stdout)
    assert.is_true(fs.stat(dir.path .. "/out/two").size < fs.stat(program).size + 100)
  end)

  it("is not run when it is damaged", function()
    local dir <close> = folder(APP)
    local prog <const> = make(dir)
    local program <const> = fs.read_file(prog)
    local function try(bytes)
      fs.write_file(prog, bytes, { atomic = true, mode = "755" })
      return run(dir, prog)
    end
    for name, bytes in pairs {
      cut = program:sub(1, -100), index = program:sub(1, -61) .. "!" .. program:sub(-59),
      trailer = program:sub(1, -57) .. "\255\255\255\255\255\255\255\255" .. program:sub(-48),
    } do
      local result <const> = try(bytes)
      assert.are.same({ 1, "" }, { result.code, result.stdout }, name)
      assert.matches("^lull: the archive of this program is damaged[^\n]*\n$", result.stderr, name)
    end
    local at <const> = program:find("'the other'", -2000, true)
    local result <const> = try(program:sub(1, at) .. "T" .. program:sub(at + 2))
    assert.matches("'other' is damaged", result.stderr)
    assert.matches("the archive is damaged", run(dir, absolute, "bundle", "--list", prog).stderr)
  end)
end)

describe("lull bundle", function()
  local function refuse(files, pattern, ...)
    local dir <close> = folder(files)
    local result <const> = run(dir, absolute, "bundle", ...)
    assert.are.equal(1, result.code)
    assert.matches(pattern, result.stderr)
    assert.is_false(fs.exists(dir.path .. "/p"))
  end

  it("says what is missing, and who wants it", function()
    refuse({ ["a.lua"] = '\nrequire "b"', ["b.lua"] = 'require "c.d"' },
      "%./b%.lua:1: module 'c%.d' is not found", "a.lua", "-o", "p")
    refuse({ ["a.lua"] = "x = = 1" }, "a%.lua:1: unexpected symbol", "a.lua", "-o", "p")
    refuse({}, "a%.lua: No such file", "a.lua", "-o", "p")
    refuse({ ["a.lua"] = "" }, "none: No such file", "a.lua", "-o", "p", "--file=none")
    refuse({ ["a.lua"] = "" }, "where to put it", "a.lua")
    refuse({ ["a.lua"] = "" }, "unrecognized option '%-%-fil=x'; did you mean '%-%-file'", "a.lua", "--fil=x", "-o", "p")
    refuse({ ["a.lua"] = "" }, "no program of lull bundle", "--list", "a.lua")
  end)

  it("does not write over what it is made of", function()
    local dir <close> = folder { ["a.lua"] = 'require "b"', ["b.lua"] = "return 1", ["c.txt"] = "text" }
    fs.symlink("c.txt", dir.path .. "/link")
    for _, output in ipairs { "a.lua", "./b.lua", "link" } do
      local result <const> = run(dir, absolute, "bundle", "a.lua", "--file=c.txt", "-o", output)
      assert.are.equal(1, result.code)
      assert.matches("is part of the program, and would be lost", result.stderr)
    end
    assert.are.equal('require "b"', fs.read_file(dir.path .. "/a.lua"))
  end)

  it("notes what is not put in", function()
    local dir <close> = folder {
      ["app.lua"] = 'pcall(require, "optional") require "lull.http" local x = "y" require(x)',
      ["out/empty"] = "",
    }
    local _, notes <const> = make(dir, "--include=cmod", "--ignore-missing")
    assert.matches("app%.lua:1: module 'optional' is not found, so it is not in", notes)
    assert.matches("app%.lua:1: a computed name is required here", notes)
    assert.matches("module 'cmod'", notes)
    assert.is_nil(notes:find("lull.http", 1, true))
  end)

  it("reads its command line", function()
    assert.are.same({ script = "s", output = "o", include = { "a", "b" }, strip = true },
      bundle.parse("--include", "a", "s", "-o", "o", "--include=b", "--strip"))
    assert.is_nil(bundle.parse("s", "t", "-o", "o"))
    assert.is_nil(bundle.parse("s", "-o"))
  end)

  it("packs what it lists, with any bytes", function()
    local entries <const> = { { name = "b", bytes = "\0\255", chunkname = "@b.lua" }, { name = "a", bytes = "" } }
    local program <const> = "\127ELF" .. ("<I4I4I4c8I4"):pack(5, 4, 1, "lull", 0) .. "code"
    local made <const> = archive.append(program, entries)
    assert.are.same({ { name = "a", bytes = "" }, { name = "b", bytes = "\0\255", chunkname = "@b.lua" } },
      archive.list(made))
    assert.is_nil(archive.list(program))
    assert.are.equal(made, archive.append(made, entries))
  end)

  it("lists no archive whose sizes or places are wrong", function()
    local function listed(offset, size, contents_size, index_size)
      local contents <const> = "content!"
      local index <const> = ("<I4I4i8i8i8"):pack(1, 0, offset, size, archive.checksum(contents)) .. "a\0\0"
      return pcall(archive.list, contents .. index .. ("<i8i8i8I4I4c16c8"):pack(contents_size or #contents,
        index_size or #index, archive.checksum(index), 1, 1, "", "lullbndl"))
    end
    assert.are.same({ true, { { name = "a", bytes = "content!" } } }, { listed(0, 8) })
    for _, numbers in ipairs {
      { -8, 8 }, { 1, 7 }, { 0, -1 }, { 0, 9 }, { 0, math.maxinteger }, { 0, 8, math.maxinteger },
      { 0, 8, math.maxinteger, math.maxinteger }, { 0, 8, 0, 100 }, { 0, 8, -1 }, { 0, 8, 8, 8 },
    } do
      assert.are.same({ false, "the archive is damaged" }, { listed(table.unpack(numbers)) })
    end
    local twice <const> = ("<I4I4i8i8i8"):pack(1, 0, 0, 1, archive.checksum "c") .. "a\0\0"
    assert.has_error(function()
      archive.list("c" .. twice:rep(2) .. ("<i8i8i8I4I4c16c8"):pack(1, 2 * #twice,
        archive.checksum(twice:rep(2)), 2, 1, "", "lullbndl"))
    end, "the archive is damaged")
  end)
end)
