/* SPDX-License-Identifier: MIT */
/*
 * dnslib.c -- Lua module "lull.dns.native": getaddrinfo and getnameinfo as jobs.
 *
 * A look-up is an object for any number of tasks to wait on: it goes on when
 * one of them, or the last, no longer does, and keeps its answer.  The script
 * shares and remembers look-ups.  One that is collected, or under way when the
 * runtime ends, abandons its job; the thread then finishes for nobody.
 *
 * What needs no asking is answered at once: numeric addresses, and localhost
 * with all names below it (RFC 6761, 6.3).  Whatever is asked is told to name
 * servers: that needs permission to connect to the name, at whatever port.
 */
#include "common/timedop.h"
#include "net/dnslookup.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define RESOLVE       "dns.resolve"
#define REVERSE       "dns.reverse"
#define MAX_NAME      1024 /* longer than any name can be */
#define MAX_ADDRESSES 64
#define ADDRESS_TEXT  (INET6_ADDRSTRLEN + IF_NAMESIZE + 1)

int luaopen_lull_dns_native(lua_State *L);

static const char lookup_tag = 'r';

struct lookup;

struct lookup_job {
    struct lull_job base;   /* first */
    struct lookup *lookup;  /* whose it is; the runtime's thread only */
    struct lullb_addr addr; /* of a reverse look-up; size 0: of none */
    bool under_way;         /* it has not come back; the runtime's thread only */
    int family;             /* wanted */
    int result;             /* of getaddrinfo or getnameinfo */
    int errnum;             /* if that is EAI_SYSTEM */
    int count;              /* texts */
    size_t size;            /* of each */
    char *texts;
    char name[];
};

struct lookup {
    struct lullb_lookup base; /* first; open while the job is under way */
    struct lull_runtime *rt;
    struct lookup_job *job; /* NULL: abandoned */
    struct lull_line line;  /* who waits */
};

struct wait {
    struct lull_timed_op timed; /* first */
    struct lookup *lookup;
};

/* ---- on a pool thread ---------------------------------------------------------- */

static bool make_texts(struct lookup_job *job, size_t count, size_t size)
{
    job->texts = calloc(count, size);
    job->size = size;
    if (job->texts == NULL)
        job->result = EAI_MEMORY;
    return job->texts != NULL;
}

static void add_address(struct lookup_job *job, const struct addrinfo *entry)
{
    char *text = job->texts + (size_t)job->count * job->size;
    if (job->count == MAX_ADDRESSES ||
        (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) ||
        getnameinfo(entry->ai_addr, entry->ai_addrlen, text, ADDRESS_TEXT, NULL, 0,
                    NI_NUMERICHOST) != 0)
        return;
    for (const char *other = job->texts; other != text; other += job->size) {
        if (strcmp(other, text) == 0)
            return;
    }
    job->count++;
}

