/* SPDX-License-Identifier: MIT */
/*
 * httpfilelib.c -- Lua module "lull.http.file.native": the files of a folder.
 *
 * What the system has in memory is opened and read at once; what needs the
 * disk is a job of the pool for files.  A file is shared by a cache and by the
 * responses that send it: retain() and close() pair, and the last close closes.
 * A job holds the descriptor by a count of its own, so that closing under it
 * never lets it read another file.
 */
#include "common/bind.h"
#include "common/timedop.h"
#include "fs/httpfilejob.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define OP_FOLDER "http.folder"
#define OP_OPEN   "http.file.open"
#define OP_READ   "http.file.read"
#define OP_LIST   "http.file.list"
#define MAX_PATH  4096
#define MAX_READ  ((size_t)1024 * 1024)

int luaopen_lull_http_file_native(lua_State *L);

static const char folder_tag = 'd';
static const char file_tag = 'f';

/* A folder or a file. */
struct file_object {
    struct lullb_object object;     /* first */
    struct lullb_shared_fd *shared; /* NULL: closed */
    struct lull_line line;          /* who waits for it */
    unsigned uses;                  /* closes until it is closed */
    struct stat status;             /* of a file, as it was opened */
};

struct file_wait {
    struct lull_timed_op wait;  /* first */
    struct lullb_file_job *job; /* NULL: none, or done with */
    bool in_flight;             /* the job has not come back */
};

/* ---- on a pool thread ----------------------------------------------------------------- */

static void run(struct lull_job *base)
{
    struct lullb_file_job *job = (struct lullb_file_job *)base;
    job->work(job, false);
}

static void drop(struct lull_job *base)
{
    lullb_free_file_job((struct lullb_file_job *)base);
}

/* ---- loop side: no Lua -------------------------------------------------------------- */

static void done(struct lull_job *base)
{
    struct file_wait *wait = ((struct lullb_file_job *)base)->wait;
    wait->in_flight = false;
    lullb_op_complete(&wait->wait);
}

/* Give up the job, wherever it is. */
static void let_go(struct file_wait *wait)
{
    struct lullb_file_job *job = wait->job;
    wait->job = NULL;
    if (job == NULL)
        return;
    if (wait->in_flight)
        lull_job_abandon(wait->wait.rt, &job->base);
    else
        lullb_free_file_job(job);
}

static enum lull_cancel cancel(struct lull_op *op)
{
    struct file_wait *wait = (struct file_wait *)(void *)op;
    lullb_op_release(&wait->wait);
    let_go(wait);
    return LULL_DETACHED;
}

static void abandon(struct lull_op *op)
{
    cancel(op);
}

static void close_object(struct lull_handle *handle)
{
    struct file_object *object = (struct file_object *)(void *)handle;
    struct lullb_shared_fd *shared = object->shared;
    object->shared = NULL;
    /* Their jobs must not outlive the runtime's threads in a wait that is garbage. */
    for (struct lull_timed_op *timed = object->line.head; timed != NULL;
         timed = timed->next)
        let_go((struct file_wait *)(void *)timed);
    lullb_line_close(&object->line);
    lullb_release_fd(shared);
}

static const struct lull_handle_type folder_type = {
    .name = "http.folder",
    .close = close_object,
};

static const struct lull_handle_type file_type = {
    .name = "http.file",
    .close = close_object,
};

/* ---- results --------------------------------------------------------------------------- */

static void push_file_class(lua_State *L, struct lull_runtime *rt);

/* What a client may know of why there is no file; NULL: it is the server's trouble. */
static const char *reason(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP: /* links that lead outside are not there */
    case EXDEV:
    case ENXIO:
    case EINVAL:
    case ENODEV:
        return "missing";
    case EISDIR:
        return "folder";
    case EACCES:
    case EPERM:
        return "forbidden";
    default:
        return NULL;
    }
}

static int push_failure(lua_State *L, struct file_wait *wait, const char *op)
{
    int error = wait->job->error;
    const char *why = reason(error);
    let_go(wait);
    if (why == NULL)
        return lullb_raise_io(L, op, error, NULL);
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
}

static int open_push(lua_State *L, struct lull_op *op)
{
    struct file_wait *wait = (struct file_wait *)(void *)op;
    struct lull_runtime *rt = wait->wait.rt;
    luaL_checkstack(L, 8, NULL);
    if (wait->job->error != 0)
        return push_failure(L, wait, OP_OPEN);
    lull_check_handles(L, OP_OPEN);
    push_file_class(L, rt);
    struct file_object *file = lullb_push_object(L, sizeof *file, &file_tag);
    file->shared = lullb_share_fd(wait->job->fd);
    if (file->shared == NULL)
        return lullb_raise_memory(L, OP_OPEN);
    wait->job->fd = -1;
    file->status = wait->job->status;
    file->uses = 1;
    lull_handle_open(rt, &file->object.handle, &file_type);
    let_go(wait);
    return 1;
}

