/* SPDX-License-Identifier: MIT */
/*
 * native.h -- natives that are shared objects of their own.
 *
 * A native that needs a library (OpenSSL, curl) is not part of lull: it is
 * loaded when it is first required, so that who does not use it pays nothing
 * for it.  It lies in a folder beside the program or library that lull is in,
 * under the name of the module: lull/tls/native.so for lull.tls.native.
 */
#ifndef LULL_NATIVE_H
#define LULL_NATIVE_H

#include "base/compat.h"

/*
 * Push the opener `function` of the native `name`, with the runtime, which is
 * upvalue 1 of the running function, as upvalue 1.  Raises what is wrong with
 * the shared object; where there is none, the Debian package that has it.
 */
void lull__push_shared_native(lua_State *L, const char *name, const char *function,
                              const char *package);

/*
 * Module "lull.doc.native": the path of the reference, which lies there, too, as
 * lull/reference.txt: the definition files of scripts/types, one behind the other.
 * Raises where it was looked for.
 */
int lull__open_reference(lua_State *L);

#endif
