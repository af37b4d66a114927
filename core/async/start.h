/* SPDX-License-Identifier: MIT */
/*
 * start.h -- starting tasks and letting time pass: spawn, async, after, every,
 * the sleep family, yield, now.
 */
#ifndef LULL_START_H
#define LULL_START_H

#include "task/task.h"

/* Functions of the module `lull`; ends with NULL. */
extern const luaL_Reg lull__start_functions[];

#endif