static int read_push(lua_State *L, struct lull_op *op)
{
    struct file_wait *wait = (struct file_wait *)(void *)op;
    luaL_checkstack(L, 8, NULL);
    if (wait->job->error != 0)
        return lullb_raise_io(L, OP_READ, wait->job->error, NULL);
    if (wait->job->size > 0)
        lua_pushlstring(L, wait->job->bytes, wait->job->size);
    else
        lua_pushnil(L);
    let_go(wait);
    return 1;
}

static int list_push(lua_State *L, struct lull_op *op)
{
    struct file_wait *wait = (struct file_wait *)(void *)op;
    luaL_checkstack(L, 8, NULL);
    if (wait->job->error != 0)
        return push_failure(L, wait, OP_LIST);
    lua_newtable(L);
    const char *end = wait->job->names + wait->job->size;
    lua_Integer count = 0;
    for (const char *name = wait->job->names; name < end; name += strlen(name) + 1) {
        lua_pushfstring(L, "%s%s", name + 1, name[0] == 'd' ? "/" : "");
        lua_rawseti(L, -2, ++count);
    }
    let_go(wait);
    return 1;
}

static const struct lull_op_type open_type = {
    .name = OP_OPEN,
    .cancel = cancel,
    .push = open_push,
    .abandon = abandon,
};

static const struct lull_op_type read_type = {
    .name = OP_READ,
    .cancel = cancel,
    .push = read_push,
    .abandon = abandon,
};

static const struct lull_op_type list_type = {
    .name = OP_LIST,
    .cancel = cancel,
    .push = list_push,
    .abandon = abandon,
};

/* ---- Lua side ----------------------------------------------------------------------------- */

static int wait_gc(lua_State *L)
{
    let_go(lua_touserdata(L, 1));
    return 0;
}

static const struct luaL_Reg no_methods[] = {{NULL, NULL}};
static const struct luaL_Reg wait_meta[] = {{"__gc", wait_gc}, {NULL, NULL}};

static struct file_object *check_open(lua_State *L, const char *tag, const char *name,
                                      const char *op)
{
    struct file_object *object = lullb_check_object(L, 1, tag, name);
    if (object->shared == NULL)
        lullb_raise(L, LULL_KIND_CLOSED, op, "closed");
    return object;
}

static struct file_object *check_folder(lua_State *L, const char *op)
{
    return check_open(L, &folder_tag, "lull.http.Folder", op);
}

static struct file_object *check_file(lua_State *L, const char *op)
{
    return check_open(L, &file_tag, "lull.http.File", op);
}

/* Push what waits for a job of `size` bytes; NULL: there is no memory for that. */
static struct file_wait *push_wait(lua_State *L, struct file_object *object, size_t size)
{
    struct file_wait *wait = lua_newuserdatauv(L, sizeof *wait, 0);
    memset(wait, 0, sizeof *wait);
    wait->wait.rt = lull_runtime_of(L);
    lull_push_class(L, wait->wait.rt, "lull.http.FileWait", no_methods, wait_meta);
    lua_setmetatable(L, -2);
    struct lullb_file_job *job = lullb_new_file_job(object->shared, size);
    if (job == NULL)
        return NULL;
    job->base.run = run;
    job->base.done = done;
    job->base.drop = drop;
    job->wait = wait;
    wait->job = job;
    return wait;
}

/* Do the work here if that needs no disk, else on the pool. */
static int await_job(lua_State *L, struct file_object *object, struct file_wait *wait,
                     struct lull_task *task, const struct lull_op_type *type)
{
    struct lull_runtime *rt = wait->wait.rt;
    wait->job->work(wait->job, true);
    if (wait->job->error != EAGAIN) {
        lullb_op_begin_complete(&wait->wait, task, type);
        return lull_await(L, &wait->wait.op);
    }
    wait->job->error = 0;
    lullb_op_begin(&wait->wait, rt, task, type, (double)INFINITY);
    lullb_line_append(&object->line, &wait->wait);
    int error = lull_job_submit(rt, LULL_POOL_FILES, &wait->job->base);
    if (error != 0)
        lullb_op_fail(&wait->wait, LULL_KIND_IO, error);
    else
        wait->in_flight = true;
    return lull_await(L, &wait->wait.op);
}

static int on_path(lua_State *L, void (*work)(struct lullb_file_job *job, bool now),
                   const struct lull_op_type *type)
{
    struct file_object *folder = check_folder(L, type->name);
    size_t length;
    const char *path = luaL_checklstring(L, 2, &length);
    luaL_argcheck(L, length < MAX_PATH && strlen(path) == length, 2, "not a path");
    lua_settop(L, 2);
    struct lull_task *task = lull_checkpoint(L);
    struct file_wait *wait = push_wait(L, folder, length + 1);
    if (wait == NULL)
        return lullb_raise_memory(L, type->name);
    memcpy(wait->job->bytes, path, length + 1);
    wait->job->work = work;
    return await_job(L, folder, wait, task, type);
}

/* folder:open(path) -> file | nil, "missing" | "folder" | "forbidden".  Suspends. */
static int m_open(lua_State *L)
{
    return on_path(L, lullb_job_open, &open_type);
}

