--- compress_spec.lua: compressing and expanding, and what is no compressed stream.

local compress = require "lull.compress"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_layer.lua")
local misuse, raises = support.misuse, support.raises

local TEXT <const> = ("to be or not to be, that is the question; "):rep(1000)
local noise = {}
for i = 1, 100000 do noise[i] = string.char(math.random(0, 255)) end
local NOISE <const> = table.concat(noise)

describe("the codings", function()
  it("are gzip and deflate at least", function()
    local names = compress.names()
    assert.are.equal("gzip", names[1])
    assert.are.equal("deflate", names[2])
  end)

  for _, name in ipairs(compress.names()) do
    it(name .. " gives back what it was given", function()
      for _, bytes in ipairs { "", "x", TEXT, NOISE, ("\0"):rep(1000000) } do
        assert.are.equal(bytes, compress.decode(name, compress.encode(name, bytes)))
      end
      assert.is_true(#compress.encode(name, TEXT) < #TEXT / 10)
    end)

    it(name .. " takes and gives pieces of any size", function()
      local encoder, pieces = compress.new(name), {}
      for i = 1, #TEXT, 997 do pieces[#pieces + 1] = encoder:write(TEXT:sub(i, i + 996)) end
      pieces[#pieces + 1] = encoder:finish()
      local whole = table.concat(pieces)
      for _, size in ipairs { 1, 7, 4096 } do
        local decoder, out = compress.decoder(name), {}
        for i = 1, #whole, size do out[#out + 1] = decoder:write(whole:sub(i, i + size - 1)) end
        out[#out + 1] = decoder:finish()
        assert.are.equal(TEXT, table.concat(out))
      end
    end)

    it(name .. " can be expanded up to what was flushed", function()
      local encoder, decoder = compress.new(name), compress.decoder(name)
      for _, piece in ipairs { "first", "second", "", "third" } do
        assert.are.equal(piece, decoder:write(encoder:flush(piece)))
      end
      assert.are.equal("end", decoder:finish(encoder:finish "end"))
    end)

    it(name .. " has levels", function()
      local lowest, highest = compress.encode(name, TEXT, 1), compress.encode(name, TEXT, 9)
      assert.are.equal(TEXT, compress.decode(name, lowest))
      assert.are.equal(TEXT, compress.decode(name, highest))
      misuse(compress.new, name, -1)
      misuse(compress.new, name, 20)
      misuse(compress.new, name, 1.5)
      misuse(compress.new, name, "x")
    end)

    it(name .. " that is cut off is an eof", function()
      local whole = compress.encode(name, TEXT)
      for size = 0, #whole - 1, 13 do raises("eof", compress.decode, name, whole:sub(1, size)) end
    end)

    it(name .. " that has something behind it is refused", function()
      raises("io", compress.decode, name, compress.encode(name, TEXT) .. "x")
      local decoder = compress.decoder(name)
      decoder:write(compress.encode(name, TEXT))
      raises("io", decoder.write, decoder, "x")
      raises("closed", decoder.write, decoder, "x")
    end)

    it(name .. " that is noise is refused", function()
      local refused = 0
      for i = 1, 200 do
        local ok, e = pcall(compress.decode, name, NOISE:sub(i * 100, i * 100 + 99), { max = 1000000 })
        if not ok and require("lull").is_error(e) then refused = refused + 1 end
      end
      assert.is_true(refused > 190, refused)
    end)

    it(name .. " gives no more than is allowed", function()
      local bomb = compress.encode(name, ("\0"):rep(10 * 1024 * 1024))
      raises("limit", compress.decode, name, bomb, { max = 1024 * 1024 })
      local decoder = compress.decoder(name, { max = 1000 })
      raises("limit", decoder.write, decoder, bomb)
      raises("closed", decoder.write, decoder, bomb)
      assert.are.equal("12345", compress.decode(name, compress.encode(name, "12345"), { max = 5 }))
      raises("limit", compress.decode, name, compress.encode(name, "12345"), { max = 4 })
    end)
  end

  it("are what others read and write", function()
    local path = os.tmpname()
    for name, program in pairs { gzip = "gzip", br = "brotli", zstd = "zstd" } do
      if os.execute(program .. " --version >/dev/null 2>&1") and pcall(compress.new, name) then
        local file = assert(io.open(path, "wb"))
        file:write(compress.encode(name, TEXT))
        file:close()
        local pipe = assert(io.popen(program .. " -dc < " .. path))
        assert.are.equal(TEXT, pipe:read "a")
        pipe:close()
        file = assert(io.open(path, "wb"))
        file:write(TEXT)
        file:close()
        pipe = assert(io.popen(program .. " -c < " .. path))
        assert.are.equal(TEXT, compress.decode(name, pipe:read "a"))
        pipe:close()
      end
    end
    os.remove(path)
  end)
end)

describe("a stream", function()
  it("is over when it is finished or closed", function()
    local stream = compress.new "gzip"
    stream:finish()
    raises("closed", stream.write, stream, "x")
    stream = compress.new "gzip"
    stream:close()
    stream:close()
    raises("closed", stream.finish, stream)
    do local _ <close> = compress.new "gzip" end
  end)

  it("takes strings only", function()
    local stream = compress.new "gzip"
    misuse(stream.write, stream)
    misuse(stream.write, stream, {})
    misuse(compress.encode, "gzip")
    misuse(compress.decode, "gzip", 1)
    misuse(compress.new, "lzma")
    misuse(compress.new)
    misuse(compress.decoder, "gzip", { max = 0 })
    misuse(compress.decoder, "gzip", { maximum = 1 })
  end)
end)
