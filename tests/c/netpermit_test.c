/* SPDX-License-Identifier: MIT */
/*
 * netpermit_test.c -- what the network's modules ask permission for, and that
 * nothing is begun without: the scripts are in netpermit.lua, one for each row
 * below.  In the rules "@" is a folder with
 *
 *   in/file, out/secret     files
 *   in/link, in/linked      links to out/secret and to out
 */
#include "check.h"

#include <fcntl.h>
#include <lua.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_RULES 8

static const struct row {
    const char *name;
    const char *rules[MAX_RULES];
} rows[] = {
    {"everything is denied without rules", {NULL}},
    {"everything is allowed with all", {"all", NULL}},
    {"pipes and pairs need nothing", {NULL}},
    {"connecting is for the named host and port",
     {"listen=127.0.0.1", "connect=127.0.0.1:1", "connect=localhost", NULL}},
    {"a name is not its address", {"listen=127.0.0.1", "connect=localhost", NULL}},
    {"an address is no proof of a name", {"listen=127.0.0.1", "connect=localhost", NULL}},
    {"names are asked for where one may connect", {"connect=nowhere.invalid:80", NULL}},
    {"listening is for the named host and port",
     {"listen=127.0.0.1:0", "connect=127.0.0.1", NULL}},
    {"every address is every rule's", {"listen=*", "connect=127.0.0.1", NULL}},
    {"Unix sockets have paths", {"net=unix:@/in", NULL}},
    {"datagrams are sent and received where one may", {"net=127.0.0.1", NULL}},
    {"a connected socket receives from its peer", {"connect=127.0.0.1", NULL}},
    {"requests go to the named host", {"net=127.0.0.1", "connect=localhost:1", NULL}},
    {"redirections go no further", {"net=127.0.0.1", NULL}},
    {"a proxy needs permission, and so does what is behind it",
     {"listen=127.0.0.1", "connect=127.0.0.1", "connect=target.invalid", NULL}},
    {"a proxy that is denied is not asked",
     {"listen=127.0.0.1", "connect=target.invalid", NULL}},
    {"requests to Unix sockets", {"net=unix:@/in", NULL}},
    {"files with certificates are read by permission",
     {"net=127.0.0.1", "read=@/in", NULL}},
    {"downloads are written by permission", {"net=127.0.0.1", "write=@/in", NULL}},
    {"static files are those of the folder", {"net=127.0.0.1", "read=@/in", NULL}},
    {"WebSockets connect by permission", {"listen=127.0.0.1", NULL}},
    {"LuaSocket's functions obey", {"net=127.0.0.1", NULL}},
};

static char folder[] = "/tmp/netpermit-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void make_folder(void)
{
    CHECK(mkdtemp(folder) != NULL);
    CHECK(chdir(folder) == 0);
    CHECK(mkdir("in", 0777) == 0 && mkdir("out", 0777) == 0);
    put("in/file", "open");
    put("out/secret", "secret");
    CHECK(symlink("../out/secret", "in/link") == 0);
    CHECK(symlink("../out", "in/linked") == 0);
}

static void remove_folder(void)
{
    static const char *const files[] = {"in/link", "in/linked", "in/file",
                                        "in/got",  "in/socket", "out/secret"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        unlink(files[i]);
    CHECK(rmdir("in") == 0 && rmdir("out") == 0); /* nothing else was written */
    CHECK(rmdir(folder) == 0);
}

static void count_denied(void *arg, const char *op, const char *needed)
{
    CHECK(op != NULL && needed != NULL);
    ++*(int *)arg;
}

/* The rules of a row with the folder in them. */
static void fill_in(const struct row *row, char texts[MAX_RULES][128],
                    const char *rules[MAX_RULES])
{
    int i = 0;
    for (; row->rules[i] != NULL; i++) {
        const char *at = strchr(row->rules[i], '@');
        int head = at != NULL ? (int)(at - row->rules[i]) : 0;
        snprintf(texts[i], sizeof texts[i], "%.*s%s%s", head, row->rules[i],
                 at != NULL ? folder : "", at != NULL ? at + 1 : row->rules[i]);
        rules[i] = texts[i];
    }
    rules[i] = NULL;
}

static void run(const struct row *row, const char *script)
{
    struct counted memory = {0};
    struct told told = {0};
    char texts[MAX_RULES][128];
    const char *rules[MAX_RULES];
    int denied = 0;
    fill_in(row, texts, rules);
    const struct lull_options options = {
        .size = sizeof options,
        .alloc = counted_alloc,
        .alloc_ud = &memory,
        .report = ignore_report,
        .permissions = rules,
        .audit = count_denied,
        .audit_arg = &denied,
    };
    struct lull_stats stats = {.size = sizeof stats};
    struct lull_runtime *rt = lull_new(&options);
    CHECK(rt != NULL);
    CHECK(lull_load_file(rt, script) == LULL_DONE);
    lua_pushstring(lull_state(rt), row->name);
    lua_pushstring(lull_state(rt), folder);
    CHECK(lull_call(rt, 2, tell, &told) != NULL);
    CHECK(lull_run(rt) == LULL_DONE);
    if (told.status != LULL_DONE) {
        fprintf(stderr, "%s: %s\n", row->name, told.message);
        exit(1);
    }
    lull_get_stats(rt, &stats);
    CHECK(stats.denied == (unsigned long long)denied);
    lull_free(rt, 0);
    CHECK(memory.used == 0);
}

int main(int argc, char **argv)
{
    char script[4096];
    CHECK(realpath("tests/c/netpermit.lua", script) != NULL);
    make_folder();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (argc < 2 || strstr(rows[i].name, argv[1]) != NULL)
            run(&rows[i], script);
    }
    remove_folder();
    return 0;
}