static void run_resolve(struct lull_job *base)
{
    struct lookup_job *job = (struct lookup_job *)base;
    const struct addrinfo hints = {.ai_family = job->family, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    size_t entries = 0;
    job->result = getaddrinfo(job->name, NULL, &hints, &found);
    job->errnum = errno;
    if (job->result != 0)
        return;
    for (const struct addrinfo *entry = found; entry != NULL; entry = entry->ai_next)
        entries++;
    if (entries > MAX_ADDRESSES)
        entries = MAX_ADDRESSES;
    if (make_texts(job, entries + 1, ADDRESS_TEXT)) {
        for (const struct addrinfo *entry = found; entry != NULL; entry = entry->ai_next)
            add_address(job, entry);
    }
    freeaddrinfo(found);
}

static void run_reverse(struct lull_job *base)
{
    struct lookup_job *job = (struct lookup_job *)base;
    if (!make_texts(job, 1, NI_MAXHOST))
        return;
    job->result = getnameinfo(&job->addr.as.any, job->addr.size, job->texts, NI_MAXHOST,
                              NULL, 0, NI_NAMEREQD);
    job->errnum = errno;
    job->count = job->result == 0;
}

static void drop(struct lull_job *base)
{
    free(((struct lookup_job *)base)->texts);
    free(base);
}

/* ---- loop side: no Lua ----------------------------------------------------------- */

static void close_lookup(struct lull_handle *handle)
{
    struct lookup *lookup = (struct lookup *)(void *)handle;
    struct lookup_job *job = lookup->job;
    if (!job->under_way)
        return;
    lookup->job = NULL;
    lullb_line_close(&lookup->line);
    lull_job_abandon(handle->rt, &job->base);
}

static const struct lull_handle_type lookup_type = {
    .name = "dns.lookup",
    .close = close_lookup,
};

/* The answer is there: let natives see it. */
static void publish(struct lookup *lookup)
{
    const struct lookup_job *job = lookup->job;
    if (job->addr.size != 0) /* what an address is called proves nothing */
        return;
    lookup->base.name = job->name;
    lookup->base.addresses = job->texts;
    lookup->base.size = job->size;
    lookup->base.count = job->count;
}

static void done(struct lull_job *base)
{
    struct lookup_job *job = (struct lookup_job *)base;
    struct lookup *lookup = job->lookup;
    job->under_way = false;
    publish(lookup);
    lull_handle_close(&lookup->base.object.handle);
    while (lookup->line.head != NULL)
        lullb_op_complete(lookup->line.head);
}

static enum lull_cancel cancel(struct lull_op *op)
{
    lullb_op_release(&((struct wait *)(void *)op)->timed);
    return LULL_DETACHED;
}

static void abandon(struct lull_op *op)
{
    cancel(op);
}

/* ---- errors ----------------------------------------------------------------------- */

static const char *code_name(int result)
{
    static const struct {
        int result;
        const char *name;
    } names[] = {
        {EAI_AGAIN, "EAI_AGAIN"},           {EAI_FAIL, "EAI_FAIL"},
        {EAI_MEMORY, "EAI_MEMORY"},         {EAI_NONAME, "EAI_NONAME"},
        {EAI_FAMILY, "EAI_FAMILY"},         {EAI_SYSTEM, "EAI_SYSTEM"},
        {EAI_SERVICE, "EAI_SERVICE"},       {EAI_OVERFLOW, "EAI_OVERFLOW"},
#ifdef EAI_NODATA
        {EAI_NODATA, "EAI_NODATA"},
#endif
#ifdef EAI_ADDRFAMILY
        {EAI_ADDRFAMILY, "EAI_ADDRFAMILY"},
#endif
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].result == result)
            return names[i].name;
    }
    return "EAI_FAIL";
}

/* Is it an answer: there is no such name, or it has no address of the family? */
static bool is_missing(const struct lookup_job *job)
{
    switch (job->result) {
    case 0:
        return job->count == 0;
    case EAI_NONAME:
#ifdef EAI_NODATA
    case EAI_NODATA:
#endif
#ifdef EAI_ADDRFAMILY
    case EAI_ADDRFAMILY:
#endif
        return true;
    default:
        return false;
    }
}

static int raise_unresolved(lua_State *L, const struct lookup_job *job, const char *op)
{
    int result = job->result != 0 ? job->result : EAI_NONAME; /* no address of use */
    const char *why = result == EAI_SYSTEM ? strerror(job->errnum) : gai_strerror(result);
    luaL_checkstack(L, 8, NULL);
    lull_push_error(L, LULL_KIND_DNS, "%s: %s", job->name, why);
    lull_error_detail(L, op, 0);
    lua_pushstring(L, code_name(result));
    lua_setfield(L, -2, "code");
    return lua_error(L);
}

/* ---- waiting ----------------------------------------------------------------------- */

