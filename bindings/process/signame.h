/* SPDX-License-Identifier: MIT */
/*
 * signame.h -- signals by their names, without SIG: "TERM".
 */
#ifndef LULLB_SIGNAME_H
#define LULLB_SIGNAME_H

#include "common/bind.h"

/* The number of a signal; 0: there is none of this name. */
int lullb_signal_number(const char *name);

/* The name of a signal; NULL: it has none. */
const char *lullb_signal_name(int number);

/* The number of the signal that is named at `index`, or an argument error. */
int lullb_check_signal(lua_State *L, int index);

/* Push the name of a signal, or its number as text. */
void lullb_push_signal(lua_State *L, int number);

#endif
