/* SPDX-License-Identifier: MIT */
/*
 * curl_multi.c -- the yardstick for an HTTP client: libcurl driven by libevent.
 *
 *   curl_multi URL PAGES CONNECTIONS PASSES
 *
 * fetches URL PAGES times over CONNECTIONS connections, holding every body
 * until it is whole, looking at its length, and dropping it; once to warm up
 * and PASSES times that count.  Prints "ns=... wall=..." : CPU and wall
 * nanoseconds per page.
 *
 * This is libcurl at its fastest: multi_socket, one easy handle per
 * connection used again and again, one persistent event per socket.
 */
#define _GNU_SOURCE
#include <curl/curl.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct page {
    CURL *easy;
    size_t length;
    size_t room;
    char *body;
};

static struct event_base *base;
static struct event *timer;
static CURLM *multi;
static long to_start, to_end; /* pages of this pass */
static size_t page_length;    /* of the first page: all have it */

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(EXIT_FAILURE);
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- pages ---- */

static size_t on_body(char *bytes, size_t size, size_t count, void *user)
{
    struct page *page = user;
    size_t length = size * count;
    if (page->room - page->length < length) {
        page->room = (page->length + length) * 2;
        page->body = realloc(page->body, page->room);
        if (!page->body)
            fail("out of memory");
    }
    memcpy(page->body + page->length, bytes, length);
    page->length += length;
    return length;
}

static void begin_page(struct page *page)
{
    if (to_start == 0)
        return;
    to_start--;
    page->length = 0;
    if (curl_multi_add_handle(multi, page->easy) != CURLM_OK)
        fail("curl_multi_add_handle");
}

static void end_page(struct page *page, CURLcode result)
{
    long status = 0;
    curl_easy_getinfo(page->easy, CURLINFO_RESPONSE_CODE, &status);
    if (page_length == 0)
        page_length = page->length;
    if (result != CURLE_OK)
        fail(curl_easy_strerror(result));
    if (status != 200 || page->length != page_length)
        fail("not the page expected");
    curl_multi_remove_handle(multi, page->easy);
    if (--to_end == 0)
        event_base_loopbreak(base);
    begin_page(page);
}

static void end_pages(void)
{
    CURLMsg *message;
    struct page *page;
    for (int left; (message = curl_multi_info_read(multi, &left)) != NULL;) {
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&page);
        end_page(page, message->data.result);
    }
}

/* ---- libcurl on libevent ---- */

static void on_ready(evutil_socket_t fd, short what, void *unused)
{
    int running;
    int action =
        (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
    (void)unused;
    curl_multi_socket_action(multi, fd, action, &running);
    end_pages();
}

static void on_due(evutil_socket_t fd, short what, void *unused)
{
    int running;
    (void)fd, (void)what, (void)unused;
    curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    end_pages();
}

static int on_timer(CURLM *owner, long ms, void *unused)
{
    struct timeval delay = {ms / 1000, ms % 1000 * 1000};
    (void)owner, (void)unused;
    return ms < 0 ? event_del(timer) : event_add(timer, &delay);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *unused, void *ours)
{
    struct event *event = ours;
    short wanted = (short)(EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) |
                           (what & CURL_POLL_OUT ? EV_WRITE : 0));
    (void)easy, (void)unused;
    if (what == CURL_POLL_REMOVE) {
        event_free(event);
        return curl_multi_assign(multi, fd, NULL) != CURLM_OK;
    }
    if (event) {
        event_del(event);
        event_assign(event, base, fd, wanted, on_ready, NULL);
    } else {
        event = event_new(base, fd, wanted, on_ready, NULL);
        curl_multi_assign(multi, fd, event);
    }
    return event && event_add(event, NULL) == 0 ? 0 : -1;
}

/* ---- the run ---- */

static void run_pass(struct page *pages, long connections, long count)
{
    to_start = to_end = count;
    for (long i = 0; i < connections; i++)
        begin_page(&pages[i]);
    event_base_dispatch(base);
}

static struct page *open_pages(const char *url, long connections)
{
    struct page *pages = calloc((size_t)connections, sizeof *pages);
    for (long i = 0; pages && i < connections; i++) {
        CURL *easy = pages[i].easy = curl_easy_init();
        if (!easy)
            return NULL;
        curl_easy_setopt(easy, CURLOPT_URL, url);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &pages[i]);
        curl_easy_setopt(easy, CURLOPT_PRIVATE, &pages[i]);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
    }
    return pages;
}

static void open_multi(long connections)
{
    base = event_base_new();
    multi = curl_multi_init();
    timer = base ? evtimer_new(base, on_due, NULL) : NULL;
    if (!multi || !timer)
        fail("out of memory");
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, connections);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        fail("usage: curl_multi URL PAGES CONNECTIONS PASSES");
    long count = strtol(argv[2], NULL, 10), connections = strtol(argv[3], NULL, 10);
    long passes = strtol(argv[4], NULL, 10);
    curl_global_init(CURL_GLOBAL_ALL);
    open_multi(connections);
    struct page *pages = open_pages(argv[1], connections);
    if (!pages || count <= 0 || passes <= 0)
        fail("nothing to fetch");
    run_pass(pages, connections, count);
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
    for (long i = 0; i < passes; i++)
        run_pass(pages, connections, count);
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = seconds(CLOCK_MONOTONIC) - wall;
    printf("ns=%.1f wall=%.1f\n", cpu / (double)(count * passes) * 1e9,
           wall / (double)(count * passes) * 1e9);
    return EXIT_SUCCESS;
}
