---@meta lull.fs
--
-- Definitions for editors: files and folders, without holding up the loop.
--
-- All calls suspend while a thread does the work.  They raise `io`, an error object with `path`,
-- `op` and `code` ("ENOENT"), with `other` where there is a second path; where not everything is
-- allowed `permission`: reading needs `read=PATH`, changing `write=PATH`, also after all links;
-- `limit` where the host allows no more bytes to be held.  What is cancelled did not happen,
-- unless something else is said; what cannot be taken back any more is waited for.  Names may
-- have any bytes but NUL.  Pipes and sockets are not read or written here (EOPNOTSUPP): they would
-- keep a thread.

---@class lull.fs
local fs = {}

--- Times are seconds since 1970.
---@class lull.fs.Stat
---@field type "file"|"directory"|"link"|"pipe"|"socket"|"block"|"char"
---@field size integer   bytes
---@field mode integer   permission bits, as 0644 is 420
---@field mtime number   its bytes were changed
---@field atime number   it was read
---@field ctime number   anything was changed
---@field uid integer
---@field gid integer
---@field ino integer
---@field dev integer
---@field nlink integer

---@class lull.fs.StatOptions
---@field missing? boolean  it need not be there: nil then

---@class lull.fs.OpenOptions
---@field max_line? integer  bytes of a line, or of read_until; 1 MiB
---@field max_all? integer   bytes of read("a"); 1 GiB
---@field high_water? integer  bytes that are queued behind those on their way to the system, in modes
---  "w" and "a" (a longer write waits for its turn); 0: a write returns when the system has it; 1 MiB

---@class lull.fs.WalkOptions
---@field enter? fun(path: string, stat: lull.fs.Stat): boolean?  asked of each folder: is what is in
---  it wanted, too?  Called after the loop has seen the folder
---@field on_error? fun(err: lull.Error)  told of folders that cannot be read; they are raised else

---@class lull.fs.WatchOptions
---@field recursive? boolean  folders below, too, also those that come
---@field delay? number       seconds in which what happens to a path is made one event; 0.05

---@class lull.fs.Event
---@field path string
---@field kind "created"|"changed"|"removed"|"overflow"  overflow: too much happened, look again

---@class lull.fs.ReadOptions
---@field max? integer  bytes; a longer file raises `limit`; 1 GiB

---@class lull.fs.WriteOptions
---@field atomic? boolean        all or nothing: written beside it, brought to the disk, and renamed;
---  a link is replaced, not followed; the mode of the file stays
---@field append? boolean        at the end of what is there
---@field sync? boolean          wait until it is on the disk; atomic does
---@field mode? integer|string   of a file that is made; 0666, less the umask

---@class lull.fs.MkdirOptions
---@field parents? boolean      those above, too; and it may be there
---@field mode? integer|string  0777, less the umask

---@class lull.fs.RemoveOptions
---@field recursive? boolean  with all that is in it; links are removed, not followed.  Stops at the
---  first failure, and when it is cancelled: then a part is gone
---@field missing? boolean    it need not be there

---@class lull.fs.RenameOptions
---@field replace? boolean  false: raise EEXIST when there is something

---@class lull.fs.CopyOptions: lull.fs.RenameOptions
---@field sync? boolean         wait until it is on the disk
---@field mode? integer|string  of the copy; that of the original, less the umask

--- Read a whole file, whatever size it says to have.
---@async
---@param path string
---@param opts? lull.fs.ReadOptions
---@return string bytes
function fs.read_file(path, opts) end

--- Write a whole file; it is made if need be.
---@async
---@param path string
---@param bytes string
---@param opts? lull.fs.WriteOptions
function fs.write_file(path, bytes, opts) end

--- Open a file.
---@async
---@param path string
---@param mode? string  as for io.open: "r", "w", "a", with "+" and "b"; "r"
---@param opts? lull.fs.OpenOptions
---@return lull.fs.File
function fs.open(path, mode, opts) end

--- What the system tells of a file; of what a link leads to.
---@async
---@param path string
---@param opts? lull.fs.StatOptions
---@return lull.fs.Stat? # nil with `missing` only
function fs.stat(path, opts) end

--- What the system tells of a file; of a link itself.
---@async
---@param path string
---@param opts? lull.fs.StatOptions
---@return lull.fs.Stat? # nil with `missing` only
function fs.lstat(path, opts) end

--- Is there anything?  False for a link that leads nowhere.  Raises what keeps it from being known.
---@async
---@param path string
---@return boolean
function fs.exists(path) end

--- The names in a folder but "." and "..", sorted by their bytes.
---@async
---@param path string
---@return string[]
function fs.list(path) end

--- Iterate over all that is below a folder, in no order, but a folder before what is in it; links
--- are not followed.  What comes or goes meanwhile may be missed.  One folder is open at a time.
---@async
---@param path string
---@param opts? lull.fs.WalkOptions
---@return async fun(): string?, lull.fs.Stat?  path and stat
function fs.walk(path, opts) end

