/* SPDX-License-Identifier: MIT */
/*
 * plugin_host.c -- a UDP server that answers with plugins: the scripts of a folder.
 *
 *   plugin_host PORT FOLDER/?*.lua    a datagram "FILE text" is answered by its handle(text)
 *
 * Each plugin has a runtime of its own on the server's event_base, with 8 MB and slices of
 * 5 ms, and may only compute and wait: one that takes all memory, never returns or fails
 * harms nobody else.  When its file changes it is loaded anew, while calls go on.
 */
#include <event2/event.h>
#include <lua.h>
#include <lull.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct plugin {
    const char *file;               /* NULL: the end of the list */
    struct event_base *base;        /* the server's */
    struct timespec changed;        /* when the file was, as loaded */
    struct lull_runtime *now, *old; /* old: replaced, and perhaps still busy */
};

struct request {
    int socket;
    struct sockaddr_in from;
};

static void load(struct plugin *plugin)
{
    const struct lull_options options = {.size = sizeof options,
                                         .base = plugin->base,
                                         .memory_limit = 8 << 20,
                                         .slice_signal = SIGRTMIN};
    struct lull_runtime *rt = lull_new(&options);
    if (rt == NULL || lull_load_file(rt, plugin->file) != LULL_DONE) {
        lull_free(rt, 0); /* the one that there is stays */
        return;
    }
    lull_call(rt, 0, NULL, NULL); /* runs when the loop comes to it */
    lull_free(plugin->old, 0);    /* changed again already: the oldest has to go */
    plugin->old = plugin->now;
    plugin->now = rt;
}

/* A timer: load what has changed, free what was replaced and has nothing left to do. */
static void on_look(evutil_socket_t fd, short what, void *arg)
{
    struct stat file;
    (void)fd, (void)what;
    for (struct plugin *plugin = arg; plugin->file != NULL; plugin++) {
        if (stat(plugin->file, &file) == 0 &&
            memcmp(&plugin->changed, &file.st_mtim, sizeof file.st_mtim) != 0) {
            plugin->changed = file.st_mtim;
            load(plugin);
        }
        if (plugin->old != NULL && lull_is_idle(plugin->old)) {
            lull_free(plugin->old, 0);
            plugin->old = NULL;
        }
    }
}

/* Send the plugin's answer, or what became of it. */
static void on_answer(struct lull_runtime *rt, const struct lull_outcome *outcome,
                      void *arg)
{
    struct request *to = arg;
    const char *text = outcome->message != NULL ? outcome->message : "";
    (void)rt;
    if (outcome->status == LULL_DONE && lua_isstring(outcome->L, -1))
        text = lua_tostring(outcome->L, -1);
    sendto(to->socket, text, strlen(text), 0, (void *)&to->from, sizeof to->from);
    free(to);
}

static void on_request(evutil_socket_t fd, short what, void *arg)
{
    char line[1500] = "", name[256] = "", text[1500] = "";
    struct request *request = calloc(1, sizeof *request);
    socklen_t size = sizeof request->from;
    const struct lull_call_options call = {
        .size = sizeof call, .done = on_answer, .arg = request, .cpu_limit = 0.5};
    struct plugin *plugin = arg;
    (void)what;
    request->socket = fd;
    recvfrom(fd, line, sizeof line - 1, 0, (void *)&request->from, &size);
    sscanf(line, "%255s %1499[^\n]", name, text);
    while (plugin->file != NULL && strcmp(plugin->file, name) != 0)
        plugin++;
    if (plugin->now != NULL) {
        lull_push_global(plugin->now, NULL, "handle");
        lua_pushstring(lull_state(plugin->now), text);
        if (lull_call_with(plugin->now, 1, &call) != NULL)
            return;
    }
    free(request); /* no such plugin, or no memory: no answer */
}

int main(int argc, char **argv)
{
    struct timeval often = {0, 50000};
    struct plugin *plugins = calloc((size_t)argc + 1, sizeof *plugins);
    struct event_base *base = event_base_new();
    int fd = socket(AF_INET, SOCK_DGRAM, 0), port = argc > 1 ? atoi(argv[1]) : 0;
    struct sockaddr_in address = {AF_INET, htons((uint16_t)port), {0}, {0}};
    if (lull_lend_signal(SIGRTMIN) != 0 ||
        bind(fd, (void *)&address, sizeof address) != 0)
        return 1;
    for (int i = 2; i < argc; i++)
        plugins[i - 2] = (struct plugin){.file = argv[i], .base = base};
    event_add(event_new(base, fd, EV_READ | EV_PERSIST, on_request, plugins), NULL);
    event_add(event_new(base, -1, EV_PERSIST, on_look, plugins), &often);
    return event_base_dispatch(base);
}
