/* SPDX-License-Identifier: MIT */
/*
 * fswrite.c -- writing to an open file, behind the writer's back.
 *
 * A write returns when its bytes are queued: one job is being written, and what comes
 * meanwhile is gathered for the next.  A write for which there is no room waits for it,
 * and can be cancelled until then.  What fails is kept until a call can raise it; bytes
 * that were queued after it are dropped, for they would be in the wrong place.
 *
 * The queue is a block of its own: it outlives a file that is closed with bytes in it, as
 * a handle in the background, and reports what fails then if nobody waits in close().
 */
#include "fs/fsfile.h"

#include <errno.h>
#include <math.h>
#include <string.h>

struct lullb_fs_behind {
    struct lull_handle handle;      /* first; open: the file is closed, and we go on */
    struct lullb_fs_wait under_way; /* its job is with a thread; never awaited */
    struct lullb_fs_wait gathered;  /* its job is not; likewise */
    struct lullb_fs_file *file;     /* NULL: closed, and nobody waits for the end */
    size_t high_water;              /* bytes that are gathered */
    int error;                      /* errno value that nobody was told; 0: none */
};

#define OP_NAME "fs.file.write"
#define SMALL   ((size_t)16 * 1024) /* bytes that are moved while it grows */

static int write_push(lua_State *L, struct lull_op *op);
static int now_push(lua_State *L, struct lull_op *op);
static enum lull_cancel close_cancel(struct lull_op *op);
static int close_push(lua_State *L, struct lull_op *op);
static void close_abandon(struct lull_op *op);

static const struct lull_op_type write_type = {
    .name = OP_NAME,
    .cancel = lullb_fs_turn_cancel,
    .push = write_push,
    .abandon = lullb_fs_turn_abandon,
};

/* It has happened, and only keeps the loop fair. */
static const struct lull_op_type now_type = {
    .name = OP_NAME,
    .push = now_push,
};

static const struct lull_op_type flush_type = {
    .name = "fs.file.flush",
    .cancel = lullb_fs_turn_cancel,
    .push = lullb_fs_turn_push,
    .abandon = lullb_fs_turn_abandon,
};

static const struct lull_op_type close_type = {
    .name = "fs.file.close",
    .cancel = close_cancel,
    .push = close_push,
    .abandon = close_abandon,
};

/* ---- loop side: no Lua ----------------------------------------------------------- */

struct lost {
    const char *path;
    int error;
};

static int push_lost(lua_State *L, void *arg)
{
    const struct lost *lost = arg;
    lull_push_error(L, LULL_KIND_IO, "%s: %s", lost->path, strerror(lost->error));
    lull_error_detail(L, OP_NAME, lost->error);
    lua_pushstring(L, lost->path);
    lua_setfield(L, -2, "path");
    return 1;
}

/* Nobody is there to be told. */
static void report(const struct lullb_fs_behind *behind, const char *path)
{
    struct lost lost = {.path = path, .error = behind->error};
    lull_report(behind->under_way.timed.rt, push_lost, &lost);
}

static void free_behind(struct lullb_fs_behind *behind)
{
    lullb_fs_let_go(&behind->under_way);
    lullb_fs_let_go(&behind->gathered);
    lull_release(behind->under_way.timed.rt, behind, sizeof *behind);
}

/* The runtime goes before all is written. */
static void close_behind(struct lull_handle *handle)
{
    free_behind((struct lullb_fs_behind *)(void *)handle);
}

static const struct lull_handle_type behind_type = {
    .name = "fs.file.behind",
    .close = close_behind,
    .background = true,
};

static void back(struct lull_job *base);

/* Give what is gathered to a thread, to be put at `offset`; -1: at the end. */
static void send(struct lullb_fs_behind *behind, off_t offset)
{
    struct lullb_fs_wait *wait = &behind->under_way;
    wait->job = behind->gathered.job;
    wait->charged = behind->gathered.charged;
    behind->gathered.job = NULL;
    behind->gathered.charged = 0;
    wait->job->wait = wait;
    wait->job->base.done = back;
    wait->job->work = lullb_fs_work_put;
    wait->job->offset = offset;
    behind->error = lullb_fs_submit(wait);
}

