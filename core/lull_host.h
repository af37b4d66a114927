/* SPDX-License-Identifier: MIT */
/*
 * lull_host.h -- values, objects and events: what hosts and scripts hand each
 * other, without code that handles Lua's stack.
 *
 *   values   lull_push_values(L, "is", 42, "text"), lull_read(L, 1, "i", &number)
 *   fields   one table that describes a C struct: options in, tables out, objects
 *   objects  a C struct as an object with methods and fields
 *   events   what happens in the host, for scripts to wait for
 *
 * A function with a lua_State may raise, but where it says otherwise: call it
 * from C functions of scripts, from push functions of tokens, or from one of your
 * own under lua_pcall(); on lull_state() itself a raise would end the process.
 * All others never raise.
 *
 * Threads: everything belongs to the runtime's thread, but what says "any thread".
 */
#ifndef LULL_HOST_H
#define LULL_HOST_H

#include "lull_ext.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- values --------------------------------------------------------------- */

/*
 * Push values by a format; returns how many.  Raises for a wrong format, and for
 * want of memory.
 *
 *   i    int                        b    int or bool, as a boolean
 *   I    long long                  n    double
 *   s    const char *; NULL: nil    S    const char *, size_t: any bytes; NULL: nil
 *   p    void *, as a light userdata; NULL: nil
 *   v    int: a copy of the value at that index of L, seen before the first push
 *   -    nil; takes no argument
 *   *x   x of i I n b s: a C array (const x *, size_t) as a list; b: const bool *
 *   [..] a list of the values in it
 *   {..} a table of keys (i I s S) and values in turn: "{s:i,s:[nn]}"
 *
 * Spaces, commas and colons are for the eye.  Tables nest up to 16 deep.
 */
LULL_API int lull_push_values(lua_State *L, const char *format, ...);

/*
 * Call the function on top of lull_state(rt), popping it, with the values of the
 * format (but no `v`), as lull_call() does.  Raises nothing.  NULL also for a wrong
 * format.
 */
LULL_API struct lull_task *lull_call_values(struct lull_runtime *rt, lull_outcome_fn done,
                                            void *arg, const char *format, ...);

/*
 * Read the values at `index` and after it by a format.  False at the first that is
 * not as the format says, which leaves what comes after it unread.  Raises nothing:
 * also for outcome callbacks.
 *
 *   i    int *                      b    bool *
 *   I    long long *                n    double *
 *   s    const char **: borrowed while the value is on the stack; no zero in it
 *   S    const char **, size_t *: likewise, any bytes
 *   p    void **: a light userdata
 *   -    nothing: skips a value
 *   *x   x of i I n b s: x *, size_t *: a list into an array of that many places;
 *        the number becomes that of the values.  Strings are borrowed from the list.
 *   |    from here on values may be missing or nil: then nothing is written
 *
 * Strings are not taken for numbers, nor numbers for strings.
 */
LULL_API bool lull_read(lua_State *L, int index, const char *format, ...);

/*
 * The same for the arguments of a C function: what is wrong is raised as an
 * argument error that says what was expected.
 */
LULL_API void lull_check_values(lua_State *L, int index, const char *format, ...);

/* ---- fields: a C struct as a table ------------------------------------------ */

enum lull_field_type {
    LULL_FIELD_INT = 1, /* int */
    LULL_FIELD_INT64,   /* int64_t */
    LULL_FIELD_SIZE,    /* size_t */
    LULL_FIELD_NUMBER,  /* double */
    LULL_FIELD_BOOL,    /* bool */
    LULL_FIELD_STRING,  /* const char *: out, NULL is nil; in, borrowed from the table
                           for as long as it holds the string: not for objects */
    LULL_FIELD_TEXT     /* char[N]: in, copied; at most N - 1 bytes, no zero in it */
};

enum lull_field_flag {
    LULL_REQUIRED = 1, /* lull_read_fields() raises when it is missing */
    LULL_READ_ONLY = 2 /* scripts cannot set it in objects, nor name it in options */
};

/* One field.  A table of them ends with {0}; it must outlive the runtime. */
struct lull_field {
    const char *name;
    enum lull_field_type type;
    size_t offset;
    size_t size;     /* of the member */
    unsigned flags;  /* enum lull_field_flag */
    double min, max; /* of numbers; both 0: all that fit */
};

/* A row: LULL_FIELD(struct options, port, LULL_FIELD_INT). */
#define LULL_FIELD(structure, member, type) LULL_FIELD_WITH(structure, member, type, 0)
#define LULL_FIELD_WITH(structure, member, type, flags) \
    LULL_FIELD_RANGE(structure, member, type, flags, 0, 0)
#define LULL_FIELD_RANGE(structure, member, type, flags, min, max)                    \
    {                                                                                 \
#member, type, offsetof(structure, member), sizeof(((structure *)0)->member), \
            flags, (min), (max)                                                       \
    }

