/* SPDX-License-Identifier: MIT */
/*
 * policy.c -- reading rules and asking them.
 */
#include "base/policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define BIT(permission) (1u << (permission))
#define HOST_MAX        256
#define MODULE          (LULL_MAY_ALL + 1) /* not for lull_check_permission */

struct rule {
    unsigned kinds; /* BIT() of the permissions it is for */
    char *text;     /* a real path, a name, a host; "*": all */
    char *written;  /* a path as it was written, when it was another; else NULL */
    int port;       /* -1: every port */
    bool is_unix;   /* `text` is the path of a socket */
};

struct lull_policy {
    atomic_uint refs;
    bool all;
    bool picks_modules; /* there is a rule for modules: no others */
    struct lull_policy *parent;
    size_t count;
    struct rule rules[];
};

/* ---- paths ---------------------------------------------------------------------- */

/* Append the components of `path` to `normal`, which has `length` bytes. */
static int add_components(const char *path, char normal[PATH_MAX], size_t length)
{
    while (*path != '\0') {
        size_t size = strcspn(path, "/");
        if (size == 2 && path[0] == '.' && path[1] == '.') {
            while (length > 0 && normal[--length] != '/')
                ;
        } else if (size > 0 && !(size == 1 && path[0] == '.')) {
            if (length + 1 + size >= PATH_MAX)
                return -ENAMETOOLONG;
            normal[length++] = '/';
            memcpy(normal + length, path, size);
            length += size;
        }
        path += size;
        path += *path == '/';
    }
    if (length == 0)
        normal[length++] = '/';
    normal[length] = '\0';
    return 0;
}

int lull__path_normalise(const char *path, char normal[PATH_MAX])
{
    size_t length = 0;
    if (*path == '\0')
        return -ENOENT;
    if (*path != '/') {
        if (getcwd(normal, PATH_MAX) == NULL)
            return -errno;
        length = strlen(normal);
        if (normal[0] != '/') /* the folder was removed, or lies outside the root */
            return -ENOENT;
        if (length == 1)
            length = 0;
    }
    return add_components(path, normal, length);
}

/* Make a normal path real as far as it exists. */
static int make_real(const char *normal, char real[PATH_MAX])
{
    char head[PATH_MAX];
    size_t cut = strlen(normal);
    memcpy(head, normal, cut + 1);
    while (realpath(cut == 0 ? "/" : head, real) == NULL) {
        if (cut == 0)
            return -errno;
        while (head[--cut] != '/')
            ;
        head[cut] = '\0';
    }
    size_t length = strlen(real);
    return add_components(normal + cut, real, length == 1 ? 0 : length);
}

static bool is_below(const char *root, const char *path)
{
    size_t length = strlen(root);
    if (length == 1)
        return true;
    return strncmp(path, root, length) == 0 &&
           (path[length] == '\0' || path[length] == '/');
}

static bool has_dotdot(const char *path)
{
    for (const char *at = path; (at = strstr(at, "..")) != NULL; at += 2) {
        if ((at == path || at[-1] == '/') && (at[2] == '\0' || at[2] == '/'))
            return true;
    }
    return false;
}

/* ---- hosts ---------------------------------------------------------------------- */

/* A host as it is compared: lower case, addresses as inet_ntop writes them. */
static bool normal_host(const char *host, size_t length, char normal[HOST_MAX])
{
    unsigned char address[sizeof(struct in6_addr)];
    if (length > 1 && host[length - 1] == '.')
        length--;
    if (length == 0 || length >= HOST_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        normal[i] = (char)(host[i] >= 'A' && host[i] <= 'Z' ? host[i] + 32 : host[i]);
    normal[length] = '\0';
    if (inet_pton(AF_INET6, normal, address) == 1)
        return inet_ntop(AF_INET6, address, normal, HOST_MAX) != NULL;
    return true;
}

/* Read a port; -1: any, -2: it is none. */
static int read_port(const char *text)
{
    long port = 0;
    if (strcmp(text, "*") == 0)
        return -1;
    if (*text == '\0')
        return -2;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || (port = port * 10 + (*text - '0')) > 65535)
            return -2;
    }
    return (int)port;
}