/* The file is closed, and nothing is left to be written. */
static void end_behind(struct lullb_fs_behind *behind)
{
    struct lullb_fs_file *file = behind->file;
    const struct lullb_fs_job *job = behind->under_way.job;
    if (file != NULL) {
        file->failed = behind->error;
        lullb_fs_let_go(&behind->under_way); /* close() is to find it closed */
        lullb_op_complete(&file->closer.timed);
    } else if (behind->error != 0) {
        report(behind, job->path);
    }
    lull_handle_close(&behind->handle);
}

/* A job is back. */
static void back(struct lull_job *base)
{
    struct lullb_fs_wait *wait = ((struct lullb_fs_job *)(void *)base)->wait;
    struct lullb_fs_behind *behind = wait->file;
    bool is_closed = lull_handle_is_open(&behind->handle);
    const struct lullb_fs_job *job = wait->job;
    bool appends = (job->flags & LULLB_FS_APPEND) != 0;
    off_t end = job->offset + (off_t)job->size;
    wait->in_flight = false;
    behind->error = job->error;
    if (behind->error != 0) {
        lullb_fs_let_go(&behind->gathered);
    } else if (is_closed && behind->gathered.job != NULL) {
        lullb_fs_let_go(wait);
        send(behind, appends ? -1 : end);
        if (behind->error == 0)
            return;
    }
    if (is_closed) {
        end_behind(behind);
        return;
    }
    behind->file->position = end;
    lullb_fs_let_go(wait);
    lullb_fs_next_turn(behind->file);
}

void lullb_fs_send_behind(struct lullb_fs_file *file)
{
    struct lullb_fs_behind *behind = file->behind;
    if (behind->gathered.job == NULL || file->current != NULL)
        return;
    send(behind, file->appends ? -1 : file->position);
    if (behind->error == 0)
        file->current = &behind->under_way;
    else
        lullb_fs_let_go(&behind->under_way);
}

bool lullb_fs_is_behind(const struct lullb_fs_file *file,
                        const struct lullb_fs_wait *wait)
{
    return file->behind != NULL && wait == &file->behind->under_way;
}

bool lullb_fs_has_room(const struct lullb_fs_file *file, size_t size)
{
    const struct lullb_fs_behind *behind = file->behind;
    const struct lullb_fs_job *job = behind != NULL ? behind->gathered.job : NULL;
    if (behind == NULL ||
        !(file->current == NULL || lullb_fs_is_behind(file, file->current)))
        return false;
    return job == NULL ||
           (job->size < behind->high_water && size <= behind->high_water - job->size);
}

int lullb_fs_take_over(struct lullb_fs_file *file, struct lullb_fs_wait *wait)
{
    struct lullb_fs_wait *gathered = &file->behind->gathered;
    if (gathered->job == NULL) {
        gathered->job = wait->job;
        gathered->charged = wait->charged;
        wait->job = NULL;
        wait->charged = 0;
    } else {
        struct lullb_fs_job *job = gathered->job;
        if (!lullb_fs_reserve(job, wait->job->size)) {
            job->error = 0;
            return ENOMEM;
        }
        memcpy(job->bytes + job->size, wait->job->bytes, wait->job->size);
        job->size += wait->job->size;
        gathered->charged += wait->charged;
        wait->charged = 0;
        lullb_fs_let_go(wait);
    }
    lullb_fs_send_behind(file);
    return 0;
}

int lullb_fs_behind_error(const struct lullb_fs_behind *behind)
{
    return behind->error;
}

void lullb_fs_behind_told(struct lullb_fs_behind *behind, int error)
{
    if (behind->error == error)
        behind->error = 0;
}

bool lullb_fs_open_behind(struct lullb_fs_file *file, size_t high_water)
{
    struct lullb_fs_behind *behind = lull_alloc(file->rt, sizeof *behind);
    if (behind == NULL)
        return false;
    memset(behind, 0, sizeof *behind);
    behind->under_way.timed.rt = behind->gathered.timed.rt = file->rt;
    behind->under_way.max = behind->gathered.max = SIZE_MAX;
    behind->under_way.file = behind;
    behind->file = file;
    behind->high_water = high_water;
    file->behind = behind;
    return true;
}

