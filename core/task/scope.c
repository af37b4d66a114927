/* SPDX-License-Identifier: MIT */
/*
 * scope.c -- links between scopes and strands, and how a cancellation spreads.
 */
#include "task/scope.h"

#include <assert.h>
#include <string.h>

#define STRAND(node) LULL_CONTAINER(node, struct lull_strand, link)

void lull__scope_init(struct lull_scope *scope, enum lull_scope_kind kind,
                      struct lull_strand *strand, struct lull_scope *parent)
{
    memset(scope, 0, sizeof *scope);
    scope->parent = parent;
    scope->strand = strand;
    scope->kind = (uint8_t)kind;
    scope->shield = kind == LULL_SCOPE_SHIELD;
    lull__list_init(&scope->owned);
}

void lull__strand_init(struct lull_strand *strand)
{
    lull__scope_init(&strand->root, LULL_SCOPE_TASK, strand, NULL);
    strand->innermost = &strand->root;
    strand->owner = NULL;
    lull__list_init(&strand->link);
    strand->next = NULL;
    strand->op = NULL;
    strand->nearest = LULL_NEVER;
    strand->alert = false;
    strand->ended = false;
}

void lull__scope_enter(struct lull_scope *scope)
{
    scope->strand->innermost = scope;
}

void lull__scope_leave(struct lull_scope *scope)
{
    struct lull_strand *strand = scope->strand;
    assert(strand->innermost == scope && scope->live == 0);
    strand->innermost = scope->parent;
    if (strand->alert) {
        strand->alert = false;
        for (struct lull_scope *s = strand->innermost; s != NULL; s = s->parent)
            strand->alert = strand->alert || s->cancelled;
    }
}

void lull__scope_own(struct lull_scope *scope, struct lull_strand *strand)
{
    strand->owner = scope;
    lull__list_append(&scope->owned, &strand->link);
    scope->live++;
}

/* One strand fewer to wait for: the body that joins may go on. */
static void drop_live(struct lull_scope *scope)
{
    assert(scope->live > 0);
    scope->live--;
    struct lull_strand *strand = scope->strand;
    if (scope->live == 0 && strand != NULL && strand->op != NULL && scope->closing)
        lull_op_complete(strand->op);
}

void lull__strand_ended(struct lull_strand *strand, bool keep)
{
    struct lull_scope *owner = strand->owner;
    strand->ended = true;
    if (!keep)
        lull__strand_forget(strand);
    drop_live(owner);
}

void lull__strand_forget(struct lull_strand *strand)
{
    lull__list_remove(&strand->link);
    strand->owner = NULL;
}

/* Is `scope` on its strand's stack?  A detached scope is not. */
static bool encloses_body(const struct lull_scope *scope)
{
    return scope->strand != NULL && scope->kind != LULL_SCOPE_DETACHED;
}

/* Mark a scope; false when it was marked before. */
static bool mark(struct lull_scope *scope, const struct lull_reason *reason)
{
    if (scope->cancelled)
        return false;
    scope->cancelled = true;
    scope->reason = reason;
    if (reason->slot != 0) /* made on the heap: only those are counted */
        ((struct lull_reason *)reason)->refs++;
    if (encloses_body(scope))
        scope->strand->alert = true;
    return true;
}

static void mark_owned(struct lull_scope *scope, const struct lull_reason *reason,
                       struct lull_strand **work)
{
    for (struct lull_list *node = scope->owned.next; node != &scope->owned;
         node = node->next) {
        struct lull_strand *child = STRAND(node);
        if (!child->ended && mark(&child->root, reason)) {
            child->next = *work;
            *work = child;
        }
    }
}

/*
 * Carry a marked scope's cancellation into its strand: to what the scopes from
 * it inwards own, up to the first shield met from outside, and to the wait.
 */
static void spread(struct lull_scope *scope, struct lull_strand **work)
{
    struct lull_strand *strand = scope->strand;
    if (!encloses_body(scope)) {
        mark_owned(scope, scope->reason, work);
        return;
    }
    struct lull_scope *inner = strand->innermost;
    bool shielded = false;
    for (struct lull_scope *s = strand->innermost; s != scope; s = s->parent) {
        if (s->shield) {
            shielded = true;
            inner = s->parent;
        }
    }
    for (struct lull_scope *s = inner;; s = s->parent) {
        mark_owned(s, scope->reason, work);
        if (s == scope)
            break;
    }
    if (!shielded && strand->op != NULL)
        lull__op_interrupt(strand->op);
}

/* Without recursion: chains of owners may be as long as memory lasts. */
static void spread_all(struct lull_strand *work)
{
    while (work != NULL) {
        struct lull_strand *strand = work;
        work = strand->next;
        strand->next = NULL;
        spread(&strand->root, &work);
    }
}

void lull__scope_cancel(struct lull_scope *scope, const struct lull_reason *reason)
{
    struct lull_strand *work = NULL;
    if (!mark(scope, reason))
        return;
    spread(scope, &work);
    spread_all(work);
}

static const struct lull_reason timed_out = {.text = "timeout"};

static void expire(struct lull_scope *scope)
{
    if (!scope->cancelled) {
        scope->expired = true;
        lull__scope_cancel(scope, &timed_out);
    }
}

void lull__frame_due(struct lull_timer *timer)
{
    expire(&LULL_CONTAINER(timer, struct lull_frame, timer)->scope);
}

void lull__strand_expire(struct lull_strand *strand, uint64_t now)
{
    for (struct lull_scope *s = strand->innermost; s->parent != NULL; s = s->parent) {
        struct lull_frame *frame = LULL_CONTAINER(s, struct lull_frame, scope);
        if (frame->deadline <= now)
            expire(s);
        if (s->shield)
            break;
    }
    strand->nearest = LULL_NEVER; /* the rest have their timers */
}

void lull__strand_move(struct lull_strand *strand, struct lull_scope *heir)
{
    struct lull_scope *owner = strand->owner;
    lull__list_remove(&strand->link);
    lull__scope_own(heir, strand);
    drop_live(owner);
    struct lull_scope *cancelled = lull__scope_cancelled(heir);
    if (cancelled != NULL)
        lull__scope_cancel(&strand->root, cancelled->reason);
}

void lull__scope_hand_over(struct lull_scope *scope, struct lull_scope *heir)
{
    struct lull_scope *cancelled = lull__scope_cancelled(heir);
    struct lull_strand *work = NULL;
    for (struct lull_list *node = scope->owned.next; node != &scope->owned;
         node = node->next)
        STRAND(node)->owner = heir;
    if (cancelled != NULL)
        mark_owned(scope, cancelled->reason, &work);
    heir->live += scope->live;
    scope->live = 0;
    lull__list_splice(&heir->owned, &scope->owned);
    spread_all(work);
}

struct lull_scope *lull__scope_cancelled(struct lull_scope *scope)
{
    struct lull_scope *found = NULL;
    if (!encloses_body(scope))
        return scope->cancelled ? scope : NULL;
    if (!scope->strand->alert)
        return NULL;
    for (struct lull_scope *s = scope; s != NULL; s = s->parent) {
        if (s->cancelled)
            found = s;
        if (s->shield)
            break;
    }
    return found;
}

struct lull_scope *lull__scope_find(struct lull_scope *scope, enum lull_scope_kind kind)
{
    while (scope != NULL && scope->kind != kind) {
        if (scope->parent != NULL)
            scope = scope->parent;
        else
            scope = scope->strand != NULL ? scope->strand->owner : NULL;
    }
    return scope;
}
