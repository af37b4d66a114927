/* SPDX-License-Identifier: MIT */
/*
 * fslib.c -- Lua module "lull.fs.native": calls on paths, one job each.
 *
 * Every function here suspends, and raises `io` (with path, op, code), `permission`,
 * `memory`, `limit`; options are checked and named in scripts/fs.lua.
 */
#include "fs/fsfile.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

int luaopen_lull_fs_native(lua_State *L);

enum verb {
    READ_FILE,
    WRITE_FILE,
    STAT,
    WATCH,
    LIST,
    MKDIR,
    REMOVE,
    RENAME,
    COPY,
    TEMP_DIR,
    SYMLINK,
    READLINK,
    CHMOD
};

#define HOOKS \
    .cancel = lullb_fs_cancel, .push = lullb_fs_push, .abandon = lullb_fs_abandon

static const struct lull_op_type types[] = {
    [READ_FILE] = {.name = "fs.read_file", HOOKS},
    [WRITE_FILE] = {.name = "fs.write_file", HOOKS},
    [STAT] = {.name = "fs.stat", HOOKS},
    [WATCH] = {.name = "fs.watch", HOOKS},
    [LIST] = {.name = "fs.list", HOOKS},
    [MKDIR] = {.name = "fs.mkdir", HOOKS},
    [REMOVE] = {.name = "fs.remove", HOOKS},
    [RENAME] = {.name = "fs.rename", HOOKS},
    [COPY] = {.name = "fs.copy", HOOKS},
    [TEMP_DIR] = {.name = "fs.temp_dir", HOOKS},
    [SYMLINK] = {.name = "fs.symlink", HOOKS},
    [READLINK] = {.name = "fs.readlink", HOOKS},
    [CHMOD] = {.name = "fs.chmod", HOOKS},
};

/* ---- results --------------------------------------------------------------------------- */

static int push_bytes(lua_State *L, struct lullb_fs_wait *wait)
{
    lua_pushlstring(L, wait->job->size > 0 ? wait->job->bytes : "", wait->job->size);
    return 1;
}