/* "host", "host:port", "[::1]:port", "::1" -> a normal host and a port. */
static bool split_address(const char *what, char host[HOST_MAX], int *port)
{
    const char *colon = strrchr(what, ':');
    *port = -1;
    if (what[0] == '[') {
        const char *end = strchr(what, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return false;
        if (end[1] == ':')
            *port = read_port(end + 2);
        return *port != -2 && normal_host(what + 1, (size_t)(end - what - 1), host);
    }
    if (colon == NULL || strchr(what, ':') != colon) /* none; or an address of IPv6 */
        return normal_host(what, strlen(what), host);
    *port = read_port(colon + 1);
    return *port != -2 && normal_host(what, (size_t)(colon - what), host);
}

static bool host_matches(const char *pattern, const char *host)
{
    if (strcmp(pattern, "*") == 0)
        return true;
    if (strncmp(pattern, "*.", 2) == 0) {
        if (strchr(host, ':') != NULL) /* "::1%.example.org": an address and its zone */
            return false;
        size_t tail = strlen(pattern) - 1;
        size_t length = strlen(host);
        return length > tail && strcmp(host + length - tail, pattern + 1) == 0;
    }
    return strcmp(pattern, host) == 0;
}

/* ---- reading rules -------------------------------------------------------------- */

static const char *set_path(struct rule *rule, const char *value)
{
    char normal[PATH_MAX], real[PATH_MAX];
    if (*value == '\0')
        return "a path is missing";
    if (lull__path_normalise(value, normal) != 0 || make_real(normal, real) != 0)
        return "the path cannot be made absolute";
    rule->text = strdup(real);
    if (rule->text == NULL)
        return NULL;
    if (strcmp(normal, real) != 0) {
        rule->written = strdup(normal);
        if (rule->written == NULL) { /* tell it as a lack of memory */
            free(rule->text);
            rule->text = NULL;
        }
    }
    return NULL;
}

static const char *set_address(struct rule *rule, const char *value)
{
    char host[HOST_MAX];
    if (strncmp(value, "unix:", 5) == 0) {
        rule->is_unix = true;
        return set_path(rule, value + 5);
    }
    if (!split_address(value, host, &rule->port))
        return "it needs a host, an address, or *, and may have a port from 0 to 65535";
    const char *star = strrchr(host, '*');
    if (star != NULL && (star != host || (host[1] != '\0' && host[1] != '.')))
        return "* is for a whole host, or *.NAME";
    rule->text = strdup(host);
    return NULL;
}

static const char *set_name(struct rule *rule, const char *value)
{
    if (*value == '\0')
        return "a name is missing";
    rule->text = strdup(value);
    return NULL;
}

static const struct {
    const char *word;
    unsigned kinds;
    const char *(*set)(struct rule *rule, const char *value); /* NULL: no value */
} words[] = {
    {"read", BIT(LULL_MAY_READ), set_path},
    {"write", BIT(LULL_MAY_WRITE), set_path},
    {"connect", BIT(LULL_MAY_CONNECT), set_address},
    {"listen", BIT(LULL_MAY_LISTEN), set_address},
    {"net", BIT(LULL_MAY_CONNECT) | BIT(LULL_MAY_LISTEN), set_address},
    {"env", BIT(LULL_MAY_ENV), set_name},
    {"run", BIT(LULL_MAY_RUN), set_name},
    {"module", BIT(MODULE), set_name},
    {"native", BIT(LULL_MAY_NATIVE), NULL},
    {"threads", BIT(LULL_MAY_THREADS), NULL},
    {"all", BIT(LULL_MAY_ALL), NULL},
};

const char *lull__permission_name(enum lull_permission permission)
{
    static const char *const names[] = {
        [LULL_MAY_READ] = "read",       [LULL_MAY_WRITE] = "write",
        [LULL_MAY_CONNECT] = "connect", [LULL_MAY_LISTEN] = "listen",
        [LULL_MAY_ENV] = "env",         [LULL_MAY_RUN] = "run",
        [LULL_MAY_NATIVE] = "native",   [LULL_MAY_THREADS] = "threads",
        [LULL_MAY_ALL] = "all",
    };
    return names[permission];
}

/* NULL: it was read, or there is no memory (then text is NULL, and it has a value). */
static const char *read_rule(struct rule *rule, const char *source)
{
    size_t size = strcspn(source, "=");
    *rule = (struct rule){.port = -1};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i].word) != size || strncmp(words[i].word, source, size) != 0)
            continue;
        rule->kinds = words[i].kinds;
        if (words[i].set == NULL)
            return source[size] == '\0' ? NULL : "it takes no value";
        if (source[size] == '\0')
            return "it needs a value after =";
        return words[i].set(rule, source + size + 1);
    }
    return "there is no such permission";
}

