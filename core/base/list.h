/* SPDX-License-Identifier: MIT */
/*
 * list.h -- intrusive doubly linked lists.
 *
 * A head and a node are the same type; an empty head and an unlinked node
 * point at themselves, so removing twice is harmless.  The list owns nothing.
 */
#ifndef LULL_LIST_H
#define LULL_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* The object of `type` whose field `member` is at `ptr`. */
#define LULL_CONTAINER(ptr, type, member) \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

struct lull_list {
    struct lull_list *prev;
    struct lull_list *next;
};

static inline void lull__list_init(struct lull_list *list)
{
    list->prev = list->next = list;
}

static inline bool lull__list_empty(const struct lull_list *list)
{
    return list->next == list;
}

/* Link `node`, which is in no list, at the end of `list`. */
static inline void lull__list_append(struct lull_list *list, struct lull_list *node)
{
    node->prev = list->prev;
    node->next = list;
    list->prev->next = node;
    list->prev = node;
}

/* Unlink `node`; afterwards it is in no list. */
static inline void lull__list_remove(struct lull_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    lull__list_init(node);
}

/* Move everything from `source` to the end of `list`. */
static inline void lull__list_splice(struct lull_list *list, struct lull_list *source)
{
    if (lull__list_empty(source))
        return;
    source->next->prev = list->prev;
    list->prev->next = source->next;
    source->prev->next = list;
    list->prev = source->prev;
    lull__list_init(source);
}

#endif
