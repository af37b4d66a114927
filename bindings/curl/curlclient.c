/* SPDX-License-Identifier: MIT */
/*
 * curlclient.c -- curl's sockets and timeout on the loop.
 *
 * One event per socket, which stays registered until curl wants something
 * else.  One timer: curl moves its timeout with nearly every call, so a timer
 * that is due too early is left alone, and looks again when it fires.
 */
#include "curl/curlclient.h"

#include "curl/curlline.h"
#include "curl/curltransfer.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NEVER     UINT64_MAX
#define NS_PER_MS 1000000u
#define KICKS     64 /* calls of curl in a row, before others have their turn */

#define BUFFER_BYTES 32768L /* that curl reads at once */

struct lullb_curl_socket {
    struct lullb_curl_socket *prev;
    struct lullb_curl_socket *next;
    short watched; /* EV_READ | EV_WRITE */
    struct event event;
};

uint64_t lullb_curl_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- the timeout ------------------------------------------------------------- */

static void on_due(struct lull_timer *timer);

static void disarm(struct lullb_curl_client *client)
{
    if (client->timer.slot != 0)
        lull_timer_stop(&client->timer);
    client->armed_at = NEVER;
}

/* See to it that the timer is due when curl wants to be called, or earlier. */
static void arm(struct lullb_curl_client *client)
{
    if (client->wanted_at >= client->armed_at)
        return;
    disarm(client);
    uint64_t now = lullb_curl_now();
    uint64_t delay = client->wanted_at > now ? client->wanted_at - now : 0;
    if (lull_timer_start_real(client->rt, &client->timer, (double)delay / 1e9, on_due))
        client->armed_at = client->wanted_at;
    else
        client->starved = true;
}

static void on_due(struct lull_timer *timer)
{
    struct lullb_curl_client *client =
        (struct lullb_curl_client *)(void *)((char *)timer -
                                             offsetof(struct lullb_curl_client, timer));
    client->armed_at = NEVER;
    if (client->wanted_at <= lullb_curl_now()) {
        client->wanted_at = NEVER;
        client->wanted_now = true;
    }
    lullb_curl_kick(client);
}

/* curl's: call me in so many ms; -1: no more. */
static int on_timeout(CURLM *multi, long ms, void *arg)
{
    struct lullb_curl_client *client = arg;
    (void)multi;
    client->wanted_now = ms == 0;
    client->wanted_at = ms > 0 ? lullb_curl_now() + (uint64_t)ms * NS_PER_MS : NEVER;
    return 0;
}

/* ---- sockets -------------------------------------------------------------------- */

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    struct lullb_curl_client *client = arg;
    int running;
    int ready = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
                ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    client->driving = true;
    curl_multi_socket_action(client->multi, fd, ready, &running);
    client->driving = false;
    lullb_curl_kick(client);
}

static void forget(struct lullb_curl_client *client, struct lullb_curl_socket *record)
{
    if (record->watched != 0)
        event_del(&record->event);
    if (record->prev != NULL)
        record->prev->next = record->next;
    else
        client->sockets = record->next;
    if (record->next != NULL)
        record->next->prev = record->prev;
    lull_release(client->rt, record, sizeof *record);
}

static struct lullb_curl_socket *new_record(struct lullb_curl_client *client,
                                            curl_socket_t fd)
{
    struct lullb_curl_socket *record = lull_alloc(client->rt, sizeof *record);
    if (record == NULL)
        return NULL;
    memset(record, 0, sizeof *record);
    record->next = client->sockets;
    if (record->next != NULL)
        record->next->prev = record;
    client->sockets = record;
    curl_multi_assign(client->multi, fd, record);
    return record;
}

/* curl's: tell me when `fd` is ready for `what`. */
static int on_interest(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
    struct lullb_curl_client *client = arg;
    struct lullb_curl_socket *record = assigned;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (record != NULL)
            forget(client, record);
        curl_multi_assign(client->multi, fd, NULL);
        return 0;
    }
    if (record == NULL)
        record = new_record(client, fd);
    if (record == NULL) {
        client->starved = true;
        return 0;
    }
    short wanted = (short)(((what & CURL_POLL_IN) != 0 ? EV_READ : 0) |
                           ((what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0));
    if (wanted == record->watched)
        return 0;
    if (record->watched != 0)
        event_del(&record->event);
    record->watched = wanted;
    event_assign(&record->event, lull_base(client->rt), fd, (short)(wanted | EV_PERSIST),
                 on_ready, client);
    if (wanted != 0 && event_add(&record->event, NULL) != 0) {
        record->watched = 0;
        client->starved = true;
    }
    return 0;
}

/* ---- driving ---------------------------------------------------------------------- */

static void collect(struct lullb_curl_client *client)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        struct lullb_curl_transfer *transfer = NULL;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        lullb_curl_ended(transfer, result);
    }
}

static void fail_all(struct lullb_curl_client *client, enum lull_kind kind)
{
    while (client->transfers != NULL)
        lullb_curl_fail(client->transfers, kind);
}

void lullb_curl_kick(struct lullb_curl_client *client)
{
    if (client->driving || client->multi == NULL)
        return;
    client->driving = true;
    collect(client);
    lullb_curl_admit(client);
    for (int i = 0; client->wanted_now && i < KICKS; i++) {
        int running;
        client->wanted_now = false;
        curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        collect(client);
        lullb_curl_admit(client);
    }
    if (client->wanted_now) { /* others first */
        client->wanted_now = false;
        client->wanted_at = lullb_curl_now();
    }
    if (client->transfers != NULL)
        arm(client);
    else
        disarm(client);
    if (client->starved) {
        client->starved = false;
        fail_all(client, LULL_KIND_MEMORY);
    }
    client->driving = false;
}

