/* SPDX-License-Identifier: MIT */
/*
 * token.c -- functions that are completed from anywhere.
 *
 * A token is a block from malloc that the waiting script and whoever may end it
 * share.  What decides is `state`: whoever takes it from OPEN has won.
 *
 *   1. A holder that wins writes the result, then hands the token over: directly
 *      on the runtime's thread, else as a message.  Its reference goes along.
 *   2. The script's side wins by being cancelled, closed by force, or lost to a
 *      raise before it waited: then nobody writes a result, and who is late
 *      releases what it brings.
 *   3. A result that was won but not taken is released by whoever finds that
 *      out last: in `arrive`, in `leave`, or when the inbox drops the message.
 *
 * The op is the task's own, as the block may go while the task still looks at it.
 * Only the fields that say so are for other threads.
 */
#include "host/token.h"

#include "base/inbox.h"
#include "host/value.h"
#include "task/await.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum token_state {
    OPEN, /* nobody has ended it */
    WON,  /* a holder has; the result is there, or about to be */
    GONE  /* the script does not want it any more */
};

struct lull_token {
    /* Any thread. */
    atomic_uint refs;  /* of the script's side, of each hold */
    atomic_uint holds; /* how many may still end it */
    atomic_int state;  /* enum token_state */
    pthread_t thread;  /* the runtime's */
    struct lull_inbox *inbox;

    /* Whoever has won, then the runtime's thread. */
    struct lull_message message;
    lull_push_fn push;
    lull_release_fn release;
    void *result;
    char *bytes;  /* packed values, or the message of a failure; `small`, or of malloc */
    int errnum;   /* of a failure */
    uint8_t kind; /* of a failure: enum lull_kind */

    /* The runtime's thread. */
    bool arrived; /* the result can be taken */
    bool counted; /* as a hold of the loop */
    struct lull_runtime *rt;
    struct lull_op *op; /* of the task that waits; NULL: none does */
    struct lull_op_type type;
    lull_token_cancel_fn on_cancel;
    void *arg;

    char small[40];
};

/* ---- references and results, on any thread ---------------------------------------- */

static void unref(struct lull_token *token)
{
    if (atomic_fetch_sub_explicit(&token->refs, 1, memory_order_acq_rel) > 1)
        return;
    lull__inbox_unref(token->inbox);
    if (token->bytes != token->small)
        free(token->bytes);
    free(token);
}

/* Nobody will take the result. */
static void discard(struct lull_token *token)
{
    lull_release_fn release = token->release;
    token->release = NULL;
    if (release != NULL)
        release(token->result);
}

static bool change_state(struct lull_token *token, enum token_state to)
{
    int open = OPEN;
    return atomic_compare_exchange_strong_explicit(
        &token->state, &open, to, memory_order_acq_rel, memory_order_acquire);
}

/* Give up a hold.  How many there were before; 0: a mistake of the caller. */
static unsigned give_up_hold(struct lull_token *token)
{
    unsigned before = atomic_fetch_sub_explicit(&token->holds, 1, memory_order_relaxed);
    if (before == 0) {
        atomic_fetch_add_explicit(&token->holds, 1, memory_order_relaxed);
#if LULL_DEBUG
        abort();
#endif
    }
    return before;
}

/* Give up a hold to end the token: true when the caller has won, and keeps a reference. */
static bool win(struct lull_token *token)
{
    if (give_up_hold(token) == 0)
        return false;
    if (change_state(token, WON))
        return true;
    unref(token);
    return false;
}

/* Room for bytes that go with the token; NULL: no memory. */
static char *make_room(struct lull_token *token, size_t size)
{
    token->bytes = size <= sizeof token->small ? token->small : malloc(size);
    return token->bytes;
}

/* ---- the runtime's side -------------------------------------------------------------- */

static void stop_counting(struct lull_token *token)
{
    if (token->counted)
        lull_unhold(token->rt);
    token->counted = false;
}

/* The result is on the runtime's thread, with the reference of whoever won. */
static void arrive(struct lull_token *token)
{
    token->arrived = true;
    stop_counting(token);
    if (token->rt == NULL)
        discard(token);
    else if (token->op != NULL)
        lull_op_complete(token->op);
    unref(token);
}

static void on_message(struct lull_message *message)
{
    arrive(LULL_CONTAINER(message, struct lull_token, message));
}

/* The runtime has gone: nobody waits. */
static void on_drop(struct lull_message *message)
{
    struct lull_token *token = LULL_CONTAINER(message, struct lull_token, message);
    discard(token);
    unref(token);
}

