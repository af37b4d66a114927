/* SPDX-License-Identifier: MIT */
/*
 * resolve.c -- getaddrinfo as a job.
 *
 * The look-up is a userdata on the stack of the task that waits, and holds the
 * job.  Whoever leaves without the answer (cancelled, closed by force,
 * collected) abandons it; the thread then finishes for nobody.
 */
#include "resolve.h"

#include "bind.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define OP_NAME       "dns.resolve"
#define MAX_NAME      1024 /* longer than any name can be */
#define MAX_ADDRESSES 64
#define ADDRESS_TEXT  (INET6_ADDRSTRLEN + IF_NAMESIZE + 1)

struct lookup_job {
    struct lull_job base;  /* first */
    struct lookup *lookup; /* who waits; the runtime's thread only */
    int result;            /* of getaddrinfo */
    int errnum;            /* if that is EAI_SYSTEM */
    int count;
    char addresses[MAX_ADDRESSES][ADDRESS_TEXT];
    char name[];
};

struct lookup {
    struct lull_op op; /* first */
    struct lull_runtime *rt;
    struct lookup_job *job; /* NULL: none, or done with */
    bool in_flight;         /* the job has not come back */
};

/* ---- on a pool thread ---------------------------------------------------------- */

static void add_address(struct lookup_job *job, const struct addrinfo *entry)
{
    char *text = job->addresses[job->count];
    if (job->count == MAX_ADDRESSES ||
        (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) ||
        getnameinfo(entry->ai_addr, entry->ai_addrlen, text, ADDRESS_TEXT, NULL, 0,
                    NI_NUMERICHOST) != 0)
        return;
    for (int i = 0; i < job->count; i++) {
        if (strcmp(job->addresses[i], text) == 0)
            return;
    }
    job->count++;
}

static void run(struct lull_job *base)
{
    struct lookup_job *job = (struct lookup_job *)base;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    job->result = getaddrinfo(job->name, NULL, &hints, &found);
    job->errnum = errno;
    if (job->result != 0)
        return;
    for (const struct addrinfo *entry = found; entry != NULL; entry = entry->ai_next)
        add_address(job, entry);
    freeaddrinfo(found);
}

static void drop(struct lull_job *base)
{
    free(base);
}

/* ---- loop side: no Lua ----------------------------------------------------------- */

static void done(struct lull_job *base)
{
    struct lookup *lookup = ((struct lookup_job *)base)->lookup;
    lookup->in_flight = false;
    lull_op_complete(&lookup->op);
}

/* Give up the job, wherever it is. */
static void let_go(struct lookup *lookup)
{
    struct lookup_job *job = lookup->job;
    lookup->job = NULL;
    if (job == NULL)
        return;
    if (lookup->in_flight)
        lull_job_abandon(lookup->rt, &job->base);
    else
        free(job);
}

static enum lull_cancel cancel(struct lull_op *op)
{
    let_go((struct lookup *)(void *)op);
    return LULL_DETACHED;
}

static void abandon(struct lull_op *op)
{
    let_go((struct lookup *)(void *)op);
}

/* ---- Lua side ----------------------------------------------------------------------- */

static const char *code_name(int result)
{
    static const struct {
        int result;
        const char *name;
    } names[] = {
        {EAI_AGAIN, "EAI_AGAIN"},     {EAI_FAIL, "EAI_FAIL"},
        {EAI_MEMORY, "EAI_MEMORY"},   {EAI_NONAME, "EAI_NONAME"},
        {EAI_FAMILY, "EAI_FAMILY"},   {EAI_SYSTEM, "EAI_SYSTEM"},
        {EAI_SERVICE, "EAI_SERVICE"},
#ifdef EAI_NODATA
        {EAI_NODATA, "EAI_NODATA"},
#endif
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].result == result)
            return names[i].name;
    }
    return "EAI_FAIL";
}

static int raise_unresolved(lua_State *L, const struct lookup_job *job)
{
    int result = job->result != 0 ? job->result : EAI_NONAME; /* no address of use */
    const char *why = result == EAI_SYSTEM ? strerror(job->errnum) : gai_strerror(result);
    luaL_checkstack(L, 8, NULL);
    lull_push_error(L, LULL_KIND_DNS, "%s: %s", job->name, why);
    lull_error_detail(L, OP_NAME, 0);
    lua_pushstring(L, code_name(result));
    lua_setfield(L, -2, "code");
    return lua_error(L);
}

static int lookup_push(lua_State *L, struct lull_op *op)
{
    const struct lookup_job *job = ((struct lookup *)(void *)op)->job;
    if (job->count == 0)
        return raise_unresolved(L, job);
    lua_createtable(L, job->count, 0);
    for (int i = 0; i < job->count; i++) {
        lua_pushstring(L, job->addresses[i]);
        lua_rawseti(L, -2, i + 1);
    }
    let_go((struct lookup *)(void *)op);
    return 1;
}

static const struct lull_op_type lookup_type = {
    .name = OP_NAME,
    .cancel = cancel,
    .push = lookup_push,
    .abandon = abandon,
};

static int lookup_gc(lua_State *L)
{
    let_go(lua_touserdata(L, 1));
    return 0;
}

static const struct luaL_Reg no_methods[] = {{NULL, NULL}};
static const struct luaL_Reg meta[] = {{"__gc", lookup_gc}, {NULL, NULL}};

static struct lookup_job *new_job(const char *name, size_t length)
{
    struct lookup_job *job = malloc(sizeof *job + length + 1);
    if (job == NULL)
        return NULL;
    memset(job, 0, sizeof *job);
    memcpy(job->name, name, length + 1);
    job->base.run = run;
    job->base.done = done;
    job->base.drop = drop;
    return job;
}

int lullb_l_resolve(lua_State *L)
{
    size_t length;
    const char *name = luaL_checklstring(L, 1, &length);
    luaL_argcheck(L, length > 0 && length <= MAX_NAME && strlen(name) == length, 1,
                  "not a host name");
    struct lull_runtime *rt = lull_runtime_of(L);
    struct lull_task *task = lull_checkpoint(L);
    struct lookup *lookup = lua_newuserdatauv(L, sizeof *lookup, 0);
    *lookup = (struct lookup){.rt = rt};
    lull_push_class(L, rt, "lull.lookup", no_methods, meta);
    lua_setmetatable(L, -2);
    struct lookup_job *job = new_job(name, length);
    if (job == NULL)
        return lullb_raise_memory(L, OP_NAME);
    job->lookup = lookup;
    lull_op_begin(&lookup->op, task, &lookup_type);
    int error = lull_job_submit(rt, LULL_POOL_NAMES, &job->base);
    if (error != 0) {
        free(job);
        return lullb_raise_io(L, OP_NAME, error, name);
    }
    lookup->job = job;
    lookup->in_flight = true;
    return lull_await(L, &lookup->op);
}