void lullb_fs_leave_behind(struct lullb_fs_file *file)
{
    struct lullb_fs_behind *behind = file->behind;
    file->behind = NULL;
    if (behind->under_way.in_flight) {
        if (file->closer.timed.op.state != LULL_OP_PENDING)
            behind->file = NULL;
        lull_handle_open(file->rt, &behind->handle, &behind_type);
    } else {
        if (behind->error != 0 && file->failed == 0)
            report(behind, file->path);
        free_behind(behind);
    }
}

static enum lull_cancel close_cancel(struct lull_op *op)
{
    (void)op;
    return LULL_WILL_REPORT; /* it is closed; what was written is not given up */
}

static void close_abandon(struct lull_op *op)
{
    struct lullb_fs_wait *wait = (struct lullb_fs_wait *)(void *)op;
    struct lullb_fs_behind *behind = wait->file;
    if (op->state == LULL_OP_PENDING)
        behind->file = NULL;
    lullb_op_release(&wait->timed);
}

/* ---- Lua side --------------------------------------------------------------------- */

int lullb_fs_raise_file(lua_State *L, const struct lullb_fs_file *file, const char *op,
                        int error)
{
    luaL_checkstack(L, 10, NULL);
    lull_push_error(L, LULL_KIND_IO, "%s: %s", file->path, strerror(error));
    lull_error_detail(L, op, error);
    lua_pushstring(L, file->path);
    lua_setfield(L, -2, "path");
    return lua_error(L);
}

static int write_push(lua_State *L, struct lull_op *op)
{
    const struct lullb_fs_wait *wait = (struct lullb_fs_wait *)(void *)op;
    if (wait->job != NULL)
        return lullb_fs_turn_push(L, op);
    lua_pushvalue(L, 1);
    return 1;
}

static int now_push(lua_State *L, struct lull_op *op)
{
    (void)op;
    lua_pushvalue(L, 1);
    return 1;
}

/* Add the strings from index 2 to `last` to the job's bytes, for which there is room. */
static void copy_strings(lua_State *L, struct lullb_fs_job *job, int last)
{
    for (int i = 2; i <= last; i++) {
        size_t length;
        const char *bytes = lua_tolstring(L, i, &length);
        if (length > 0)
            memcpy(job->bytes + job->size, bytes, length);
        job->size += length;
    }
}

/* All the room there may be, rather than bytes that are moved to more of it. */
static size_t room_for(const struct lullb_fs_behind *behind, size_t size)
{
    const struct lullb_fs_job *job = behind->gathered.job;
    bool all = job->size + size > SMALL && job->size + size < behind->high_water;
    return all ? behind->high_water - job->size : size;
}

static int write_strings(lua_State *L, struct lullb_fs_file *file, int last);

static int push_again(lua_State *L, struct lullb_fs_wait *wait)
{
    int last = (int)wait->job->count;
    lullb_fs_let_go(wait);
    return write_strings(L, wait->file, last);
}

/* No more bytes may be held: wait until those are gone that are queued here, if any are. */
static int wait_for_less(lua_State *L, struct lullb_fs_wait *wait, int last)
{
    const struct lullb_fs_file *file = wait->file;
    if (file->behind == NULL || file->current == NULL)
        return lullb_raise_refused(L, OP_NAME, EDQUOT);
    wait->push = push_again;
    wait->job->work = NULL;
    wait->job->count = (size_t)last;
    return lullb_fs_take_turn(L, wait, lull_check_task(L), &write_type);
}

