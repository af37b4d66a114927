/* SPDX-License-Identifier: MIT */
/*
 * bundle.c -- finding the archive behind the program, and entries in it.
 */
#include "program/bundle.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/auxv.h>
#endif

#define TRAILER 56u
#define ENTRY   32u /* of the index, without its names */
#define FORMAT  1u

struct note {
    uint32_t name_size;
    uint32_t size;
    uint32_t type;
    char name[8];
    uint32_t has_archive;
};

#ifdef __linux__
__attribute__((section(".note.lull"), used, aligned(4)))
#endif
static const struct note note = {5, 4, 1, "lull", 0};

static uint64_t number_at(const unsigned char *at, unsigned bytes)
{
    uint64_t number = 0;
    for (unsigned i = bytes; i > 0; i--)
        number = number << 8 | at[i - 1];
    return number;
}

static uint64_t checksum(const unsigned char *at, uint64_t size)
{
    uint64_t sum = 14695981039346656037u;
    for (; size >= 8; at += 8, size -= 8)
        sum = (sum ^ number_at(at, 8)) * 1099511628211u;
    return size == 0 ? sum : (sum ^ number_at(at, (unsigned)size)) * 1099511628211u;
}

/* ---- the index --------------------------------------------------------------------- */

struct entry {
    const char *name;
    const char *chunkname;
    uint64_t offset;
    uint64_t size;
    uint64_t sum;
};

/* The entry at *at, which moves behind it; false: it is not one. */
static bool next_entry(const struct bundle *bundle, uint64_t *at, struct entry *entry)
{
    const unsigned char *here = bundle->index + *at;
    uint64_t left = bundle->index_size - *at;
    if (left < ENTRY)
        return false;
    uint64_t name = number_at(here, 4);
    uint64_t chunk = number_at(here + 4, 4);
    if (left - ENTRY < name + chunk + 2)
        return false;
    entry->offset = number_at(here + 8, 8);
    entry->size = number_at(here + 16, 8);
    entry->sum = number_at(here + 24, 8);
    entry->name = (const char *)here + ENTRY;
    entry->chunkname = entry->name + name + 1;
    *at += ENTRY + name + chunk + 2;
    return entry->name[name] == '\0' && entry->chunkname[chunk] == '\0' &&
           entry->offset <= bundle->contents_size &&
           entry->size <= bundle->contents_size - entry->offset;
}

static bool is_sound(const struct bundle *bundle)
{
    struct entry entry;
    uint64_t at = 0;
    for (uint32_t i = 0; i < bundle->count; i++) {
        if (!next_entry(bundle, &at, &entry))
            return false;
    }
    return at == bundle->index_size;
}

int lull__bundle_find(void *arg, const char *name, struct lull_found *found)
{
    const struct bundle *bundle = arg;
    struct entry entry;
    uint64_t at = 0;
    while (at < bundle->index_size && next_entry(bundle, &at, &entry)) {
        if (strcmp(entry.name, name) != 0)
            continue;
        const unsigned char *bytes = bundle->contents + entry.offset;
        if (checksum(bytes, entry.size) != entry.sum)
            return -1;
        found->bytes = (const char *)bytes;
        found->size = (size_t)entry.size;
        found->chunkname = *entry.chunkname != '\0' ? entry.chunkname : NULL;
        return 1;
    }
    return 0;
}

/* ---- the program's file ------------------------------------------------------------ */

/* The file of the running program, open for reading; or -1. */
static int open_self(void)
{
#ifdef __linux__
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    const char *path = (const char *)getauxval(AT_EXECFN); /* where no /proc is */
    return path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
#else
    return -1;
#endif
}

/* Map what the trailer, the last bytes of a file of this size, speaks of. */
static bool map_archive(struct bundle *bundle, int fd, uint64_t size,
                        const unsigned char trailer[TRAILER])
{
    bundle->contents_size = number_at(trailer, 8);
    bundle->index_size = number_at(trailer + 8, 8);
    bundle->count = (uint32_t)number_at(trailer + 24, 4);
    uint64_t before = size - TRAILER;
    if (number_at(trailer + 28, 4) != FORMAT || bundle->index_size > before ||
        bundle->contents_size > before - bundle->index_size)
        return false;
    uint64_t start = before - bundle->index_size - bundle->contents_size;
    uint64_t skipped = start % (uint64_t)sysconf(_SC_PAGESIZE);
    void *map = mmap(NULL, (size_t)(size - start + skipped), PROT_READ, MAP_PRIVATE, fd,
                     (off_t)(start - skipped));
    if (map == MAP_FAILED)
        return false;
    bundle->map = map;
    bundle->contents = bundle->map + skipped;
    bundle->index = bundle->contents + bundle->contents_size;
    return checksum(bundle->index, bundle->index_size) == number_at(trailer + 16, 8) &&
           is_sound(bundle);
}

int lull__bundle_open(struct bundle *bundle)
{
    unsigned char trailer[TRAILER];
    struct stat status;
    memset(bundle, 0, sizeof *bundle);
    if (*(const volatile uint32_t *)&note.has_archive == 0) /* not what it is here */
        return EXIT_SUCCESS;
    int fd = open_self();
    if (fd < 0) {
        fputs("lull: cannot read the archive of this program\n", stderr);
        return EXIT_FAILURE;
    }
    bool sound =
        fstat(fd, &status) == 0 && status.st_size > (off_t)sizeof trailer &&
        pread(fd, trailer, sizeof trailer, status.st_size - (off_t)sizeof trailer) ==
            (ssize_t)sizeof trailer &&
        memcmp(trailer + TRAILER - 8, "lullbndl", 8) == 0 &&
        map_archive(bundle, fd, (uint64_t)status.st_size, trailer);
    close(fd);
    if (sound)
        return EXIT_SUCCESS;
    fputs("lull: the archive of this program is damaged, or of another version\n",
          stderr);
    return EXIT_FAILURE;
}
