/* SPDX-License-Identifier: MIT */
/*
 * primitive.h -- what the objects of lull.sync have in common.
 *
 * Each is a userdata: plain C state and parking lots.  Its class is a locked
 * metatable, one per Lua state.  Every function of a class, its constructor
 * included, has two upvalues: the runtime, and the metatable, so that telling
 * a right `self` from a wrong one is one comparison.
 *
 * The form of a method that waits, with the arguments checked first:
 *
 *   struct lull_task *task = lull_checkpoint(L);
 *   if (there is no need to wait)
 *       return lull__ready(L, task, &type, results);
 *   lull__park(&self->lot, &task->wait.waiter, task, &type);
 *   return lull_await(L, &task->wait.op);
 */
#ifndef LULL_PRIMITIVE_H
#define LULL_PRIMITIVE_H

#include "task/await.h"

struct lull_class {
    const char *name;        /* __name, and what errors call it */
    lua_CFunction make;      /* the constructor; NULL: scripts have none */
    const luaL_Reg *methods; /* ends with {NULL, NULL}; or NULL */
    const luaL_Reg *meta;    /* metamethods besides __index, likewise; or NULL */
};

/* The classes, in the file of that name; barrier and event in sync.c. */
extern const struct lull_class lull__channel_class;
extern const struct lull_class lull__condition_class;
extern const struct lull_class lull__lock_class;
extern const struct lull_class lull__queue_class;
extern const struct lull_class lull__semaphore_class;

/*
 * Push the metatable of a class, making it at the first call in this state.
 * The caller's upvalue 1 is the runtime.  May raise (memory).
 */
void lull__class_push(lua_State *L, const struct lull_class *class);

/* In a constructor: make the initialised userdata on top an object of its class. */
static inline void lull__class_set(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_setmetatable(L, -2);
}

/* Is the value at `index` an object of the class whose metatable is at `class`? */
static inline bool lull__class_is(lua_State *L, int index, int class)
{
    if (!lua_getmetatable(L, index))
        return false;
    bool same = lua_rawequal(L, -1, class) != 0;
    lua_pop(L, 1);
    return same;
}

/* Raise that argument 1 is no object of the class. */
void lull__self_wrong(lua_State *L);

/*
 * In a method: the object at index 1; raises for anything else.  Leaves a
 * value on the stack: for methods that are called all the time, where a pop
 * counts, and whose results are what is on top.
 */
static inline void *lull__self_push(lua_State *L)
{
    if (!lua_getmetatable(L, 1) || !lua_rawequal(L, -1, lua_upvalueindex(2)))
        lull__self_wrong(L);
    return lua_touserdata(L, 1);
}

/* The same, leaving the stack as it was. */
static inline void *lull__self(lua_State *L)
{
    void *self = lull__self_push(L);
    lua_pop(L, 1);
    return self;
}

/*
 * lull_checkpoint() for the hot paths, which know their runtime.  What makes a
 * checkpoint raise is decided there; here is only when it has nothing to do.
 */
static inline struct lull_task *lull__checkpoint(lua_State *L, struct lull_tasks *tasks)
{
    struct lull_task *task = tasks->running;
    bool nothing = task != NULL && L == tasks->slice.running &&
                   tasks->slice.blocked == 0 && !(task->waker.flags & LULL_TASK_FORCED) &&
                   !task->strand.alert && task->strand.nearest == LULL_NEVER &&
                   lua_isyieldable(L);
    return nothing ? task : lull_checkpoint(L);
}

/* Raise an error object with its field `op`.  Does not return. */
int lull__refuse(lua_State *L, enum lull_kind kind, const char *op, const char *message);

/* lull__ready() with the step's budget spent. */
int lull__ready_later(lua_State *L, struct lull_task *task,
                      const struct lull_op_type *type, int results);

/*
 * Return the values on top, for which nobody had to wait; but when this step
 * has done so often enough, only after the others' turn.
 */
static inline int lull__ready(lua_State *L, struct lull_task *task,
                              const struct lull_op_type *type, int results)
{
    struct lull_tasks *tasks = lull__task_tasks(task);
    if (tasks->inline_left == 0)
        return lull__ready_later(L, task, type, results);
    tasks->inline_left--;
    return results;
}

/* In a continuation: the wait of the running task is over; raise unless it succeeded. */
struct lull_task *lull__wait_over(lua_State *L);

/* Type->push of waits whose one result was handed over: it is on top. */
int lull__push_handed(lua_State *L, struct lull_op *op);

/* What can be held while a function runs: first in its object. */
struct lull_held {
    const char *op; /* the name of with(), for errors */
    /* Give it back; false: `task` does not hold it.  Wakes others, raises nothing. */
    bool (*release)(struct lull_held *held, struct lull_task *task);
};

/*
 * Call the function at index 2 with the arguments above it, return its results
 * or raise its error.  `held`, which the running task holds, is given back once
 * on every way out.  The value at index 1 keeps it alive.  Use as a return
 * expression.
 */
int lull__with(lua_State *L, struct lull_held *held);

#endif
