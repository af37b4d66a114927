/* SPDX-License-Identifier: MIT */
/*
 * script.h -- the main task of the program `lull`.
 */
#ifndef LULL_SCRIPT_H
#define LULL_SCRIPT_H

#include "program/command.h"

#include <lua.h>

/* The body of the main task, a lua_CFunction: main(command), a light userdata. */
int lull__main_task(lua_State *L);

/* Warnings of Lua go to stderr, once they are switched on. */
void lull__script_warnings(lua_State *L);

#endif