/* Queue the strings up to `last`, for which there is room. */
static int queue(lua_State *L, struct lullb_fs_file *file, size_t size, int last)
{
    struct lull_task *task = lull_check_task(L);
    struct lullb_fs_wait *gathered = &file->behind->gathered;
    if (gathered->job == NULL) {
        lullb_fs_make_job(L, gathered, file->path, NULL);
        gathered->job->source = file->shared;
        gathered->job->flags = file->appends ? LULLB_FS_APPEND : 0;
        atomic_fetch_add(&file->shared->holders, 1);
    }
    struct lullb_fs_job *job = gathered->job;
    bool is_charged = lullb_fs_charge(gathered, size);
    if (!is_charged || !lullb_fs_reserve(job, room_for(file->behind, size))) {
        if (is_charged) {
            lull_buffer_release(file->rt, size);
            gathered->charged -= size;
        }
        job->error = 0;
        if (job->size == 0)
            lullb_fs_let_go(gathered);
        if (is_charged)
            return lullb_raise_memory(L, OP_NAME);
        return wait_for_less(L, lullb_fs_line_up(L, &write_type, &task), last);
    }
    copy_strings(L, job, last);
    lullb_fs_send_behind(file);
    if (file->own.timed.op.awaited) { /* another task is about to go on with it */
        lua_pushvalue(L, 1);
        return 1;
    }
    file->own.timed.rt = file->rt;
    lullb_op_begin_complete(&file->own.timed, task, &now_type);
    return lull_await(L, &file->own.timed.op);
}

static int write_strings(lua_State *L, struct lullb_fs_file *file, int last)
{
    size_t size = 0;
    struct lull_task *task = lull_checkpoint(L);
    lullb_check_fs_open(L, file, OP_NAME);
    for (int i = 2; i <= last; i++)
        size += lua_rawlen(L, i);
    if (file->behind != NULL) {
        int error = file->behind->error;
        file->behind->error = 0;
        if (error != 0)
            return lullb_fs_raise_file(L, file, OP_NAME, error);
        if (file->line.head == NULL && lullb_fs_has_room(file, size))
            return queue(L, file, size, last);
    }
    struct lullb_fs_wait *wait = lullb_fs_line_up(L, &write_type, &task);
    wait->push = lullb_fs_push_file;
    wait->job->work = lullb_fs_work_put;
    wait->job->flags = file->appends ? LULLB_FS_APPEND : 0;
    if (!lullb_fs_charge(wait, size))
        return wait_for_less(L, wait, last);
    if (size > 0 && !lullb_fs_reserve(wait->job, size))
        return lullb_raise_memory(L, OP_NAME);
    copy_strings(L, wait->job, last);
    return lullb_fs_take_turn(L, wait, task, &write_type);
}

int lullb_m_fs_write(lua_State *L)
{
    struct lullb_fs_file *file = lullb_check_fs_file(L, 1);
    int top = lua_gettop(L);
    for (int i = 2; i <= top; i++)
        luaL_checkstring(L, i); /* numbers become strings in their place */
    return write_strings(L, file, top);
}

int lullb_m_fs_flush(lua_State *L)
{
    struct lull_task *task;
    const struct lullb_fs_file *file = lullb_check_fs_file(L, 1);
    struct lullb_fs_wait *wait = lullb_fs_line_up(L, &flush_type, &task);
    if (file->behind == NULL || (file->current == NULL && file->behind->error == 0)) {
        lua_settop(L, 1);
        return 1;
    }
    wait->push = lullb_fs_push_file;
    return lullb_fs_take_turn(L, wait, task, &flush_type);
}

static int close_push(lua_State *L, struct lull_op *op)
{
    (void)op;
    const struct lullb_fs_file *file = lullb_check_fs_file(L, 1);
    return file->failed != 0 ? lullb_fs_raise_file(L, file, "fs.file.close", file->failed)
                             : 0;
}

int lullb_m_fs_close(lua_State *L)
{
    struct lullb_fs_file *file = lullb_check_fs_file(L, 1);
    struct lullb_fs_behind *behind = file->behind;
    bool waits = behind != NULL && behind->under_way.in_flight && lull_can_wait(L);
    if (waits) {
        file->closer.file = behind;
        lullb_op_begin(&file->closer.timed, file->rt, lull_check_task(L), &close_type,
                       (double)INFINITY);
    } else if (behind != NULL && behind->error != 0) {
        file->failed = behind->error;
    }
    bool has_failed = !waits && behind != NULL && file->failed != 0;
    lull_handle_close(&file->object.handle);
    if (has_failed)
        return lullb_fs_raise_file(L, file, "fs.file.close", file->failed);
    return waits ? lull_await(L, &file->closer.timed.op) : 0;
}
