/* SPDX-License-Identifier: MIT */
/*
 * fsread.c -- reading an open file.
 *
 * A read is answered from the buffer, or a job brings more, and again.  It takes bytes
 * only when it has all that it was asked for: one that is cancelled has taken nothing.
 */
#include "fs/fsfile.h"

#include "common/format.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <sys/uio.h>
#include <unistd.h>

#define OP_NAME     "fs.file.read"
#define LEAST_READ  ((size_t)64 * 1024)
#define SOME_READ   ((size_t)128 * 1024) /* read_some() of no size */
#define MOST_READ   ((size_t)1024 * 1024)
#define MOST_CACHED ((size_t)256 * 1024) /* that the loop's thread copies for one read */

static int read_push(lua_State *L, struct lull_op *op);

/* ---- on a pool thread -------------------------------------------------------------- */

static void work_read(struct lullb_fs_job *job)
{
    ssize_t got;
    bool seeks = job->offset >= 0;
    if (!seeks && !lullb_fs_commit(job)) /* what a device gave cannot be given back */
        return;
    do {
        got = seeks ? pread(job->source->fd, job->bytes, job->capacity, job->offset)
                    : read(job->source->fd, job->bytes, job->capacity);
    } while (got < 0 && errno == EINTR);
    job->error = got < 0 ? errno : 0;
    job->size = got > 0 ? (size_t)got : 0;
}

/* ---- loop side: no Lua -------------------------------------------------------------- */

static void read_done(struct lullb_fs_wait *wait)
{
    struct lullb_fs_file *file = wait->file;
    struct lullb_fs_job *job = wait->job;
    if (job->error != 0)
        return;
    if (!lullb_buffer_append(file->rt, &file->buffer, job->bytes, job->size)) {
        wait->refused = errno == EDQUOT ? LULLB_FS_NO_BUFFER : LULLB_FS_NO_MEMORY;
        return;
    }
    file->position += (off_t)job->size;
    file->ended = job->size == 0;
}

static enum lull_cancel read_cancel(struct lull_op *op)
{
    struct lullb_fs_wait *wait = (struct lullb_fs_wait *)(void *)op;
    struct lullb_fs_file *file = wait->file;
    enum lull_cancel answer = lullb_fs_cancel(op);
    if (answer == LULL_DETACHED && file->reader == wait)
        file->reader = NULL;
    return answer;
}

static void read_abandon(struct lull_op *op)
{
    struct lullb_fs_wait *wait = (struct lullb_fs_wait *)(void *)op;
    struct lullb_fs_file *file = wait->file;
    if (file->reader == wait)
        file->reader = NULL;
    lullb_fs_abandon(op);
}

static const struct lull_op_type read_type = {
    .name = OP_NAME,
    .cancel = read_cancel,
    .push = read_push,
    .abandon = read_abandon,
};

/* ---- Lua side: one read, across its jobs ------------------------------------------------ */

/* How many bytes to bring: what is missing, but neither few nor too many at once. */
static size_t room_for_more(const struct lullb_fs_file *file)
{
    const struct lullb_request *request = &file->request;
    size_t there = lullb_buffer_size(&file->buffer) - file->taken;
    size_t missing = request->want == LULLB_WANT_SOME
                         ? request->count
                         : lullb_request_missing(request, there);
    return missing < LEAST_READ ? LEAST_READ : missing > MOST_READ ? MOST_READ : missing;
}

/*
 * What the system has in memory takes less time to copy than a thread to wake up: take
 * that at once.  False: nothing, or this read has had its share; a job is needed.
 */
static bool read_cached(struct lullb_fs_file *file)
{
    size_t room;
    size_t wanted = room_for_more(file);
    if (file->is_slow || file->cached >= MOST_CACHED)
        return false;
    if (wanted > MOST_CACHED - file->cached)
        wanted = MOST_CACHED - file->cached;
    char *bytes = lullb_buffer_reserve(file->rt, &file->buffer, wanted, &room);
    if (bytes == NULL)
        return false; /* the job will say so */
    struct iovec piece = {.iov_base = bytes, .iov_len = wanted};
    ssize_t got = preadv2(file->shared->fd, &piece, 1, file->position, RWF_NOWAIT);
    if (got < 0) {
        file->is_slow = errno != EAGAIN && errno != EINTR; /* not all can tell */
        return false;
    }
    lullb_buffer_commit(&file->buffer, (size_t)got);
    file->cached += (size_t)got;
    file->position += (off_t)got;
    file->ended = got == 0;
    return true;
}

