/* SPDX-License-Identifier: MIT */
/*
 * fsturn.c -- who works on an open file: one after the other.
 *
 * A turn is over when its job is back, or given up.  What is written behind the writers'
 * backs (fswrite.c) comes before whoever waits for a turn; when it failed, that one is
 * told instead of being served.
 */
#include "fs/fsfile.h"

#include <errno.h>
#include <math.h>
#include <unistd.h>

static struct lullb_fs_wait *wait_of(struct lull_op *op)
{
    return (struct lullb_fs_wait *)(void *)op;
}

/* ---- on a pool thread ---------------------------------------------------------- */

void lullb_fs_work_put(struct lullb_fs_job *job)
{
    size_t done = 0;
    int fd = job->source->fd;
    if (!lullb_fs_commit(job))
        return;
    while (done < job->size && job->error == 0) {
        const char *bytes = job->bytes + done;
        size_t left = job->size - done;
        ssize_t put = job->offset >= 0
                          ? pwrite(fd, bytes, left, job->offset + (off_t)done)
                          : write(fd, bytes, left);
        if (put >= 0)
            done += (size_t)put;
        else if (errno != EINTR)
            job->error = errno;
    }
    job->size = done;
    if (job->offset < 0)
        job->offset = lseek(fd, 0, SEEK_CUR) - (off_t)done;
}

void lullb_fs_work_truncate(struct lullb_fs_job *job)
{
    if (lullb_fs_commit(job) && ftruncate(job->source->fd, job->offset) != 0)
        job->error = errno;
}

/* ---- loop side: no Lua --------------------------------------------------------- */

/* What is in the buffer was not read: what is written goes before it. */
static void give_up_buffer(struct lullb_fs_file *file)
{
    file->position -= (off_t)lullb_buffer_size(&file->buffer);
    lullb_buffer_clear(file->rt, &file->buffer);
}

/* It is this one's turn. */
static void begin_turn(struct lullb_fs_file *file, struct lullb_fs_wait *wait)
{
    struct lullb_fs_job *job = wait->job;
    bool puts = job->work == lullb_fs_work_put;
    int error = file->behind != NULL ? lullb_fs_behind_error(file->behind) : 0;
    if (error == 0 && puts && file->behind != NULL) {
        error = lullb_fs_take_over(file, wait);
    } else if (error == 0 && job->work != NULL) {
        if (puts || job->work == lullb_fs_work_truncate)
            give_up_buffer(file);
        if (puts)
            job->offset = file->appends || !file->can_seek ? -1 : file->position;
        file->current = wait;
        error = lullb_fs_submit(wait);
        if (error == 0)
            return;
        file->current = NULL;
    }
    if (wait->job != NULL)
        wait->job->error = error;
    lullb_op_complete(&wait->timed);
}

/* May it begin?  A write may, while there is room for what it writes. */
static bool may_begin(const struct lullb_fs_file *file, const struct lullb_fs_wait *wait)
{
    return file->current == NULL || (wait->job->work == lullb_fs_work_put &&
                                     lullb_fs_has_room(file, wait->job->size));
}

void lullb_fs_next_turn(struct lullb_fs_file *file)
{
    file->current = NULL;
    if (file->behind != NULL)
        lullb_fs_send_behind(file);
    while (file->line.head != NULL) {
        struct lull_timed_op *head = file->line.head;
        if (!may_begin(file, wait_of(&head->op)))
            return;
        /* Its hold and its place are kept together: out, and on. */
        file->line.head = head->next;
        if (head->next != NULL)
            head->next->prev = NULL;
        else
            file->line.tail = NULL;
        head->line = NULL;
        begin_turn(file, wait_of(&head->op));
    }
}

static void turn_done(struct lullb_fs_wait *wait)
{
    struct lullb_fs_file *file = wait->file;
    const struct lullb_fs_job *job = wait->job;
    if (job->work == lullb_fs_work_put && file->can_seek)
        file->position = job->offset + (off_t)job->size;
    if (file->current == wait)
        lullb_fs_next_turn(file);
}

enum lull_cancel lullb_fs_turn_cancel(struct lull_op *op)
{
    struct lullb_fs_wait *wait = wait_of(op);
    struct lullb_fs_file *file = wait->file;
    enum lull_cancel answer = lullb_fs_cancel(op);
    if (answer == LULL_DETACHED && file->current == wait)
        lullb_fs_next_turn(file);
    return answer;
}

void lullb_fs_turn_abandon(struct lull_op *op)
{
    struct lullb_fs_wait *wait = wait_of(op);
    struct lullb_fs_file *file = wait->file;
    lullb_fs_abandon(op);
    if (file->current == wait)
        lullb_fs_next_turn(file);
}

/* Its job goes on by itself, if a thread has it; who waits gets `closed`. */
static void fail_closed(struct lullb_fs_wait *wait)
{
    lullb_fs_let_go(wait);
    lullb_op_fail(&wait->timed, LULL_KIND_CLOSED, 0);
}

void lullb_fs_end_turns(struct lullb_fs_file *file)
{
    struct lullb_fs_wait *reader = file->reader, *current = file->current;
    file->reader = NULL;
    file->current = NULL;
    if (reader != NULL && reader->timed.op.state == LULL_OP_PENDING)
        fail_closed(reader);
    if (current != NULL && !lullb_fs_is_behind(file, current))
        fail_closed(current);
    while (file->line.head != NULL)
        fail_closed(wait_of(&file->line.head->op));
}

/* ---- Lua side -------------------------------------------------------------------- */

int lullb_fs_turn_push(lua_State *L, struct lull_op *op)
{
    struct lullb_fs_wait *wait = wait_of(op);
    struct lullb_fs_file *file = wait->file;
    if (wait->job == NULL) /* closed, after it had ended well */
        return lullb_raise(L, LULL_KIND_CLOSED, op->type->name, "the file is closed");
    if (wait->job->error != 0 && file->behind != NULL)
        lullb_fs_behind_told(file->behind, wait->job->error);
    return lullb_fs_push(L, op);
}

struct lullb_fs_wait *lullb_fs_line_up(lua_State *L, const struct lull_op_type *type,
                                       struct lull_task **task)
{
    struct lullb_fs_file *file = lullb_check_fs_file(L, 1);
    *task = lull_checkpoint(L);
    lullb_check_fs_open(L, file, type->name);
    luaL_checkstack(L, 10, NULL);
    struct lullb_fs_wait *wait = lullb_fs_push_wait(L, file->path, NULL);
    wait->job->source = file->shared;
    atomic_fetch_add(&file->shared->holders, 1);
    wait->file = file;
    wait->done = turn_done;
    return wait;
}

int lullb_fs_take_turn(lua_State *L, struct lullb_fs_wait *wait, struct lull_task *task,
                       const struct lull_op_type *type)
{
    struct lullb_fs_file *file = wait->file;
    if (file->reader != NULL)
        return lullb_raise(L, LULL_KIND_BUSY, type->name,
                           "another task is reading from the file");
    lullb_op_begin(&wait->timed, file->rt, task, type, (double)INFINITY);
    if (file->current != NULL)
        lullb_line_append(&file->line, &wait->timed);
    else
        begin_turn(file, wait);
    return lull_await(L, &wait->timed.op);
}

int lullb_fs_push_file(lua_State *L, struct lullb_fs_wait *wait)
{
    (void)wait;
    lua_pushvalue(L, 1);
    return 1;
}