static int push_names(lua_State *L, struct lullb_fs_wait *wait)
{
    const struct lullb_fs_job *job = wait->job;
    const char *name = job->bytes;
    lua_createtable(L, job->count < INT_MAX ? (int)job->count : INT_MAX, 0);
    for (size_t i = 0; i < job->count; i++, name += strlen(name) + 1) {
        lua_pushstring(L, name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static const char *type_name(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "file";
    case S_IFDIR:
        return "directory";
    case S_IFLNK:
        return "link";
    case S_IFIFO:
        return "pipe";
    case S_IFSOCK:
        return "socket";
    case S_IFBLK:
        return "block";
    default:
        return "char";
    }
}

static void set_integer(lua_State *L, const char *name, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static void set_time(lua_State *L, const char *name, struct timespec time)
{
    lua_pushnumber(L, (lua_Number)time.tv_sec + (lua_Number)time.tv_nsec / 1e9);
    lua_setfield(L, -2, name);
}

void lullb_fs_push_stat(lua_State *L, const struct stat *status)
{
    lua_createtable(L, 0, 11);
    lua_pushstring(L, type_name(status->st_mode));
    lua_setfield(L, -2, "type");
    set_integer(L, "size", (lua_Integer)status->st_size);
    set_integer(L, "mode", (lua_Integer)(status->st_mode & 07777));
    set_integer(L, "uid", (lua_Integer)status->st_uid);
    set_integer(L, "gid", (lua_Integer)status->st_gid);
    set_integer(L, "ino", (lua_Integer)status->st_ino);
    set_integer(L, "dev", (lua_Integer)status->st_dev);
    set_integer(L, "nlink", (lua_Integer)status->st_nlink);
    set_time(L, "mtime", status->st_mtim);
    set_time(L, "atime", status->st_atim);
    set_time(L, "ctime", status->st_ctim);
}

static int push_stat(lua_State *L, struct lullb_fs_wait *wait)
{
    lullb_fs_push_stat(L, &wait->job->status);
    return 1;
}

/* ---- loop side: no Lua --------------------------------------------------------------------- */

/* There is more of the file: may it be held, and is there memory for it? */
static enum lullb_fs_refused grow(struct lullb_fs_wait *wait)
{
    struct lullb_fs_job *job = wait->job;
    struct lull_runtime *rt = wait->timed.rt;
    bool is_long = S_ISREG(job->status.st_mode) &&
                   (uint64_t)job->status.st_size > (uint64_t)wait->max;
    if (job->size > wait->max || is_long)
        return LULLB_FS_TOO_LONG;
    if (job->wanted > wait->max)
        job->wanted = wait->max + 1;
    if (!lullb_fs_charge(wait, job->wanted - job->size))
        return LULLB_FS_NO_BUFFER;
    /* The block cannot be the runtime's, for it may outlive that; the result will be. */
    void *probe = lull_alloc(rt, job->wanted);
    if (probe == NULL)
        return LULLB_FS_NO_MEMORY;
    lull_release(rt, probe, job->wanted);
    return LULLB_FS_NOT_REFUSED;
}

static void read_done(struct lullb_fs_wait *wait)
{
    struct lullb_fs_job *job = wait->job;
    if (job->error != 0)
        return;
    if (!job->more && job->size > wait->max)
        wait->refused = LULLB_FS_TOO_LONG;
    if (!job->more)
        return;
    wait->refused = grow(wait);
    if (wait->refused != LULLB_FS_NOT_REFUSED)
        return;
    int error = lullb_fs_submit(wait);
    if (error != 0) /* else it is a thread's by now */
        job->error = error;
}

static void list_done(struct lullb_fs_wait *wait)
{
    if (wait->job->error == 0 && !lullb_fs_charge(wait, wait->job->size))
        wait->refused = LULLB_FS_NO_BUFFER;
}

/* ---- Lua side --------------------------------------------------------------------------------- */

/* A checkpoint, and what waits for a job on the path at 1, and at 2 if there are two. */
static struct lullb_fs_wait *begin(lua_State *L, bool two, struct lull_task **task)
{
    const char *path = lullb_fs_check_path(L, 1);
    const char *other = two ? lullb_fs_check_path(L, 2) : NULL;
    *task = lull_checkpoint(L);
    luaL_checkstack(L, 10, NULL);
    return lullb_fs_push_wait(L, path, other);
}

static int start(lua_State *L, struct lullb_fs_wait *wait, struct lull_task *task,
                 enum verb verb, void (*work)(struct lullb_fs_job *job))
{
    wait->job->work = work;
    return lullb_fs_await(L, wait, task, &types[verb]);
}

/* The mode of what is made; who runs a file as another is not decided here. */
static unsigned opt_mode(lua_State *L, int index)
{
    lua_Integer mode = luaL_optinteger(L, index, 0777);
    luaL_argcheck(L, mode >= 0 && mode <= 01777, index, "not a mode");
    return lua_isnoneornil(L, index) ? UINT_MAX : (unsigned)mode;
}

/* read_file(path, max) -> bytes */
static int l_read_file(lua_State *L)
{
    struct lull_task *task;
    size_t max = (size_t)luaL_checkinteger(L, 2);
    struct lullb_fs_wait *wait = begin(L, false, &task);
    size_t first = max < LULLB_FS_FIRST_READ ? max + 1 : LULLB_FS_FIRST_READ;
    wait->max = max;
    wait->push = push_bytes;
    wait->done = read_done;
    wait->job->wanted = first;
    if (!lullb_fs_charge(wait, first))
        return lullb_raise_refused(L, "fs.read_file", EDQUOT);
    return start(L, wait, task, READ_FILE, lullb_fs_work_read);
}

/* write_file(path, bytes, flags, mode) -> nothing */
static int l_write_file(lua_State *L)
{
    struct lull_task *task;
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    unsigned flags = (unsigned)luaL_checkinteger(L, 3);
    unsigned mode = opt_mode(L, 4);
    struct lullb_fs_wait *wait = begin(L, false, &task);
    if (!lullb_fs_charge(wait, size))
        return lullb_raise_refused(L, "fs.write_file", EDQUOT);
    if (size > 0 && !lullb_fs_reserve(wait->job, size))
        return lullb_raise_memory(L, "fs.write_file");
    if (size > 0)
        memcpy(wait->job->bytes, bytes, size);
    wait->job->size = size;
    wait->job->flags = flags;
    wait->job->mode = mode;
    return start(L, wait, task, WRITE_FILE, lullb_fs_work_write);
}

static int start_stat(lua_State *L, enum verb verb, unsigned flags)
{
    struct lull_task *task;
    struct lullb_fs_wait *wait = begin(L, false, &task);
    wait->push = push_stat;
    wait->job->flags = flags;
    return start(L, wait, task, verb, lullb_fs_work_stat);
}

/* stat(path, flags) -> table */
static int l_stat(lua_State *L)
{
    return start_stat(L, STAT, (unsigned)luaL_checkinteger(L, 2));
}

/* watched(path) -> table: the same, for who is going to watch what it leads to */
static int l_watched(lua_State *L)
{
    return start_stat(L, WATCH, LULLB_FS_FOLLOW);
}

/* list(path) -> names */
static int l_list(lua_State *L)
{
    struct lull_task *task;
    struct lullb_fs_wait *wait = begin(L, false, &task);
    wait->push = push_names;
    wait->done = list_done;
    return start(L, wait, task, LIST, lullb_fs_work_list);
}

/* mkdir(path, flags, mode) -> nothing */
static int l_mkdir(lua_State *L)
{
    struct lull_task *task;
    unsigned flags = (unsigned)luaL_checkinteger(L, 2), mode = opt_mode(L, 3);
    struct lullb_fs_wait *wait = begin(L, false, &task);
    wait->job->flags = flags;
    wait->job->mode = mode;
    return start(L, wait, task, MKDIR, lullb_fs_work_mkdir);
}

/* remove(path, flags) -> nothing */
static int l_remove(lua_State *L)
{
    struct lull_task *task;
    unsigned flags = (unsigned)luaL_checkinteger(L, 2);
    struct lullb_fs_wait *wait = begin(L, false, &task);
    wait->job->flags = flags;
    return start(L, wait, task, REMOVE, lullb_fs_work_remove);
}

/* rename(from, to, flags) -> nothing */
static int l_rename(lua_State *L)
{
    struct lull_task *task;
    unsigned flags = (unsigned)luaL_checkinteger(L, 3);
    struct lullb_fs_wait *wait = begin(L, true, &task);
    wait->job->flags = flags;
    return start(L, wait, task, RENAME, lullb_fs_work_rename);
}

/* copy(from, to, flags, mode) -> nothing */
static int l_copy(lua_State *L)
{
    struct lull_task *task;
    unsigned flags = (unsigned)luaL_checkinteger(L, 3), mode = opt_mode(L, 4);
    struct lullb_fs_wait *wait = begin(L, true, &task);
    wait->job->flags = flags;
    wait->job->mode = mode;
    return start(L, wait, task, COPY, lullb_fs_work_copy);
}

/* temp_dir(parent) -> path */
static int l_temp_dir(lua_State *L)
{
    struct lull_task *task;
    struct lullb_fs_wait *wait = begin(L, false, &task);
    wait->push = push_bytes;
    return start(L, wait, task, TEMP_DIR, lullb_fs_work_temp_dir);
}

/* Does a path have a ".." in it? */
static bool goes_up(const char *path)
{
    for (; *path != '\0'; path += strspn(path, "/")) {
        size_t size = strcspn(path, "/");
        if (size == 2 && memcmp(path, "..", 2) == 0)
            return true;
        path += size;
    }
    return false;
}

/*
 * symlink(path, says) -> nothing.  Whoever makes a link leads others through it: what
 * it says, seen from where it is, must be what the task may write, too.  Where ".."
 * leads depends on the links before it, and on where the link is moved to: it is for
 * those who may everything.
 */
static int l_symlink(lua_State *L)
{
    struct lull_task *task;
    const char *path = lullb_fs_check_path(L, 1);
    const char *says = lullb_fs_check_path(L, 2);
    const char *slash = strrchr(path, '/');
    if (*says != '/' && slash != NULL) {
        lua_pushlstring(L, path, (size_t)(slash - path));
        says = lua_pushfstring(L, "%s/%s", lua_tostring(L, -1), says);
    }
    lull_check_permission(L, LULL_MAY_WRITE, "fs.symlink", says);
    lua_settop(L, 2);
    if (goes_up(lua_tostring(L, 2)))
        lull_check_permission(L, LULL_MAY_ALL, "fs.symlink", NULL);
    struct lullb_fs_wait *wait = begin(L, true, &task);
    return start(L, wait, task, SYMLINK, lullb_fs_work_symlink);
}

/* readlink(path) -> what it says */
static int l_readlink(lua_State *L)
{
    struct lull_task *task;
    struct lullb_fs_wait *wait = begin(L, false, &task);
    wait->push = push_bytes;
    return start(L, wait, task, READLINK, lullb_fs_work_readlink);
}

/* chmod(path, mode) -> nothing.  Who runs it as another is for those who may run things. */
static int l_chmod(lua_State *L)
{
    struct lull_task *task;
    lua_Integer mode = luaL_checkinteger(L, 2);
    luaL_argcheck(L, mode >= 0 && mode <= 07777, 2, "not a mode");
    if ((mode & 06000) != 0)
        lull_check_permission(L, LULL_MAY_NATIVE, "fs.chmod", NULL);
    struct lullb_fs_wait *wait = begin(L, false, &task);
    wait->job->mode = (unsigned)mode;
    return start(L, wait, task, CHMOD, lullb_fs_work_chmod);
}

static const struct luaL_Reg functions[] = {
    {"chmod", l_chmod},
    {"copy", l_copy},
    {"list", l_list},
    {"mkdir", l_mkdir},
    {"read_file", l_read_file},
    {"readlink", l_readlink},
    {"remove", l_remove},
    {"rename", l_rename},
    {"stat", l_stat},
    {"symlink", l_symlink},
    {"temp_dir", l_temp_dir},
    {"watched", l_watched},
    {"write_file", l_write_file},
    {"folder", lullb_l_fs_folder},
    {"open", lullb_l_fs_open},
    {"watcher", lullb_l_fs_watcher},
    {NULL, NULL},
};

int luaopen_lull_fs_native(lua_State *L)
{
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    return 1;
}