/* ---- easy handles ------------------------------------------------------------------- */

/* Curl may have been built without some; what matters is checked where it is used. */
static void set_constants(struct lullb_curl_client *client, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, ""); /* whatever curl can undo */
    curl_easy_setopt(easy, CURLOPT_PROXY, "");           /* not from the environment... */
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");         /* ...nor this */
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, client->headers);
    if (client->cookies)
        curl_easy_setopt(easy, CURLOPT_COOKIEFILE, ""); /* no file: just the jar */
    lullb_curl_set_sockets(client, easy);
    lullb_curl_set_callbacks(easy);
}

/* Nothing but HTTP; a curl that cannot be told so is not used. */
static bool set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") == CURLE_OK;
#else
    long http = CURLPROTO_HTTP | CURLPROTO_HTTPS;
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS, http) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS, http) == CURLE_OK;
#endif
}

CURL *lullb_curl_take_easy(struct lullb_curl_client *client)
{
    if (client->spare_count > 0)
        return client->spares[--client->spare_count];
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        return NULL;
    if (!set_protocols(easy) ||
        curl_easy_setopt(easy, CURLOPT_SHARE, client->share) != CURLE_OK) {
        curl_easy_cleanup(easy);
        return NULL;
    }
    set_constants(client, easy);
    return easy;
}

void lullb_curl_give_easy(struct lullb_curl_client *client, CURL *easy, bool changed)
{
    /* Resetting one with a jar leaks in curl 7.88: it forgets the list of cookie files. */
    long os_error = 0; /* one that met an error of the system does not forget it */
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
    bool keep = client->spare_count < LULLB_CURL_SPARES && os_error == 0 &&
                !(changed && client->cookies);
    if (keep && changed) {
        curl_easy_reset(easy); /* but for the share, as documented */
        set_constants(client, easy);
        keep = set_protocols(easy);
    }
    if (keep)
        client->spares[client->spare_count++] = easy;
    else
        curl_easy_cleanup(easy);
}

/*
 * Say in a line of ours what curl can undo, as it would itself: it puts its own
 * together for each request, character by character.
 */
static bool add_encodings(struct curl_slist **list)
{
    int features = curl_version_info(CURLVERSION_NOW)->features;
    char line[64];
    snprintf(line, sizeof line, "Accept-Encoding: %s%s%s",
             (features & CURL_VERSION_LIBZ) != 0 ? "deflate, gzip" : "identity",
             (features & CURL_VERSION_BROTLI) != 0 ? ", br" : "",
             (features & CURL_VERSION_ZSTD) != 0 ? ", zstd" : "");
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer != NULL)
        *list = longer;
    return longer != NULL;
}

bool lullb_curl_add_lines(lua_State *L, int index, struct curl_slist **list)
{
    bool added = true;
    if (!lua_istable(L, index))
        return true;
    index = lua_absindex(L, index);
    for (lua_Integer i = 1; lua_rawgeti(L, index, i) == LUA_TSTRING && added; i++) {
        struct curl_slist *longer = curl_slist_append(*list, lua_tostring(L, -1));
        added = longer != NULL;
        if (added)
            *list = longer;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return added;
}

/* ---- birth and end --------------------------------------------------------------------- */

static bool set_up(struct lullb_curl_client *client,
                   const struct lullb_curl_limits *limits)
{
    CURLM *multi = client->multi;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_interest);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                      (long)limits->max_connections);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)limits->max_per_host);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)limits->max_idle);
    return curl_share_setopt(client->share, CURLSHOPT_SHARE,
                             CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK &&
           (!limits->cookies || curl_share_setopt(client->share, CURLSHOPT_SHARE,
                                                  CURL_LOCK_DATA_COOKIE) == CURLSHE_OK);
}

bool lullb_curl_client_open(struct lullb_curl_client *client,
                            const struct lullb_curl_limits *limits)
{
    client->wanted_at = client->armed_at = NEVER;
    client->cookies = limits->cookies;
    client->max_connections = limits->max_connections;
    if (limits->max_per_host < limits->max_connections)
        client->max_per_host = limits->max_per_host;
    client->multi = curl_multi_init();
    client->share = curl_share_init();
    if (client->multi != NULL && client->share != NULL && set_up(client, limits) &&
        add_encodings(&client->headers))
        return true;
    lullb_curl_client_close(client);
    return false;
}

void lullb_curl_client_close(struct lullb_curl_client *client)
{
    bool outermost = !client->driving;
    client->driving = true; /* what ends makes nothing new begin */
    fail_all(client, LULL_KIND_CLOSED);
    while (client->spare_count > 0)
        curl_easy_cleanup(client->spares[--client->spare_count]);
    if (client->multi != NULL)
        curl_multi_cleanup(client->multi);
    client->multi = NULL;
    lullb_curl_forget_sockets(client);
    while (client->sockets != NULL)
        forget(client, client->sockets);
    if (client->share != NULL)
        curl_share_cleanup(client->share);
    client->share = NULL;
    curl_slist_free_all(client->headers);
    client->headers = NULL;
    disarm(client);
    if (outermost)
        client->driving = false;
}