static void free_policy(struct lull_policy *policy)
{
    for (size_t i = 0; i < policy->count; i++) {
        free(policy->rules[i].text);
        free(policy->rules[i].written);
    }
    free(policy);
}

struct lull_policy *lull__policy_new(const char *const *rules, struct lull_policy *parent,
                                     struct lull_bad_rule *bad)
{
    size_t count = 0;
    *bad = (struct lull_bad_rule){NULL, "not enough memory"};
    while (rules != NULL && rules[count] != NULL)
        count++;
    struct lull_policy *policy = malloc(sizeof *policy + count * sizeof policy->rules[0]);
    if (policy == NULL)
        return NULL;
    memset(policy, 0, sizeof *policy);
    atomic_init(&policy->refs, 1);
    for (; policy->count < count; policy->count++) {
        const char *source = rules[policy->count];
        struct rule *rule = &policy->rules[policy->count];
        const char *why = read_rule(rule, source);
        if (why == NULL && rule->text == NULL && strchr(source, '=') != NULL) {
            free_policy(policy);
            return NULL;
        }
        if (why != NULL) {
            *bad = (struct lull_bad_rule){source, why};
            free_policy(policy);
            return NULL;
        }
        policy->all |= (rule->kinds & BIT(LULL_MAY_ALL)) != 0;
        policy->picks_modules |= (rule->kinds & BIT(MODULE)) != 0;
    }
    policy->parent = parent != NULL ? lull_policy_ref(parent) : NULL;
    return policy;
}

struct lull_policy *lull_policy_ref(struct lull_policy *policy)
{
    atomic_fetch_add_explicit(&policy->refs, 1, memory_order_relaxed);
    return policy;
}

void lull_policy_unref(struct lull_policy *policy)
{
    while (policy != NULL &&
           atomic_fetch_sub_explicit(&policy->refs, 1, memory_order_acq_rel) == 1) {
        struct lull_policy *parent = policy->parent;
        free_policy(policy);
        policy = parent;
    }
}

/* ---- asking --------------------------------------------------------------------- */

/* What is asked for, in the form that rules have. */
struct question {
    unsigned kind; /* BIT() */
    const char *text;
    int port;
    bool is_address;
    bool is_unix;
    bool is_path;
    bool real;  /* paths: without links only */
    bool below; /* modules: what follows a dot belongs to it */
};

static bool rule_answers(const struct rule *rule, const struct question *q)
{
    if ((rule->kinds & q->kind) == 0)
        return false;
    if (rule->text == NULL || q->text == NULL)
        return rule->text == q->text;
    if (rule->is_unix != q->is_unix)
        return false;
    if (q->is_path || q->is_unix)
        return is_below(rule->text, q->text) ||
               (!q->real && rule->written != NULL && is_below(rule->written, q->text));
    if (q->is_address)
        return (rule->port < 0 || q->port < 0 || rule->port == q->port) &&
               host_matches(rule->text, q->text);
    if (q->below) {
        size_t size = strlen(rule->text);
        return strncmp(rule->text, q->text, size) == 0 &&
               (q->text[size] == '\0' || q->text[size] == '.');
    }
    return strcmp(rule->text, "*") == 0 || strcmp(rule->text, q->text) == 0;
}

