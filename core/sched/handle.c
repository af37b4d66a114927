/* SPDX-License-Identifier: MIT */
/*
 * handle.c -- opening and closing, once each.
 */
#include "sched/handle.h"

#include <assert.h>

void lull__handles_init(struct lull_handles *handles)
{
    handles->head.prev = handles->head.next = &handles->head;
    handles->open = 0;
    handles->background = 0;
}

static unsigned *counter(struct lull_handles *handles,
                         const struct lull_handle_type *type)
{
    return type->background ? &handles->background : &handles->open;
}

void lull_handle_open(struct lull_runtime *rt, struct lull_handle *handle,
                      const struct lull_handle_type *type)
{
    struct lull_handles *handles = lull__handles_of(rt);
    assert(handle->type == NULL);
    handle->rt = rt;
    handle->type = type;
    handle->prev = &handles->head;
    handle->next = handles->head.next;
    handle->next->prev = handle;
    handles->head.next = handle;
    ++*counter(handles, type);
}

void lull_handle_close(struct lull_handle *handle)
{
    const struct lull_handle_type *type = handle->type;
    if (type == NULL)
        return;
    --*counter(lull__handles_of(handle->rt), type);
    handle->type = NULL;
    handle->prev->next = handle->next;
    handle->next->prev = handle->prev;
    type->close(handle);
}

void lull__handles_close_open(struct lull_handles *handles)
{
    while (handles->open > 0) {
        struct lull_handle *handle = handles->head.next;
        while (handle->type->background)
            handle = handle->next;
        lull_handle_close(handle);
    }
}

void lull__handles_close_all(struct lull_handles *handles)
{
    while (handles->head.next != &handles->head)
        lull_handle_close(handles->head.next);
}
