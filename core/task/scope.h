/* SPDX-License-Identifier: MIT */
/*
 * scope.h -- cancel scopes, and who owns whom.
 *
 * A strand is one thread of control (a task).  It is inside a stack of
 * scopes: its root, and one for every group, timeout, shield or run it is in.
 * Each scope owns the strands started in it.  Tasks, groups, timeouts,
 * Ctrl-C and shutdown are all made of this.
 *
 *   1. Cancelling a scope is level-triggered: it stays cancelled, and every
 *      checkpoint inside it raises until it has been left.
 *   2. Cancelling reaches at once what the scope and the scopes inside it own,
 *      all the way down, and interrupts the wait of every strand it reaches.
 *   3. A shield stops a cancellation that comes from outside it.
 *   4. Nothing here touches Lua, allocates, or runs a strand.
 *
 * Ownership: strands and scopes live in their tasks and frames; this file
 * only links them.
 */
#ifndef LULL_SCOPE_H
#define LULL_SCOPE_H

#include "base/list.h"
#include "sched/op.h"

#include <stdbool.h>
#include <stdint.h>

enum lull_scope_kind {
    LULL_SCOPE_TASK,     /* the root of a strand */
    LULL_SCOPE_RUN,      /* lull.run, and the main task */
    LULL_SCOPE_DETACHED, /* what a run keeps apart: detached strands */
    LULL_SCOPE_GROUP,
    LULL_SCOPE_TIMEOUT,
    LULL_SCOPE_MOVE_ON,
    LULL_SCOPE_SHIELD,
    LULL_SCOPE_LOOSE, /* owns nothing: what starts in it is detached */
    LULL_SCOPE_VAR    /* not for cancelling: holds a task-local value */
};

/* How the body of a scope ended. */
enum lull_body_end {
    LULL_BODY_RETURNED,
    LULL_BODY_RAISED, /* an error */
    LULL_BODY_OWN,    /* this scope's own cancellation */
    LULL_BODY_OUTER   /* the cancellation of a scope further out */
};

/* Why something was cancelled; shared by all that it reached. */
struct lull_reason {
    const char *text; /* the reason, when slot is 0 */
    uint32_t slot;    /* anchor of a Lua value; 0: constant, not counted */
    uint32_t refs;
};

struct lull_scope {
    struct lull_scope *parent;        /* the next one out in the strand; NULL: root */
    struct lull_strand *strand;       /* whose body it encloses; NULL: the runtime's */
    struct lull_list owned;           /* strands; failed ones stay until received */
    struct lull_strand *failure;      /* the child whose failure ended it */
    const struct lull_reason *reason; /* why it was cancelled */
    uint32_t live;                    /* owned strands that have not ended */
    uint32_t error_slot;              /* anchor of its cancellation error; 0: not made */
    uint8_t kind;                     /* enum lull_scope_kind */
    uint8_t end;                      /* enum lull_body_end, once closing */
    bool shield : 1;                  /* keeps out cancellations from further out */
    bool cancelled : 1;
    bool expired : 1;     /* cancelled by its deadline */
    bool closing : 1;     /* the body has ended; joining what it owns */
    bool settled : 1;     /* joined, too: it owns nothing any more */
    bool interrupted : 1; /* a cancellation came while it joined */
};

struct lull_strand {
    struct lull_scope root;
    struct lull_scope *innermost; /* where it is; &root at least */
    struct lull_scope *owner;     /* NULL: ended and forgotten, or not begun */
    struct lull_list link;        /* in owner->owned */
    struct lull_strand *next;     /* while a cancellation spreads */
    struct lull_op *op;           /* what it waits for; NULL: it does not */
    uint64_t nearest;             /* first deadline among its unshielded scopes */
    bool alert;                   /* one of its scopes is cancelled */
    bool ended;                   /* kept only because nobody received its error */
};

void lull__scope_init(struct lull_scope *scope, enum lull_scope_kind kind,
                      struct lull_strand *strand, struct lull_scope *parent);

void lull__strand_init(struct lull_strand *strand);

/* Enter a scope made with the strand's innermost one as parent; or leave it. */
void lull__scope_enter(struct lull_scope *scope);
void lull__scope_leave(struct lull_scope *scope);

/* Make `scope` own the strand. */
void lull__scope_own(struct lull_scope *scope, struct lull_strand *strand);

/*
 * The strand has ended.  With `keep` it stays in its owner's list, to be
 * received.  Wakes an owner that joins and has nothing left to wait for.
 */
void lull__strand_ended(struct lull_strand *strand, bool keep);

/* Forget a strand that had been kept. */
void lull__strand_forget(struct lull_strand *strand);

/* Pass everything `scope` owns to `heir`, cancelling it if the heir is cancelled. */
void lull__scope_hand_over(struct lull_scope *scope, struct lull_scope *heir);

/* Pass one live strand to `heir`. */
void lull__strand_move(struct lull_strand *strand, struct lull_scope *heir);

/* Cancel the scope; no-op when it is cancelled already. */
void lull__scope_cancel(struct lull_scope *scope, const struct lull_reason *reason);

/*
 * A scope that a call opened: what its body needs back when it leaves.  The
 * timer runs while the scope has a deadline.
 */
struct lull_frame {
    struct lull_scope scope; /* first */
    struct lull_timer timer;
    uint64_t deadline;           /* LULL_NEVER: none */
    double seconds;              /* the limit it was given */
    uint64_t outer_nearest;      /* the strand's nearest deadline outside */
    void *thread;                /* the Lua thread it was opened in */
    struct lull_scope *detached; /* of a run: what it keeps apart; else NULL */
    uint32_t vars_slot;          /* of a var: the values to go back to */
    struct lull_frame **handle;  /* a group's handle, cleared with the frame; or NULL */
    struct lull_frame *next;     /* in the list of free ones */
};

/* Cancel every unshielded scope of the strand whose deadline has passed. */
void lull__strand_expire(struct lull_strand *strand, uint64_t now);

/* The timer of a frame is due: cancel its scope. */
void lull__frame_due(struct lull_timer *timer);

/*
 * The scope whose cancellation is due at a checkpoint made inside `scope`:
 * the outermost cancelled one that no shield keeps out.  NULL: none.
 */
struct lull_scope *lull__scope_cancelled(struct lull_scope *scope);

/* The scope of this kind around `scope`, across owners; NULL: none. */
struct lull_scope *lull__scope_find(struct lull_scope *scope, enum lull_scope_kind kind);

#endif
