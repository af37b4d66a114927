/* SPDX-License-Identifier: MIT */
/*
 * combine.h -- waiting for several tasks and futures at once.
 *
 * One engine: a block with a watch per entry, and one op.  gather, map, race
 * and nested runs adopt their entries: on the first error, when somebody else
 * won, or when the caller is cancelled, the unfinished tasks are cancelled and
 * joined.  wait and as_completed only look.
 *
 * The block is a Lua userdata on the caller's stack.  Stack of a combinator:
 * 1 the block, 2 the handles (a table, entry i at i), 3 the list it was given,
 * 4 map's function, or nil.
 */
#ifndef LULL_COMBINE_H
#define LULL_COMBINE_H

#include "task/task.h"

struct lull_entry {
    struct lull_watch watch;
    struct lull_future *future; /* NULL: a function not started yet */
    uint32_t index;             /* its place, from 0 */
    uint32_t next_done;         /* for as_completed: the one that ended after it + 1 */
    bool started;               /* here, from a function */
    bool over;                  /* it has ended */
};

struct lull_combine {
    struct lull_op op;
    struct lull_op *next_op; /* as_completed: of the task that waits; NULL: none */
    struct lull_task *task;  /* who waits */
    struct lull_timer timer; /* wait's timeout */
    uint32_t count;          /* entries */
    uint32_t watched;        /* entries being watched */
    uint32_t started;        /* entries before this one have been started */
    uint32_t running;        /* functions started and not ended */
    uint32_t limit;          /* of `running` */
    int64_t first;           /* the entry that decided: failed or won; -1: none */
    uint32_t done_head;      /* as_completed: first ended, not yet given, + 1 */
    uint32_t done_tail;
    uint8_t kind;       /* which combinator; its own enum */
    uint8_t ended;      /* how the wait ended, while joining: op.state, */
    uint8_t ended_kind; /* and op.kind */
    bool settle;        /* no error decides */
    bool joining;       /* the outcome is known: waiting for the rest to end */
    bool waiting;       /* suspended here: watches receive */
    bool list;          /* results go into an array */
    bool waits_all;     /* wait: until nothing is left */
    bool waits_error;   /* wait: or until one failed */
    struct lull_entry entries[];
};

/* Push a block for `count` entries (nothing watched).  May raise (memory). */
struct lull_combine *lull__combine_new(lua_State *L, struct lull_tasks *tasks,
                                       uint32_t count);

/* Watch entry `i`, whose future is pending; `fired` is told. */
void lull__combine_watch(struct lull_combine *combine, uint32_t i,
                         void (*fired)(struct lull_watch *watch));

/*
 * Stop watching everything.  Failures not received go to the sink: those that
 * only we were told of, or (adopted) all of them.
 */
void lull__combine_unwatch(struct lull_combine *combine, bool adopted);

static inline struct lull_entry *lull__entry_of(struct lull_watch *watch)
{
    return LULL_CONTAINER(watch, struct lull_entry, watch);
}

static inline struct lull_combine *lull__combine_of(struct lull_entry *entry)
{
    return LULL_CONTAINER(entry - entry->index, struct lull_combine, entries);
}

/* Raise `usage` when `task` may not wait for this future: itself, an owner, a waiter. */
void lull__check_adoptable(lua_State *L, struct lull_future *future,
                           struct lull_task *task);

/* Length of the list at `arg`: its n, or #; raises an argument error. */
uint32_t lull__check_list(lua_State *L, int arg);

/* gather, map, race; ends with NULL. */
extern const luaL_Reg lull__combine_functions[];

/* wait, as_completed; ends with NULL. */
extern const luaL_Reg lull__wait_functions[];

/* run(fn, ...) inside a task: a nested task, adopted. */
int lull__nested_run(lua_State *L);

/* Make the class of as_completed's state.  May raise (memory). */
void lull__wait_init(lua_State *L, struct lull_tasks *tasks);

#endif
