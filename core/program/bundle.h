/* SPDX-License-Identifier: MIT */
/*
 * bundle.h -- what `lull bundle` has put at the end of the running program.
 *
 * The program is a copy of lull with an archive behind it (scripts/bundle/archive.lua
 * writes and lists it):
 *
 *   contents   the bytes of the entries, one after the other
 *   index      per entry: u32 length of the name, u32 length of the chunk name, u64
 *              offset in the contents, u64 size, u64 checksum of the content, name, 0,
 *              chunk name, 0
 *   trailer    56 bytes: u64 size of the contents, u64 size of the index, u64 checksum
 *              of the index, u32 entries, u32 format, 16 bytes 0, "lullbndl"
 *
 * Numbers are little-endian, names sorted by bytes.  Entries are modules, by their
 * names; "file:NAME"; "main:", the script; "folder:lull", where lull's shared objects
 * were.  A checksum is FNV-1a over words of 8 bytes, the last one filled with zeros.
 *
 * An ELF note in the program says that it is lull (`lull ps` looks for it) and, in the
 * copy, that there is an archive: plain lull has nothing to look for, and a program
 * that was cut short is known as such.  Name "lull", type 1, four bytes: 1 or 0.
 *
 * The trailer and the index are looked at when the program starts, a content when it
 * is asked for.  It is mapped, so what is not asked for costs nothing.
 */
#ifndef LULL_BUNDLE_H
#define LULL_BUNDLE_H

#include "lull.h"

#include <stdint.h>

struct bundle {
    const unsigned char *map; /* of the whole archive; NULL: the program is plain lull */
    const unsigned char *contents;
    uint64_t contents_size;
    const unsigned char *index;
    uint64_t index_size;
    uint32_t count;
};

/*
 * Look for an archive at the end of the running program: 0, with bundle->map NULL
 * when there is none; or what to exit with, when it is damaged, which was printed.
 * It stays mapped until the process ends.
 */
int lull__bundle_open(struct bundle *bundle);

/* A lull_find_fn; `arg` is the bundle.  Any thread. */
int lull__bundle_find(void *arg, const char *name, struct lull_found *found);

#endif