/* The result is written: hand it over. */
static void hand_over(struct lull_token *token)
{
    if (pthread_equal(token->thread, pthread_self())) {
        arrive(token);
        return;
    }
    token->message.deliver = on_message;
    token->message.drop = on_drop;
    /* The block may be gone once it is posted, and with it the last reference. */
    struct lull_inbox *inbox = token->inbox;
    lull__inbox_ref(inbox);
    lull__inbox_post(inbox, &token->message);
    lull__inbox_unref(inbox);
}

/* The script does not want it, if it was open still: tell who works for it. */
static bool cancel(struct lull_token *token)
{
    if (!change_state(token, GONE))
        return false;
    stop_counting(token);
    if (token->on_cancel != NULL)
        token->on_cancel(token, token->arg);
    return true;
}

/* The script's side goes without a result. */
static void leave(struct lull_token *token)
{
    bool open = cancel(token);
    stop_counting(token);
    token->op = NULL;
    token->rt = NULL;
    if (!open && token->arrived)
        discard(token);
    unref(token);
}

static struct lull_token *token_of(const struct lull_op *op)
{
    return LULL_CONTAINER(op->type, struct lull_token, type);
}

static enum lull_cancel op_cancel(struct lull_op *op)
{
    return cancel(token_of(op)) ? LULL_DETACHED : LULL_WILL_REPORT;
}

static void op_abandon(struct lull_op *op)
{
    leave(token_of(op));
}

void lull__tokens_close(struct lull_tokens *tokens)
{
    struct lull_token *token = tokens->held;
    tokens->held = NULL;
    if (token != NULL)
        leave(token);
}

struct lull_token *lull__token_make(struct lull_runtime *rt, const char *op,
                                    lull_token_cancel_fn on_cancel, void *arg)
{
    struct lull_tokens *tokens = lull__tokens_of(rt);
    lull__tokens_close(tokens);
    struct lull_token *token = malloc(sizeof *token);
    if (token == NULL)
        return NULL;
    atomic_init(&token->refs, 2);
    atomic_init(&token->holds, 1);
    atomic_init(&token->state, OPEN);
    token->thread = pthread_self();
    token->inbox = tokens->inbox;
    lull__inbox_ref(token->inbox);
    token->release = NULL;
    token->bytes = token->small;
    token->arrived = false;
    token->counted = false;
    token->rt = rt;
    token->op = NULL;
    token->type =
        (struct lull_op_type){.name = op, .cancel = op_cancel, .abandon = op_abandon};
    token->on_cancel = on_cancel;
    token->arg = arg;
    tokens->held = token;
    return token;
}

struct lull_token *lull_token_new(lua_State *L, const char *op,
                                  lull_token_cancel_fn on_cancel, void *arg)
{
    lull_checkpoint(L);
    struct lull_token *token = lull__token_make(lull_runtime_of(L), op, on_cancel, arg);
    if (token == NULL)
        lull_raise(L, LULL_KIND_MEMORY, "no memory for a token");
    return token;
}

void lull_token_on_cancel(struct lull_token *token, lull_token_cancel_fn on_cancel,
                          void *arg)
{
    token->on_cancel = on_cancel;
    token->arg = arg;
}

struct lull_token *lull_token_hold(struct lull_token *token)
{
    atomic_fetch_add_explicit(&token->refs, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&token->holds, 1, memory_order_relaxed);
    return token;
}

/* ---- the wait -------------------------------------------------------------------------- */

struct result {
    lull_push_fn push;
    void *arg;
};

/* (result) -> what it pushes */
static int push_protected(lua_State *L)
{
    const struct result *result = lua_touserdata(L, 1);
    lua_settop(L, 0);
    return result->push != NULL ? result->push(L, result->arg) : 0;
}

/* Push what has to be released, and release it. */
static int push_and_release(lua_State *L, struct lull_token *token)
{
    struct lull_tasks *tasks = lull__tasks_of(token->rt);
    struct result result = {.push = token->push, .arg = token->result};
    lull_release_fn release = token->release;
    int top = lua_gettop(L);
    int status = LUA_ERRMEM;
    unref(token);
    if (lua_checkstack(L, 4)) {
        lua_pushcfunction(L, push_protected);
        lua_pushlightuserdata(L, &result);
        status = lua_pcall(L, 1, LUA_MULTRET, 0);
        release(result.arg);
    } else {
        release(result.arg);
        luaL_error(L, "stack overflow");
    }
    if (status == LUA_OK)
        return lua_gettop(L) - top;
    if (lull__is_own(L, tasks, -1))
        tasks->before_cancel(L, tasks);
    return lua_error(L);
}

