/* SPDX-License-Identifier: MIT */
/*
 * adopt.h -- combinators that adopt what they are given: gather, map, race and
 * nested runs.
 *
 * On the first error (all), when somebody won (first), or when the caller is
 * cancelled, the unfinished tasks are cancelled and joined; futures are let go.
 * Then the outcome is pushed or raised; errors of the others go to the sink.
 */
#ifndef LULL_ADOPT_H
#define LULL_ADOPT_H

#include "async/combine.h"

enum lull_adopt_kind {
    LULL_ADOPT_ALL,   /* gather, map: all results, or the first error */
    LULL_ADOPT_FIRST, /* race: what ends first decides */
    LULL_ADOPT_RUN    /* a nested run: all results of the one task */
};

/*
 * Start what is a function, wait, end.  Stack as in combine.h: the block with
 * kind and options set, futures in its entries and their handles in the table;
 * nothing is started or watched before.  Use as a return expression.
 */
int lull__adopt(lua_State *L);

/* The same for a block with one entry, a task that was just started. */
int lull__adopt_one(lua_State *L);

#endif