static bool ask(const struct lull_policy *policy, const struct question *q)
{
    for (; policy != NULL; policy = policy->parent) {
        bool allowed = policy->all;
        for (size_t i = 0; i < policy->count && !allowed; i++)
            allowed = rule_answers(&policy->rules[i], q);
        if (!allowed)
            return false;
    }
    return true;
}

bool lull__policy_is_all(const struct lull_policy *policy)
{
    for (; policy != NULL; policy = policy->parent) {
        if (!policy->all)
            return false;
    }
    return true;
}

bool lull__policy_covers(const struct lull_policy *policy,
                         enum lull_permission permission, const char *path, bool real)
{
    const struct question q = {
        .kind = BIT(permission), .text = path, .is_path = true, .real = real};
    return ask(policy, &q);
}

bool lull__policy_reaches(const struct lull_policy *policy,
                          enum lull_permission permission, const char *path)
{
    for (; policy != NULL; policy = policy->parent) {
        bool reaches = policy->all;
        for (size_t i = 0; i < policy->count && !reaches; i++) {
            const struct rule *rule = &policy->rules[i];
            reaches = (rule->kinds & BIT(permission)) != 0 &&
                      (is_below(rule->text, path) || is_below(path, rule->text));
        }
        if (!reaches)
            return false;
    }
    return true;
}

/* A socket's path: links are resolved now, for connect(2) does not let us. */
static bool allows_unix(const struct lull_policy *policy, enum lull_permission permission,
                        const char *path)
{
    char normal[PATH_MAX], real[PATH_MAX];
    struct question q = {
        .kind = BIT(permission), .text = real, .is_unix = true, .real = true};
    if (has_dotdot(path) || lull__path_normalise(path, normal) != 0 ||
        make_real(normal, real) != 0)
        return false;
    return ask(policy, &q);
}

static bool allows_host(const struct lull_policy *policy, enum lull_permission permission,
                        const char *host, int port)
{
    const struct question q = {
        .kind = BIT(permission), .text = host, .port = port, .is_address = true};
    return ask(policy, &q);
}

bool lull__policy_allows_address(const struct lull_policy *policy,
                                 enum lull_permission permission, const char *host,
                                 int port)
{
    char normal[HOST_MAX];
    if (lull__policy_is_all(policy))
        return true;
    return normal_host(host, strlen(host), normal) &&
           allows_host(policy, permission, normal, port);
}

bool lull__policy_allows(const struct lull_policy *policy,
                         enum lull_permission permission, const char *what)
{
    char path[PATH_MAX], host[HOST_MAX];
    struct question q = {.kind = BIT(permission), .text = what};
    int port;
    if (lull__policy_is_all(policy))
        return true;
    switch (permission) {
    case LULL_MAY_READ:
    case LULL_MAY_WRITE:
        return lull__path_normalise(what, path) == 0 &&
               lull__policy_covers(policy, permission, path, false);
    case LULL_MAY_CONNECT:
    case LULL_MAY_LISTEN:
        if (strncmp(what, "unix:", 5) == 0)
            return allows_unix(policy, permission, what + 5);
        return split_address(what, host, &port) &&
               allows_host(policy, permission, host, port);
    case LULL_MAY_ENV:
    case LULL_MAY_RUN:
        return ask(policy, &q);
    case LULL_MAY_NATIVE:
    case LULL_MAY_THREADS:
        q.text = NULL;
        return ask(policy, &q);
    default:
        return false;
    }
}

bool lull__policy_allows_module(const struct lull_policy *policy, const char *name)
{
    const struct question q = {.kind = BIT(MODULE), .text = name, .below = true};
    for (; policy != NULL; policy = policy->parent) {
        bool allowed = policy->all || !policy->picks_modules;
        for (size_t i = 0; i < policy->count && !allowed; i++)
            allowed = rule_answers(&policy->rules[i], &q);
        if (!allowed)
            return false;
    }
    return true;
}