static int wait_push(lua_State *L, struct lull_op *op)
{
    const struct wait *wait = (struct wait *)(void *)op;
    const struct lookup_job *job = wait->lookup->job;
    if (wait->timed.timed_out) {
        lua_pushfstring(L, "%s: no answer", job->name);
        return lullb_raise_timeout(L, &wait->timed, lua_tostring(L, -1));
    }
    if (job->count == 0)
        return raise_unresolved(L, job, op->type->name);
    if (job->addr.size != 0) {
        lua_pushstring(L, job->texts);
        return 1;
    }
    lua_createtable(L, job->count, 0);
    for (int i = 0; i < job->count; i++) {
        lua_pushstring(L, job->texts + (size_t)i * job->size);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

static const struct lull_op_type resolve_type = {
    .name = RESOLVE,
    .cancel = cancel,
    .push = wait_push,
    .abandon = abandon,
};

static const struct lull_op_type reverse_type = {
    .name = REVERSE,
    .cancel = cancel,
    .push = wait_push,
    .abandon = abandon,
};

static struct lookup *check_lookup(lua_State *L)
{
    return lullb_check_object(L, 1, &lookup_tag, "look-up");
}

/* lookup:wait(seconds | nil) -> a new array of addresses, best first | name */
static int m_wait(lua_State *L)
{
    lua_settop(L, 2);
    struct lookup *lookup = check_lookup(L);
    double timeout = lullb_check_seconds(L, 2, NULL);
    struct lull_task *task = lull_checkpoint(L);
    if (lookup->job == NULL)
        return lullb_raise(L, LULL_KIND_CLOSED, RESOLVE, "the look-up is closed");
    struct wait *wait = lua_newuserdatauv(L, sizeof *wait, 0);
    *wait = (struct wait){.lookup = lookup};
    const struct lull_op_type *type =
        lookup->job->addr.size != 0 ? &reverse_type : &resolve_type;
    if (!lookup->job->under_way) {
        lullb_op_begin_complete(&wait->timed, task, type);
        return lull_await(L, &wait->timed.op);
    }
    if (!lullb_op_begin(&wait->timed, lookup->rt, task, type, timeout))
        return lullb_raise_memory(L, type->name);
    lullb_line_append(&lookup->line, &wait->timed);
    return lull_await(L, &wait->timed.op);
}

/* lookup:state() -> "pending" | "found" | "missing", for sure | "failed", for now */
static int m_state(lua_State *L)
{
    const struct lookup *lookup = check_lookup(L);
    if (lookup->job == NULL)
        lua_pushliteral(L, "failed");
    else if (lookup->job->under_way)
        lua_pushliteral(L, "pending");
    else if (lookup->job->count > 0)
        lua_pushliteral(L, "found");
    else
        lua_pushstring(L, is_missing(lookup->job) ? "missing" : "failed");
    return 1;
}

static int m_gc(lua_State *L)
{
    struct lookup *lookup = check_lookup(L);
    lull_handle_close(&lookup->base.object.handle);
    lookup->base.addresses = NULL;
    if (lookup->job != NULL)
        drop(&lookup->job->base);
    lookup->job = NULL;
    return 0;
}

/* Is it localhost or below?  With or without the dot that ends a name. */
static bool is_localhost(const char *name, size_t length)
{
    static const char localhost[] = "localhost";
    const size_t own = sizeof localhost - 1;
    if (length > 0 && name[length - 1] == '.')
        length--;
    return length >= own && strncasecmp(name + length - own, localhost, own) == 0 &&
           (length == own || name[length - own - 1] == '.');
}

/* Can the name be answered without asking? */
static bool is_known(const char *name, size_t length)
{
    struct lullb_addr addr;
    return lullb_addr_parse(&addr, name, 0) || is_localhost(name, length);
}

/* ---- beginning --------------------------------------------------------------------- */

static const struct luaL_Reg methods[] = {
    {"state", m_state},
    {"wait", m_wait},
    {NULL, NULL},
};

static const struct luaL_Reg meta[] = {{"__gc", m_gc}, {NULL, NULL}};

/* Push a look-up with a job that is not queued.  A checkpoint. */
static struct lookup *push_lookup(lua_State *L, const char *name, size_t length)
{
    struct lull_runtime *rt = lull_runtime_of(L);
    lull_checkpoint(L);
    lull_check_handles(L, RESOLVE);
    lull_push_class(L, rt, LULLB_LOOKUP_CLASS, methods, meta);
    struct lookup *lookup = lullb_push_object(L, sizeof *lookup, &lookup_tag);
    lookup->rt = rt;
    struct lookup_job *job = calloc(1, sizeof *job + length + 1);
    if (job == NULL) {
        lullb_raise_memory(L, RESOLVE);
        return NULL; /* not reached */
    }
    memcpy(job->name, name, length);
    job->lookup = lookup;
    job->base.done = done;
    job->base.drop = drop;
    lookup->job = job;
    return lookup;
}

static int submit(lua_State *L, struct lookup *lookup, const char *op)
{
    int error = lull_job_submit(lookup->rt, LULL_POOL_NAMES, &lookup->job->base);
    if (error != 0)
        return lullb_raise_io(L, op, error, lookup->job->name);
    lookup->job->under_way = true;
    lull_handle_open(lookup->rt, &lookup->base.object.handle, &lookup_type);
    return 1;
}

static void add_known(struct lookup_job *job, const char *address, int family)
{
    if (job->family == AF_UNSPEC || job->family == family)
        snprintf(job->texts + (size_t)job->count++ * job->size, job->size, "%s", address);
}

/* The answer for a name that is known. */
static void answer_at_once(lua_State *L, struct lookup_job *job)
{
    struct lullb_addr addr;
    if (!make_texts(job, 2, ADDRESS_TEXT))
        return;
    if (lullb_addr_parse(&addr, job->name, 0)) {
        lullb_push_addr(L, &addr);
        add_known(job, lua_tostring(L, -2), addr.as.any.sa_family);
        lua_pop(L, 2);
    } else {
        add_known(job, "127.0.0.1", AF_INET);
        add_known(job, "::1", AF_INET6);
    }
}

/* The name at 1, if it may be asked for; or raise. */
static const char *check_name(lua_State *L, size_t *length)
{
    const char *name = luaL_checklstring(L, 1, length);
    luaL_argcheck(L, *length > 0 && *length <= MAX_NAME && strlen(name) == *length, 1,
                  "not a host name");
    if (!is_known(name, *length))
        lull_check_address(L, LULL_MAY_CONNECT, RESOLVE, name, -1);
    return name;
}

/* permit(name | address, reverse?): raise unless the running task may ask for it */
static int l_permit(lua_State *L)
{
    size_t length;
    struct lullb_addr addr;
    if (!lua_toboolean(L, 2))
        check_name(L, &length);
    else if (lullb_addr_parse(&addr, luaL_checkstring(L, 1), 0))
        lull_check_address(L, LULL_MAY_CONNECT, REVERSE, lua_tostring(L, 1), -1);
    return 0;
}

/* resolve(name, 4 | 6 | nil) -> look-up, and whether it was answered without asking */
static int l_resolve(lua_State *L)
{
    size_t length;
    const char *name = check_name(L, &length);
    lua_Integer family = luaL_optinteger(L, 2, 0);
    bool known = is_known(name, length);
    struct lookup *lookup = push_lookup(L, name, length);
    struct lookup_job *job = lookup->job;
    job->base.run = run_resolve;
    job->family = family == 4 ? AF_INET : family == 6 ? AF_INET6 : AF_UNSPEC;
    if (known) {
        answer_at_once(L, job);
        publish(lookup);
    } else {
        submit(L, lookup, RESOLVE);
    }
    lua_pushboolean(L, known);
    return 2;
}

/* reverse(address) -> look-up; nil when it is no numeric address */
static int l_reverse(lua_State *L)
{
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    struct lullb_addr addr;
    if (strlen(text) != length || !lullb_addr_parse(&addr, text, 0))
        return 0;
    lull_check_address(L, LULL_MAY_CONNECT, REVERSE, text, -1);
    struct lookup *lookup = push_lookup(L, text, length);
    lookup->job->base.run = run_reverse;
    lookup->job->addr = addr;
    return submit(L, lookup, REVERSE);
}

static const struct luaL_Reg functions[] = {
    {"permit", l_permit},
    {"resolve", l_resolve},
    {"reverse", l_reverse},
    {NULL, NULL},
};

int luaopen_lull_dns_native(lua_State *L)
{
    lua_newtable(L);
    lull_set_functions(L, lull_runtime_of(L), functions);
    return 1;
}