/* Have a job bring more; then on in read_push. */
static int wait_for_more(lua_State *L, struct lullb_fs_wait *wait, struct lull_task *task)
{
    struct lullb_fs_file *file = wait->file;
    size_t room = room_for_more(file);
    if (file->reader != NULL || file->current != NULL)
        return lullb_raise(L, LULL_KIND_BUSY, OP_NAME,
                           "another task is working on the file");
    if (wait->job == NULL) {
        lullb_fs_make_job(L, wait, file->path, NULL);
        wait->job->source = file->shared;
        atomic_fetch_add(&file->shared->holders, 1);
        wait->job->work = work_read;
    }
    wait->job->size = 0;
    wait->job->offset = file->can_seek ? file->position : -1;
    if (!lullb_fs_reserve(wait->job, room))
        return lullb_raise_memory(L, OP_NAME);
    wait->done = read_done;
    wait->refused = LULLB_FS_NOT_REFUSED;
    file->reader = wait;
    return lullb_fs_await(L, wait, task, &read_type);
}

/* The read is over: let go of what it took. */
static int finish(struct lullb_fs_wait *wait)
{
    struct lullb_fs_file *file = wait->file;
    lullb_buffer_consume(file->rt, &file->buffer, file->taken);
    file->taken = 0;
    lullb_fs_let_go(wait);
    return file->results;
}

static int raise_cut_off(lua_State *L, struct lullb_fs_wait *wait, size_t length)
{
    struct lullb_fs_file *file = wait->file;
    luaL_checkstack(L, 8, NULL);
    lua_pushlstring(L, lullb_buffer_bytes(&file->buffer) + file->taken, length);
    file->taken += length;
    finish(wait);
    lull_push_error(L, LULL_KIND_EOF, "%s: it ended after %d of the bytes asked for",
                    file->path, (int)(length < INT_MAX ? length : INT_MAX));
    lull_error_detail(L, OP_NAME, 0);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "partial");
    return lua_error(L);
}

/* Nothing is taken, so that it can be read in another way. */
static int raise_too_long(lua_State *L, struct lullb_fs_wait *wait)
{
    const struct lullb_fs_file *file = wait->file;
    const char *what = file->request.want == LULLB_WANT_ALL ? "the rest of the file"
                       : file->request.want == LULLB_WANT_UNTIL
                           ? "what precedes the separator"
                           : "the line";
    lullb_fs_let_go(wait);
    luaL_checkstack(L, 8, NULL);
    lull_push_error(L, LULL_KIND_LIMIT, "%s: %s is longer than %I bytes", file->path,
                    what, (LUAI_UACINT)file->request.limit);
    lull_error_detail(L, OP_NAME, 0);
    return lua_error(L);
}

static struct lullb_read_bounds bounds_of(const struct lullb_fs_file *file)
{
    return (struct lullb_read_bounds){file->max_line, file->max_all};
}

/* The next format, if there is one: they end where the results begin. */
static bool next_format(lua_State *L, struct lullb_fs_file *file)
{
    if (file->formats == 0)
        return false;
    int first_result = lua_gettop(L) - file->results + 1;
    lullb_parse_format(L, first_result - file->formats, bounds_of(file), &file->request);
    file->formats--;
    return true;
}

/* Read on from the buffer, until all results are there or more has to come. */
static int read_on(lua_State *L, struct lullb_fs_wait *wait, struct lull_task *task)
{
    struct lullb_fs_file *file = wait->file;
    for (;;) {
        struct lullb_answer answer;
        const char *bytes = lullb_buffer_bytes(&file->buffer) + file->taken;
        size_t size = lullb_buffer_size(&file->buffer) - file->taken;
        switch (lullb_request_judge(&file->request, bytes, size, file->ended, &answer)) {
        case LULLB_ANSWERED:
            lua_pushlstring(L, bytes, answer.length);
            lullb_check_fs_open(L, file, OP_NAME); /* a finalizer may have closed it */
            file->taken += answer.used;
            file->results++;
            if (next_format(L, file))
                break;
            return finish(wait);
        case LULLB_AT_END:
            lua_pushnil(L);
            file->results++;
            return finish(wait);
        case LULLB_CUT_OFF:
            return raise_cut_off(L, wait, answer.length);
        case LULLB_TOO_LONG:
            return raise_too_long(L, wait);
        case LULLB_NEED_MORE:
            if (read_cached(file))
                break;
            return wait_for_more(L, wait, task);
        }
    }
}