/* folder:list(path) -> names, those of folders with a slash | nil, reason.  Suspends. */
static int m_list(lua_State *L)
{
    return on_path(L, lullb_job_list, &list_type);
}

/* file:read(offset, n) -> 1 to n bytes | nil at the end.  Suspends. */
static int m_read(lua_State *L)
{
    struct file_object *file = check_file(L, OP_READ);
    lua_Integer offset = luaL_checkinteger(L, 2);
    lua_Integer size = luaL_checkinteger(L, 3);
    luaL_argcheck(L, offset >= 0, 2, "negative offset");
    luaL_argcheck(L, size > 0, 3, "a positive number expected");
    lua_settop(L, 3);
    struct lull_task *task = lull_checkpoint(L);
    size_t room = (size_t)size < MAX_READ ? (size_t)size : MAX_READ;
    struct file_wait *wait = push_wait(L, file, room);
    if (wait == NULL)
        return lullb_raise_memory(L, OP_READ);
    wait->job->size = room;
    wait->job->offset = (off_t)offset;
    wait->job->work = lullb_job_read;
    return await_job(L, file, wait, task, &read_type);
}

/* file:stat() -> size, seconds and nanoseconds of its last change, inode; as opened */
static int m_stat(lua_State *L)
{
    const struct stat *status = &check_file(L, "http.file.stat")->status;
    lua_pushinteger(L, (lua_Integer)status->st_size);
    lua_pushinteger(L, (lua_Integer)status->st_mtim.tv_sec);
    lua_pushinteger(L, (lua_Integer)status->st_mtim.tv_nsec);
    lua_pushinteger(L, (lua_Integer)status->st_ino);
    return 4;
}

/* file:fd() -> descriptor; it stays the file's */
static int m_fd(lua_State *L)
{
    lua_pushinteger(L, check_file(L, "http.file.fd")->shared->fd);
    return 1;
}

/* file:retain() -> file, that one more close() is for */
static int m_retain(lua_State *L)
{
    check_file(L, "http.file.retain")->uses++;
    lua_settop(L, 1);
    return 1;
}

/* file:close() -> nothing; the last one closes */
static int m_close_file(lua_State *L)
{
    struct file_object *file = lullb_check_object(L, 1, &file_tag, "lull.http.File");
    if (file->uses > 0 && --file->uses == 0)
        lull_handle_close(&file->object.handle);
    return 0;
}

static int l_close(lua_State *L)
{
    struct file_object *object = lua_touserdata(L, 1);
    lull_handle_close(&object->object.handle);
    return 0;
}

static int m_close_folder(lua_State *L)
{
    lullb_check_object(L, 1, &folder_tag, "lull.http.Folder");
    return l_close(L);
}

static const struct luaL_Reg file_methods[] = {
    {"close", m_close_file}, {"fd", m_fd},     {"read", m_read},
    {"retain", m_retain},    {"stat", m_stat}, {NULL, NULL},
};
static const struct luaL_Reg file_meta[] = {{"__gc", l_close}, {NULL, NULL}};

static void push_file_class(lua_State *L, struct lull_runtime *rt)
{
    lull_push_class(L, rt, "lull.http.File", file_methods, file_meta);
}

static const struct luaL_Reg folder_methods[] = {
    {"close", m_close_folder},
    {"list", m_list},
    {"open", m_open},
    {NULL, NULL},
};
static const struct luaL_Reg folder_meta[] = {{"__gc", l_close}, {NULL, NULL}};

/*
 * folder(path) -> folder; raises io, permission.  Does not suspend: it is called once, at
 * the start.  Whoever may read a folder may read all below it, and nothing else is opened.
 */
static int l_folder(lua_State *L)
{
    size_t length;
    const char *path = luaL_checklstring(L, 1, &length);
    luaL_argcheck(L, length > 0 && strlen(path) == length, 1, "not a path");
    struct lull_runtime *rt = lull_runtime_of(L);
    lull_push_class(L, rt, "lull.http.Folder", folder_methods, folder_meta);
    struct file_object *folder = lullb_push_object(L, sizeof *folder, &folder_tag);
    lull_check_handles(L, OP_FOLDER);
    int fd = lull_open_file(L, OP_FOLDER, path, O_RDONLY | O_DIRECTORY, 0);
    folder->shared = lullb_share_fd(fd);
    if (folder->shared == NULL) {
        close(fd);
        return lullb_raise_memory(L, OP_FOLDER);
    }
    lull_handle_open(rt, &folder->object.handle, &folder_type);
    return 1;
}

/* permit(path): raise unless the running task may write a file there */
static int l_permit(lua_State *L)
{
    lull_check_permission(L, LULL_MAY_WRITE, "http.download", luaL_checkstring(L, 1));
    return 0;
}

static const struct luaL_Reg functions[] = {
    {"folder", l_folder},
    {"permit", l_permit},
    {NULL, NULL},
};

int luaopen_lull_http_file_native(lua_State *L)
{
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    return 1;
}
