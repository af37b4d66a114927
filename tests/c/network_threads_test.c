/* SPDX-License-Identifier: MIT */
/*
 * network_threads_test.c -- HTTPS in many runtimes at once: one on each of several
 * threads, then several on one base.
 *
 * The threads start together and load TLS and the HTTP client at the same time:
 * what OpenSSL and curl set up for the whole process is set up in a race.  Every
 * runtime serves and fetches; some are freed in the middle of it.
 */
#include "check.h"

#include <event2/event.h>
#include <pthread.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 6, ON_ONE_BASE = 3 };

static const char certificate[] =
    "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
    "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem "
    "-out cert.pem 2> log";

static const char script[] =
    "local folder = '%s/'\n"
    "local http, lull = require 'lull.http', require 'lull'\n"
    "local server <close> = http.serve({\n"
    "  port = 0, tls = { cert = folder .. 'cert.pem', key = folder .. 'key.pem' },\n"
    "}, function(req)\n"
    "  local left = tonumber(req:body())\n"
    "  return function()\n"
    "    left = left - 1\n"
    "    return left >= 0 and ('x'):rep(1000) or nil\n"
    "  end\n"
    "end)\n"
    "local client <close> = http.client { ca_file = folder .. 'cert.pem' }\n"
    "local url = 'https://localhost:' .. server.port\n"
    "local function fetch(n)\n"
    "  local res = client:post(url, { body = tostring(n) })\n"
    "  assert(res.status == 200 and #res.body == n * 1000)\n"
    "end\n"
    "repeat lull.map({ 1, 10, 100, 2, 20, 200 }, fetch) until not %s";

static char folder[] = "/tmp/lull_network_XXXXXX";

/* Start a runtime's work, or work without an end. */
static void start_work(struct lull_runtime *rt, int is_endless, struct told *told)
{
    char text[sizeof script + sizeof folder + 8];
    snprintf(text, sizeof text, script, folder, is_endless ? "true" : "false");
    CHECK(start(rt, text, told));
}

static void check_well(const struct told *told)
{
    if (told->status != LULL_DONE)
        fprintf(stderr, "%s\n", told->message);
    CHECK(told->times == 1 && told->status == LULL_DONE);
}

static pthread_barrier_t together;

static void *work(void *arg)
{
    const int index = *(int *)arg;
    pthread_barrier_wait(&together);
    for (int round = 0; round < ROUNDS; round++) {
        struct counted counted = {.used = 0};
        struct told told;
        const struct lull_options options = {.size = sizeof options,
                                             .alloc = counted_alloc,
                                             .alloc_ud = &counted,
                                             .permissions = ALLOW_ALL,
                                             .report = ignore_report};
        struct lull_runtime *rt = lull_new(&options);
        CHECK(rt != NULL);
        start_work(rt, round % 2, &told);
        if (round % 2) { /* freed in the middle, at another moment each time */
            for (int i = 0; i < 20 * (index + 1) + 7 * round; i++)
                CHECK(lull_step(rt, 0.001) == LULL_DONE && told.times == 0);
        } else {
            CHECK(lull_run(rt) == LULL_DONE);
            check_well(&told);
        }
        lull_free(rt, round % 4 == 1 ? 0.2 : 0);
        CHECK(told.times == 1);
        CHECK(counted.used == 0);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[THREADS];
    int indices[THREADS];
    pthread_barrier_init(&together, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        indices[i] = i;
        CHECK(pthread_create(&threads[i], NULL, work, &indices[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&together);
}

/* One of them never ends by itself, and is freed while the others go on. */
static void test_one_base(void)
{
    struct event_base *base = event_base_new();
    struct lull_runtime *runtimes[ON_ONE_BASE];
    struct counted counted[ON_ONE_BASE] = {{.used = 0}};
    struct told told[ON_ONE_BASE];
    for (int i = 0; i < ON_ONE_BASE; i++) {
        const struct lull_options options = {.size = sizeof options,
                                             .base = base,
                                             .alloc = counted_alloc,
                                             .alloc_ud = &counted[i],
                                             .permissions = ALLOW_ALL,
                                             .report = ignore_report};
        runtimes[i] = lull_new(&options);
        CHECK(runtimes[i] != NULL);
        start_work(runtimes[i], i == 0, &told[i]);
    }
    for (int turns = 0; turns < 60; turns++)
        CHECK(event_base_loop(base, EVLOOP_ONCE) >= 0);
    CHECK(told[0].times == 0);
    lull_free(runtimes[0], 0);
    CHECK(told[0].times == 1 && counted[0].used == 0);
    for (int i = 1; i < ON_ONE_BASE; i++) {
        while (told[i].times == 0)
            CHECK(event_base_loop(base, EVLOOP_ONCE) >= 0);
        check_well(&told[i]);
    }
    for (int i = 1; i < ON_ONE_BASE; i++) {
        lull_free(runtimes[i], 0);
        CHECK(counted[i].used == 0);
    }
    CHECK(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED) == 0);
    event_base_free(base);
}

int main(void)
{
    char command[sizeof certificate + sizeof folder];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(command, sizeof command, certificate, folder);
    CHECK(system(command) == 0); /* needs openssl */
    test_threads();
    test_one_base();
    snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK(system(command) == 0);
    printf("%d runtimes with HTTPS on %d threads, %d on one base\n", THREADS * ROUNDS,
           THREADS, ON_ONE_BASE);
    return 0;
}
