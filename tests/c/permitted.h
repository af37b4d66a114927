/* SPDX-License-Identifier: MIT */
/*
 * permitted.h -- for tests of permissions: a folder, and scripts with rules.
 *
 * Each script runs in a runtime with the rules named, beside a folder D:
 *
 *   D/in/file  D/in/sub/deep  D/in/inner -> sub  D/in/absolute -> D/in/file
 *   D/in/escape -> ../out  D/in/leak -> D/out/secret  D/in/loop -> loop
 *   D/out/secret  D/alias -> in
 */
#ifndef LULL_TESTS_PERMITTED_H
#define LULL_TESTS_PERMITTED_H

#include "check.h"
#include "lull_ext.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/lull_permission_XXXXXX";

/* D in a text is the folder. */
static inline void expand(const char *text, char *out, size_t size)
{
    size_t used = 0;
    for (; *text != '\0' && used + sizeof top < size; text++) {
        if (text[0] == 'D' && (text[1] == '/' || text[1] == '\0')) {
            memcpy(out + used, top, sizeof top - 1);
            used += sizeof top - 1;
        } else {
            out[used++] = *text;
        }
    }
    out[used] = '\0';
}

static inline void write_file(const char *name, const char *text)
{
    char path[256];
    expand(name, path, sizeof path);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static inline void make_folder(const char *name)
{
    char path[256];
    expand(name, path, sizeof path);
    CHECK(mkdir(path, 0700) == 0);
}

static inline void make_link(const char *target, const char *name)
{
    char path[256], text[256];
    expand(name, path, sizeof path);
    expand(target, text, sizeof text);
    CHECK(symlink(text, path) == 0);
}

static inline void make_tree(void)
{
    CHECK(mkdtemp(top) != NULL);
    make_folder("D/in");
    make_folder("D/in/sub");
    make_folder("D/out");
    write_file("D/in/file", "inside");
    write_file("D/in/sub/deep", "deep");
    write_file("D/in/mod.lua", "return 'module'");
    write_file("D/out/secret", "secret");
    write_file("D/out/mod2.lua", "return 'secret'");
    make_link("sub", "D/in/inner");
    make_link("D/in/file", "D/in/absolute");
    make_link("../out", "D/in/escape");
    make_link("D/out/secret", "D/in/leak");
    make_link("loop", "D/in/loop");
    make_link("../out/new", "D/in/dangling");
    make_link("in", "D/alias");
}

static inline void remove_tree(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", top);
    CHECK(system(command) == 0);
}

/* ---- running ------------------------------------------------------------------- */

/* may(number of the permission, what): as a binding asks */
static inline int l_may(lua_State *L)
{
    lull_check_permission(L, (enum lull_permission)luaL_checkinteger(L, 1), "may",
                          luaL_optstring(L, 2, NULL));
    return 0;
}

static inline int l_may_address(lua_State *L)
{
    lull_check_address(L, (enum lull_permission)luaL_checkinteger(L, 1), "may",
                       luaL_checkstring(L, 2), (int)luaL_checkinteger(L, 3));
    return 0;
}

static inline int l_open(lua_State *L)
{
    int fd = lull_open_file(L, "test.open", luaL_checkstring(L, 1),
                            (int)luaL_checkinteger(L, 2), 0600);
    lua_pushboolean(L, (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    close(fd);
    return 1;
}

struct audited {
    int times;
    char op[64];
    char needed[256];
};

static inline void on_denied(void *arg, const char *op, const char *needed)
{
    struct audited *audited = arg;
    audited->times++;
    snprintf(audited->op, sizeof audited->op, "%s", op);
    snprintf(audited->needed, sizeof audited->needed, "%s", needed);
}

#define MAX_RULES 8

/* A runtime with the rules, which are separated by spaces. */
static inline struct lull_runtime *make(const char *rules, struct audited *audited)
{
    static const luaL_Reg functions[] = {
        {"may", l_may}, {"may_address", l_may_address}, {"open", l_open}, {NULL, NULL}};
    char text[1024];
    const char *list[MAX_RULES + 1];
    size_t count = 0;
    expand(rules, text, sizeof text);
    for (char *rule = strtok(text, " "); rule != NULL; rule = strtok(NULL, " "))
        list[count++] = rule;
    list[count] = NULL;
    const struct lull_options options = {.size = sizeof options,
                                         .permissions = list,
                                         .audit = audited != NULL ? on_denied : NULL,
                                         .audit_arg = audited,
                                         .report = ignore_report};
    struct lull_runtime *rt = lull_new(&options);
    if (rt == NULL)
        return NULL;
    lua_State *L = lull_state(rt);
    lua_pushglobaltable(L);
    lull_set_functions(L, rt, functions);
    lua_pop(L, 1);
    lua_pushstring(L, top);
    lua_setglobal(L, "D");
    return rt;
}

static inline void run(struct lull_runtime *rt, const char *code, struct told *told)
{
    CHECK(start(rt, code, told));
    CHECK(lull_run(rt) == LULL_DONE);
    if (told->status != LULL_DONE)
        fprintf(stderr, "script: %s: %s\n", code, told->message);
}

static inline void expect_done(const char *rules, const char *code)
{
    struct told told;
    struct lull_runtime *rt = make(rules, NULL);
    CHECK(rt != NULL);
    run(rt, code, &told);
    CHECK(told.status == LULL_DONE);
    lull_free(rt, 0);
}

/* The script must be denied, for want of this rule. */
static inline void expect_denied(const char *rules, const char *code, const char *needed)
{
    struct told told;
    char full[256], wrapped[1024];
    struct audited audited = {0};
    struct lull_stats stats = {.size = sizeof stats};
    struct lull_runtime *rt = make(rules, &audited);
    CHECK(rt != NULL);
    expand(needed, full, sizeof full);
    snprintf(wrapped, sizeof wrapped,
             "local ok, e = pcall(function() %s end) assert(not ok, 'not denied')\n"
             "assert(require'lull'.is_error(e, 'permission'), tostring(e))\n"
             "assert(e.needed == %c%s%c, e.needed)\n"
             "assert(e.message == e.op .. ' needs ' .. e.needed, e.message)",
             code, '"', full, '"');
    run(rt, wrapped, &told);
    CHECK(told.status == LULL_DONE);
    CHECK(audited.times == 1 && strcmp(audited.needed, full) == 0);
    lull_get_stats(rt, &stats);
    CHECK(stats.denied == 1);
    lull_free(rt, 0);
}

#endif