/*
 * Read a table of options at `index` into a struct.  What the table has not stays
 * as it is in the struct: put the defaults there first.  Nothing or nil is an empty
 * table.  Unknown names, wrong types, values out of range and required ones that
 * are missing are argument errors that name the field.  Looks at the table itself,
 * not at its metatable.  When it raises, some fields may have been written.
 */
LULL_API void lull_read_fields(lua_State *L, int index, const struct lull_field *fields,
                               void *target);

/* Push a new table with the fields of a struct. */
LULL_API void lull_push_fields(lua_State *L, const struct lull_field *fields,
                               const void *source);

/* ---- objects ------------------------------------------------------------------ */

/*
 * What kind of object a pointer is.  Constant; one object of this type in C is one
 * class in scripts, known by its address.
 *
 * Scripts see methods, then fields: reading what is neither gives nil, setting it
 * is an error.  tostring() names the class.  Metatables are locked.
 */
struct lull_object_type {
    const char *name;                /* "game.player": what errors call it */
    const struct lull_field *fields; /* ends with {0}; NULL: none */
    const struct luaL_Reg *methods;  /* as in lull_set_functions(); NULL: none.  They
                                        begin with lull_check_object(L, 1, &type) and
                                        may be asynchronous. */
    void (*release)(void *pointer);  /* for owned objects; no Lua in it.  A type that
                                        has one has a method close(), too; on a
                                        borrowed one it only lets go. */
};

/*
 * Push the object of a pointer that the host owns.  The same pointer (of the same
 * type) gives the same object while scripts hold it.  Before the struct goes call
 * lull_object_invalidate().  NULL pushes nil.
 */
LULL_API void lull_push_object(lua_State *L, struct lull_runtime *rt,
                               const struct lull_object_type *type, void *pointer);

/*
 * Push an object that owns the pointer: type->release(pointer) is called once, by
 * close(), by leaving a <close> variable, by the collector, or at the runtime's end.
 * Takes the pointer: if this raises (`limit`: too many handles; memory), it has
 * been released.  An object that was borrowed until now is owned from here on;
 * one that is owned already raises `usage`, and stays.
 */
LULL_API void lull_push_owned_object(lua_State *L, struct lull_runtime *rt,
                                     const struct lull_object_type *type, void *pointer);

/*
 * The struct at this address is going: every later use of its objects raises
 * `closed`.  It is not released, also if it was owned.  No-op for others.
 */
LULL_API void lull_object_invalidate(struct lull_runtime *rt, const void *pointer);

/*
 * The pointer of the object at `index`; raises an argument error that names the
 * class, or `closed`.  Never NULL.  A method that has suspended since must ask
 * again: the object may have gone meanwhile.
 */
LULL_API void *lull_check_object(lua_State *L, int index,
                                 const struct lull_object_type *type);

/* The same; NULL where that would raise. */
LULL_API void *lull_to_object(lua_State *L, int index,
                              const struct lull_object_type *type);

/* ---- events --------------------------------------------------------------------- */

/*
 * What happens in the host, in order, for scripts to wait for.  A script sees
 *
 *   source:next_event()    suspends; the values of the next event.  Raises `closed`
 *                          when it is closed and none is left
 *   for kind, value in source:events() do   until then; so no event may begin
 *                          with nil or false
 *   source:try_next()      the values, or nothing when there is no event now
 *   source:dropped()       how many were not taken because it was full
 *
 * Each event goes to one script; those who wait get them first-in first-out.  A
 * script that was cancelled has taken none.  While somebody waits and it is open,
 * lull_run() goes on: something outside can still happen.
 *
 * A source is counted: it starts with one reference, the host's.  It may outlive
 * the runtime, which closes it.
 */
struct lull_events;

/*
 * `name` (copied) is what errors and the task tree call the wait: "game.events".
 * At most `capacity` events wait to be taken; 0: 256.  NULL: no memory.
 */
LULL_API struct lull_events *lull_events_new(struct lull_runtime *rt, const char *name,
                                             size_t capacity);

/* Push the source for scripts: the same object each time while they hold it. */
LULL_API void lull_events_push(lua_State *L, struct lull_events *events);

/*
 * Something has happened: values as in lull_token_complete_values(), copied.  Any
 * thread that has a reference.  False, and nothing has happened: it is closed, or
 * (counted as dropped) full or without memory; or the format is wrong.  What one
 * thread emits stays in order.
 */
LULL_API bool lull_events_emit(struct lull_events *events, const char *format, ...);

/* How many were dropped.  Any thread that has a reference. */
LULL_API unsigned long long lull_events_dropped(const struct lull_events *events);

/*
 * Nothing will happen any more: what was emitted can still be taken, then waits end
 * with `closed`.  Idempotent.  On the runtime's thread.
 */
LULL_API void lull_events_close(struct lull_events *events);

/* Count references.  Any thread that has one.  The last one does not close it. */
LULL_API struct lull_events *lull_events_ref(struct lull_events *events);
LULL_API void lull_events_unref(struct lull_events *events);

#ifdef __cplusplus
}
#endif

#endif