static int read_push(lua_State *L, struct lull_op *op)
{
    struct lullb_fs_wait *wait = (struct lullb_fs_wait *)(void *)op;
    struct lullb_fs_file *file = wait->file;
    if (file->reader == wait)
        file->reader = NULL;
    lullb_check_fs_open(L, file, OP_NAME);
    if (wait->job != NULL &&
        (wait->job->error != 0 || wait->refused != LULLB_FS_NOT_REFUSED))
        return lullb_fs_raise(L, wait);
    return read_on(L, wait, op->task);
}

/* What this read waits with, at the bottom of the stack if it is new. */
static struct lullb_fs_wait *pick_wait(lua_State *L, struct lullb_fs_file *file)
{
    struct lullb_fs_wait *wait = &file->own;
    if (wait->timed.op.awaited) { /* who was cancelled with it has not seen that yet */
        wait = lullb_fs_push_wait(L, file->path, NULL);
        lullb_fs_let_go(wait);
        lua_insert(L, 1);
    } else {
        lullb_fs_let_go(wait);
    }
    wait->timed.rt = file->rt;
    wait->file = file;
    wait->refused = LULLB_FS_NOT_REFUSED;
    return wait;
}

/* A checkpoint, then the read that `request` describes, or the formats on top. */
static int begin(lua_State *L, struct lullb_fs_file *file,
                 const struct lullb_request *request, int formats)
{
    struct lull_task *task = lull_checkpoint(L);
    lullb_check_fs_open(L, file, OP_NAME);
    if (file->behind != NULL) /* it is only written */
        return lullb_fs_raise_file(L, file, OP_NAME, EBADF);
    if (file->reader != NULL || file->current != NULL)
        return lullb_raise(L, LULL_KIND_BUSY, OP_NAME,
                           "another task is working on the file");
    struct lullb_fs_wait *wait = pick_wait(L, file);
    file->taken = 0;
    file->results = 0;
    file->cached = 0;
    file->formats = formats;
    file->ended = false; /* it may have grown */
    if (request != NULL)
        file->request = *request;
    else
        next_format(L, file);
    file->reader = wait;
    lullb_op_begin_complete(&wait->timed, task, &read_type);
    return lull_await(L, &wait->timed.op);
}

/* ---- methods ------------------------------------------------------------------------------ */

int lullb_m_fs_read(lua_State *L)
{
    struct lullb_fs_file *file = lullb_check_fs_file(L, 1);
    return begin(L, file, NULL, lullb_check_formats(L, bounds_of(file)));
}

static int l_next_line(lua_State *L)
{
    int formats;
    struct lullb_fs_file *file = lullb_push_formats(L, &formats);
    return begin(L, file, NULL, formats);
}

int lullb_m_fs_lines(lua_State *L)
{
    return lullb_push_lines(L, bounds_of(lullb_check_fs_file(L, 1)), l_next_line);
}

int lullb_m_fs_read_some(lua_State *L)
{
    struct lullb_fs_file *file = lullb_check_fs_file(L, 1);
    struct lullb_request request = lullb_check_some(L, SOME_READ);
    return begin(L, file, &request, 0);
}

int lullb_m_fs_read_exact(lua_State *L)
{
    struct lullb_fs_file *file = lullb_check_fs_file(L, 1);
    struct lullb_request request = lullb_check_exact(L);
    return begin(L, file, &request, 0);
}

int lullb_m_fs_read_until(lua_State *L)
{
    struct lullb_fs_file *file = lullb_check_fs_file(L, 1);
    struct lullb_request request = lullb_check_until(L, bounds_of(file));
    return begin(L, file, &request, 0);
}