--- Watch what is in a folder, or a file by its name: also one that others are renamed over.
---
---     for event in fs.watch(path) do print(event.kind, event.path) end
---
--- Leaving the loop ends it.  Raises ENOSPC where the system has no more watches.
---@async
---@param path string
---@param opts? lull.fs.WatchOptions
---@return lull.fs.Watch
function fs.watch(path, opts) end

--- Make a folder.
---@async
---@param path string
---@param opts? lull.fs.MkdirOptions
function fs.mkdir(path, opts) end

--- Remove a file, a link or an empty folder.  EINVAL for a path that ends with "." or "..".
---@async
---@param path string
---@param opts? lull.fs.RemoveOptions
function fs.remove(path, opts) end

--- Rename, or move within a file system; replaces what is there.  Where not everything is allowed
--- it needs `read` and `write` for `from`, and `write` for `to`.
---@async
---@param from string
---@param to string
---@param opts? lull.fs.RenameOptions
function fs.rename(from, to, opts) end

--- Copy a file, by the system where it can.  What is at `to` is replaced when all is copied.
---@async
---@param from string
---@param to string
---@param opts? lull.fs.CopyOptions
function fs.copy(from, to, opts) end

--- Make a symbolic link at `path`.  Where not everything is allowed it needs `write` for both,
--- and may not say "..".
---@async
---@param target string  what it says
---@param path string
function fs.symlink(target, path) end

--- What a symbolic link says.
---@async
---@param path string
---@return string target
function fs.readlink(path) end

--- Change the mode of a file, or of what a link leads to.  Bits for running it as its owner
--- (06000) need `native`.
---@async
---@param path string
---@param mode integer|string  a string: octal digits
function fs.chmod(path, mode) end

--- Make a folder of a name that nobody has, to which others have no access.
---@async
---@param parent? string  where; "/tmp"
---@return lull.fs.TempDir
function fs.temp_dir(parent) end

--- What happens below a path; called it is next().  Also a to-be-closed value.
---@class lull.fs.Watch
local Watch = {}

--- Wait for the next event; nil when what was watched is gone.  One task at a time.
---@async
---@return lull.fs.Event?
function Watch:next() end

--- Stop watching; who waits gets `closed`.  Idempotent.
function Watch:close() end

--- A folder for a while: a to-be-closed value, which removes it with all that is in it.
---@class lull.fs.TempDir
---@field path string
local TempDir = {}

--- Remove it now.  Idempotent.  Under a shield, so that it is removed also when cancelled.
---@async
function TempDir:remove() end

--- An open file; also a to-be-closed value.  One task reads at a time, and none writes meanwhile
--- (`busy`); several may write, and take turns.  A read that is cancelled has taken nothing, a write
--- that is cancelled has not happened.
---
--- Regular files in modes "w" and "a" are written behind the writer's back: write() returns when its
--- bytes are queued, and they reach the system at once, in order, on a thread.  To read them in another
--- way flush first, or close.  What fails then is raised once, by the next call that writes, flushes,
--- syncs, asks or closes; what was queued after it is lost.  A file that is collected, or closed where
--- nobody can wait, is still written, also at the end of the program; then lull.on_error is told what
--- fails.  In other modes, and to devices, a write returns when the system has it.
---@class lull.fs.File
local File = {}

--- Read as io.read does, with "l", "L", "a" and numbers of bytes.  Raises `io`, `closed`, `limit`.
---@async
---@param ... string|integer
---@return string? ...
function File:read(...) end

--- Iterate with read(...) until the end; does not close.
---@param ... string|integer
---@return async fun(): string? ...
function File:lines(...) end

--- Read what there is, at least one byte; nil at the end.
---@async
---@param max? integer  bytes; 128 KiB
---@return string?
function File:read_some(max) end

--- Read so many bytes; nil at the end.  Raises `eof` with `partial` when it ends before.
---@async
---@param n integer
---@return string?
function File:read_exact(n) end

--- Read up to and with a separator; nil at the end.  Raises `eof` with `partial`, `limit`.
---@async
---@param separator string
---@param limit? integer  bytes; max_line
---@return string?
function File:read_until(separator, limit) end

--- Write at the position, or at the end in mode "a".  Raises `io`, with a part written.  Waits only
--- while more than `high_water` bytes are queued.
---@async
---@param ... string|number
---@return lull.fs.File
function File:write(...) end

--- Wait until the system has what was written; others can read it then.
---@async
---@return lull.fs.File
function File:flush() end

--- Wait until what was written is on the disk.
---@async
---@return lull.fs.File
function File:sync() end

--- Cut it off, or fill it with zeros, to this size; the position stays.
---@async
---@param size integer
---@return lull.fs.File
function File:truncate(size) end

--- Go to a position, as io's files do.  Suspends only for "end", and for what is queued.
---@async
---@param whence? "set"|"cur"|"end"  "cur"
---@param offset? integer            0
---@return integer position
function File:seek(whence, offset) end

--- What the system tells of it.
---@async
---@return lull.fs.Stat
function File:stat() end

--- Its descriptor, which stays the file's; -1 when it is closed.
---@return integer
function File:fd() end

--- Close it; others who wait get `closed`.  Idempotent.  Suspends until the system has what was
--- written, also when the task is cancelled, and raises what failed: the file is closed all the same.
---@async
function File:close() end

return fs