/* Push what the token itself keeps: should that raise, it is found in C's hands. */
static int push_kept(lua_State *L, struct lull_token *token)
{
    struct lull_tokens *tokens = lull__tokens_of(token->rt);
    tokens->held = token;
    int count = token->push(L, token);
    tokens->held = NULL;
    unref(token);
    return count;
}

static int await_k(lua_State *L, int status, lua_KContext context)
{
    struct lull_token *token = (struct lull_token *)context;
    struct lull_op *op = token->op;
    (void)status;
    lull__await_over(op);
    if (op->state != LULL_OP_COMPLETE) {
        const struct lull_op_type type = {.name = token->type.name};
        leave(token);
        op->type = &type;
        lull__await_check(L, op);
        return 0; /* not reached */
    }
    op->state = LULL_OP_IDLE;
    token->op = NULL;
    if (token->release != NULL)
        return push_and_release(L, token);
    if (token->result == token)
        return push_kept(L, token);
    lull_push_fn push = token->push;
    void *arg = token->result;
    unref(token);
    return push != NULL ? push(L, arg) : 0;
}

int lull_token_await(lua_State *L, struct lull_token *token)
{
    struct lull_tokens *tokens = lull__tokens_of(lull_runtime_of(L));
    if (tokens->held != token)
        return lull_raise(L, LULL_KIND_USAGE,
                          "a token is awaited that was not just made");
    struct lull_task *task = lull_check_task(L);
    struct lull_op *op = &task->wait.op;
    tokens->held = NULL;
    lull_op_begin(op, task, &token->type);
    token->op = op;
    if (token->arrived) {
        lull_op_complete(op);
    } else {
        token->counted = true;
        lull_hold(token->rt);
    }
    if (task->strand.alert && lull__scope_cancelled(task->strand.innermost) != NULL)
        lull__op_interrupt(op);
    return lull__await_with(L, op, (lua_KContext)token, await_k);
}

/* ---- ending, on any thread ---------------------------------------------------------------- */

static void set_result(struct lull_token *token, lull_push_fn push,
                       lull_release_fn release, void *arg)
{
    token->push = push;
    token->release = release;
    token->result = arg;
    hand_over(token);
}

bool lull_token_complete(struct lull_token *token, lull_push_fn push,
                         lull_release_fn release, void *arg)
{
    if (!win(token)) {
        if (release != NULL)
            release(arg);
        return false;
    }
    set_result(token, push, release, arg);
    return true;
}

static int push_values(lua_State *L, void *arg)
{
    return lull__values_push(L, ((const struct lull_token *)arg)->bytes);
}

/* Raise the failure. */
static int push_failure(lua_State *L, void *arg)
{
    const struct lull_token *token = arg;
    const char *text = token->bytes;
    if (text == NULL || *text == '\0')
        text = token->errnum != 0 ? strerror(token->errnum) : "failed";
    lull_push_error(L, token->kind, "%s", text);
    lull_error_detail(L, token->type.name, token->errnum);
    return lua_error(L);
}

/* The winner's result is a failure. */
static void set_failure(struct lull_token *token, enum lull_kind kind,
                        const char *message, int errnum)
{
    bool known = kind > LULL_KIND_NONE && kind <= LULL_KIND_PROCESS;
    token->kind = (uint8_t)(known ? kind : LULL_KIND_USAGE);
    token->errnum = errnum;
    if (message == NULL)
        message = "";
    if (make_room(token, strlen(message) + 1) != NULL)
        memcpy(token->bytes, message, strlen(message) + 1);
    set_result(token, push_failure, NULL, token);
}

bool lull_token_fail(struct lull_token *token, enum lull_kind kind, const char *message,
                     int errnum)
{
    if (!win(token))
        return false;
    set_failure(token, kind, message, errnum);
    return true;
}

bool lull_token_complete_values(struct lull_token *token, const char *format, ...)
{
    struct lull_args args;
    if (!lull__values_check(format))
        return lull_token_fail(token, LULL_KIND_USAGE, "wrong format of values", 0);
    if (!win(token))
        return false;
    va_start(args.list, format);
    size_t size = lull__values_pack(NULL, format, &args);
    va_end(args.list);
    if (make_room(token, size) == NULL) {
        set_failure(token, LULL_KIND_MEMORY, "no memory for the result", 0);
        return true;
    }
    va_start(args.list, format);
    lull__values_pack(token->bytes, format, &args);
    va_end(args.list);
    set_result(token, push_values, NULL, token);
    return true;
}

void lull_token_drop(struct lull_token *token)
{
    unsigned holds = give_up_hold(token);
    if (holds == 1 && change_state(token, WON))
        set_failure(token, LULL_KIND_CLOSED, "given up", 0);
    else if (holds != 0)
        unref(token);
}
