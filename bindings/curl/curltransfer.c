/* SPDX-License-Identifier: MIT */
/*
 * curltransfer.c -- a transfer's life on the loop: what curl calls, deadlines,
 * and how it ends.  No Lua here.
 */
#include "curl/curltransfer.h"

#include "curl/curlline.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define NEVER        UINT64_MAX
#define MAX_RESERVED (1024u * 1024u) /* for a body, on the word of its Content-Length */
#define MAX_HIGH     (16u * 1024u * 1024u)
#define MAX_DISCARD  (64u * 1024u) /* of a body of no use: then the connection goes */

static void close_transfer(struct lull_handle *handle);

static const struct lull_handle_type transfer_type = {
    .name = "http.transfer",
    .close = close_transfer,
};

/* ---- deadlines ----------------------------------------------------------------- */

static void on_due(struct lull_timer *timer);

/* Ns that nothing may move for; 0: as long as it likes, for now. */
static uint64_t stall_limit(const struct lullb_curl_transfer *transfer)
{
    if (!transfer->head_over)
        return transfer->connected ? transfer->first_byte : 0;
    return !transfer->streamed || transfer->reader != NULL ? transfer->idle : 0;
}

static uint64_t deadline(const struct lullb_curl_transfer *transfer)
{
    uint64_t at = transfer->total_at != 0 ? transfer->total_at : NEVER;
    uint64_t limit = stall_limit(transfer);
    if (limit != 0 && transfer->moved_at + limit < at)
        at = transfer->moved_at + limit;
    return at;
}

/* Look when the deadline of now is due, or earlier. */
static void watch_deadline(struct lullb_curl_transfer *transfer)
{
    uint64_t at = deadline(transfer);
    if (transfer->timer.slot != 0) {
        if (transfer->armed_at <= at && at != NEVER)
            return;
        lull_timer_stop(&transfer->timer);
    }
    if (at == NEVER)
        return;
    uint64_t now = lullb_curl_now();
    double seconds = at > now ? (double)(at - now) / 1e9 : 0;
    transfer->armed_at = at;
    if (!lull_timer_start_real(transfer->client->rt, &transfer->timer, seconds, on_due))
        transfer->client->starved = true;
}

static void moved(struct lullb_curl_transfer *transfer)
{
    if (transfer->first_byte != 0 || transfer->idle != 0)
        transfer->moved_at = lullb_curl_now();
}

static void on_due(struct lull_timer *timer)
{
    struct lullb_curl_transfer *transfer =
        (struct lullb_curl_transfer *)(void *)((char *)timer -
                                               offsetof(struct lullb_curl_transfer,
                                                        timer));
    uint64_t at = deadline(transfer);
    if (at > lullb_curl_now()) {
        watch_deadline(transfer);
        return;
    }
    transfer->overdue = at == transfer->total_at;
    transfer->waited = transfer->line != NULL;
    lullb_curl_fail(transfer, LULL_KIND_TIMEOUT);
}

void lullb_curl_expect_body(struct lullb_curl_transfer *transfer)
{
    if (transfer->idle == 0)
        return;
    moved(transfer);
    watch_deadline(transfer);
}

/* It is to end, and this is why.  In a callback, returning this makes curl end it. */
static size_t refuse(struct lullb_curl_transfer *transfer, enum lull_kind kind,
                     const char *why)
{
    transfer->kind = (uint8_t)kind;
    transfer->why = why; /* curl writes something of its own into `error` */
    return 0;
}

/* Bytes could not be kept; errno says why. */
static size_t refuse_bytes(struct lullb_curl_transfer *transfer)
{
    if (errno == EDQUOT)
        return refuse(transfer, LULL_KIND_LIMIT,
                      "that would be more bytes than may be buffered");
    return refuse(transfer, LULL_KIND_MEMORY, "not enough memory");
}

/* ---- the end ------------------------------------------------------------------------ */

static void settle(struct lullb_curl_transfer *transfer)
{
    if (transfer->expected)
        lull_unexpect(transfer->client->rt);
    transfer->expected = false;
}

/* Leave the line or the multi handle: no callback is made any more. */
static void leave(struct lullb_curl_transfer *transfer)
{
    struct lullb_curl_client *client = transfer->client;
    settle(transfer);
    if (transfer->timer.slot != 0)
        lull_timer_stop(&transfer->timer);
    if (transfer->easy != NULL) {
        curl_multi_remove_handle(client->multi, transfer->easy);
        lullb_curl_give_easy(client, transfer->easy, transfer->changed);
        transfer->easy = NULL;
    }
    lullb_curl_free_lists(transfer);
    lullb_curl_give_place(transfer);
    if (transfer->prev != NULL)
        transfer->prev->next = transfer->next;
    else
        client->transfers = transfer->next;
    if (transfer->next != NULL)
        transfer->next->prev = transfer->prev;
}

static void wake_all(struct lullb_curl_transfer *transfer)
{
    if (transfer->waiter != NULL)
        lullb_op_complete(&transfer->waiter->timed);
    if (transfer->reader != NULL)
        lullb_op_complete(&transfer->reader->timed);
    if (transfer->sender != NULL)
        lullb_op_complete(&transfer->sender->timed);
}

static void note_head(struct lullb_curl_transfer *transfer)
{
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
    curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_VERSION, &transfer->version);
}

void lullb_curl_ended(struct lullb_curl_transfer *transfer, CURLcode result)
{
    CURL *easy = transfer->easy;
    if (transfer->phase != LULLB_CURL_RUNNING)
        return;
    note_head(transfer);
    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &transfer->connect_status);
    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &transfer->verify_result);
    transfer->result = result;
    if (result == CURLE_OK || (transfer->discards && transfer->kind == LULL_KIND_NONE)) {
        transfer->phase = LULLB_CURL_OVER;
    } else {
        transfer->phase = LULLB_CURL_FAILED;
        lullb_curl_judge(transfer);
    }
    leave(transfer);
    wake_all(transfer);
}

void lullb_curl_fail(struct lullb_curl_transfer *transfer, enum lull_kind kind)
{
    struct lullb_curl_client *client = transfer->client;
    if (transfer->phase != LULLB_CURL_RUNNING)
        return;
    transfer->phase = LULLB_CURL_FAILED;
    transfer->kind = (uint8_t)kind;
    leave(transfer);
    wake_all(transfer);
    lullb_curl_kick(client); /* its place may be another's now */
}

static void close_transfer(struct lull_handle *handle)
{
    struct lullb_curl_transfer *transfer = (struct lullb_curl_transfer *)(void *)handle;
    if (transfer->phase == LULLB_CURL_RUNNING)
        transfer->error[0] = '\0';
    lullb_curl_fail(transfer, LULL_KIND_CLOSED);
    if (transfer->phase == LULLB_CURL_OVER && lullb_buffer_size(&transfer->body) > 0) {
        transfer->phase = LULLB_CURL_FAILED;
        transfer->kind = LULL_KIND_CLOSED;
    }
    lullb_curl_free_buffers(transfer);
}

/* ---- what curl calls ------------------------------------------------------------------ */

static bool is_redirection(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 ||
           status == 308;
}

/* The head is that of the response. */
static void head_came(struct lullb_curl_transfer *transfer)
{
    note_head(transfer);
    transfer->head_over = true;
    transfer->discards =
        transfer->follows && transfer->has_location && is_redirection(transfer->status);
    if (transfer->discards)
        transfer->streamed = false;
    if (transfer->idle != 0 || transfer->streamed)
        watch_deadline(transfer);
    if (transfer->streamed) {
        settle(transfer);
        if (transfer->waiter != NULL)
            lullb_op_complete(&transfer->waiter->timed);
    }
}

static void head_ended(struct lullb_curl_transfer *transfer)
{
    long status = 0;
    transfer->in_head = false;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    bool is_final =
        status >= 200 && !(transfer->may_repeat && (status == 401 || status == 407));
    if (is_final)
        head_came(transfer);
}

/*
 * Take note of a Content-Length (RFC 9112, 6.3).  False: it is no number, or not the
 * one that came before.  Curl takes "2, 9" for 2, and what it cannot count for none:
 * others would find the body's end elsewhere.
 */
static bool note_length(struct lullb_curl_transfer *transfer, const char *value,
                        size_t size)
{
    size_t digits = 0;
    int64_t length = 0;
    while (size > 0 && (value[0] == ' ' || value[0] == '\t'))
        value++, size--;
    while (size > 0 && strchr(" \t\r\n", value[size - 1]) != NULL)
        size--;
    for (; digits < size && value[digits] >= '0' && value[digits] <= '9'; digits++) {
        if (digits == 18)
            return false;
        length = length * 10 + (value[digits] - '0');
    }
    bool is_same = transfer->length < 0 || transfer->length == length;
    transfer->length = length;
    return size > 0 && digits == size && is_same;
}

/* A line between heads: of a trailer, which nobody asked for. */
static size_t skip_trailer(struct lullb_curl_transfer *transfer, size_t size)
{
    moved(transfer);
    transfer->trailer_bytes += size;
    if (transfer->trailer_bytes > LULLB_CURL_MAX_HEAD)
        return refuse(transfer, LULL_KIND_LIMIT, "the response's trailers are too long");
    return size;
}

static void head_began(struct lullb_curl_transfer *transfer)
{
    moved(transfer);
    transfer->in_head = true;
    transfer->heads++;
    transfer->fields = 0;
    transfer->length = -1;
    transfer->has_location = false;
    lullb_buffer_consume(transfer->client->rt, &transfer->head,
                         lullb_buffer_size(&transfer->head));
}

/* A line of a head, or of a trailer. */
static size_t on_head(char *bytes, size_t one, size_t size, void *arg)
{
    struct lullb_curl_transfer *transfer = arg;
    struct lull_runtime *rt = transfer->client->rt;
    (void)one;
    if (!transfer->in_head) {
        if (transfer->head_over || size < 5 || memcmp(bytes, "HTTP/", 5) != 0)
            return skip_trailer(transfer, size);
        head_began(transfer);
    }
    if (transfer->heads > LULLB_CURL_MAX_HEADS)
        return refuse(transfer, LULL_KIND_LIMIT, "there are too many interim responses");
    if (lullb_buffer_size(&transfer->head) + size > LULLB_CURL_MAX_HEAD ||
        ++transfer->fields > LULLB_CURL_MAX_FIELDS)
        return refuse(transfer, LULL_KIND_LIMIT, "the response's head is too long");
    if (!lullb_buffer_append(rt, &transfer->head, bytes, size))
        return refuse_bytes(transfer);
    if (size > 15 && strncasecmp(bytes, "content-length:", 15) == 0 &&
        !note_length(transfer, bytes + 15, size - 15))
        return refuse(transfer, LULL_KIND_HTTP, "its Content-Length is not one number");
    if (size > 9 && strncasecmp(bytes, "location:", 9) == 0)
        transfer->has_location = true;
    if (bytes[0] == '\r' || bytes[0] == '\n')
        head_ended(transfer);
    return size;
}

/* Room for the whole body at once, where its size is known. */
static void reserve_body(struct lullb_curl_transfer *transfer)
{
    curl_off_t length = -1;
    size_t room;
    curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (length > 0 && !transfer->streamed)
        lullb_buffer_reserve(transfer->client->rt, &transfer->body,
                             length < MAX_RESERVED ? (size_t)length : MAX_RESERVED,
                             &room);
}

/*
 * Enough for now.  What curl has decompressed it keeps, and copies each time it is
 * refused: where that is much, more is taken at once.
 */
static size_t pause_receiving(struct lullb_curl_transfer *transfer)
{
    transfer->receive_paused = true;
    if (!transfer->resuming)
        transfer->high = LULLB_CURL_HIGH;
    else if (transfer->high < MAX_HIGH)
        transfer->high *= 2;
    return CURL_WRITEFUNC_PAUSE;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *arg)
{
    struct lullb_curl_transfer *transfer = arg;
    (void)one;
    moved(transfer);
    if (!transfer->head_over)
        head_came(transfer); /* a refusal that curl did not answer, after all */
    if (transfer->discards) {
        transfer->body_bytes += size;
        return transfer->body_bytes <= MAX_DISCARD ? size : 0;
    }
    if (size > transfer->max_body - transfer->body_bytes)
        return refuse(transfer, LULL_KIND_LIMIT, "the body is longer than max_body");
    if (transfer->streamed && lullb_buffer_size(&transfer->body) >= transfer->high)
        return pause_receiving(transfer);
    if (transfer->body_bytes == 0)
        reserve_body(transfer);
    if (!lullb_buffer_append(transfer->client->rt, &transfer->body, bytes, size)) {
        bool can_wait = transfer->streamed && lullb_buffer_size(&transfer->body) > 0;
        return errno == EDQUOT && can_wait ? pause_receiving(transfer)
                                           : refuse_bytes(transfer);
    }
    transfer->body_bytes += size;
    if (transfer->reader != NULL)
        lullb_op_complete(&transfer->reader->timed);
    return size;
}

/* Curl takes from a streamed upload. */
static size_t on_send(char *bytes, size_t one, size_t room, void *arg)
{
    struct lullb_curl_transfer *transfer = arg;
    size_t size = lullb_buffer_size(&transfer->upload);
    room *= one;
    moved(transfer);
    if (size == 0) {
        transfer->send_paused = !transfer->send_ended;
        return transfer->send_ended ? 0 : CURL_READFUNC_PAUSE;
    }
    if (size > room)
        size = room;
    memcpy(bytes, lullb_buffer_bytes(&transfer->upload), size);
    lullb_buffer_consume(transfer->client->rt, &transfer->upload, size);
    if (transfer->sender != NULL &&
        lullb_buffer_size(&transfer->upload) <= LULLB_CURL_LOW)
        lullb_op_complete(&transfer->sender->timed);
    return size;
}

#if LIBCURL_VERSION_NUM >= 0x075000
/* There is a connection; the request goes out now. */
static int on_connected(void *arg, char *peer, char *own, int peer_port, int own_port)
{
    struct lullb_curl_transfer *transfer = arg;
    (void)peer;
    (void)own;
    long made = 1;
    curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &made);
    if (made == 0 && transfer->is_plain)
        lullb_curl_refuse_unasked(transfer->client, own_port, peer_port);
    transfer->connected = true;
    moved(transfer);
    if (transfer->first_byte != 0)
        watch_deadline(transfer);
    return CURL_PREREQFUNC_OK;
}
#endif

void lullb_curl_set_callbacks(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_send);
#if LIBCURL_VERSION_NUM >= 0x075000
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
#endif
}

/* Whose callbacks they are. */
static void bind_easy(struct lullb_curl_transfer *transfer)
{
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
#if LIBCURL_VERSION_NUM >= 0x075000
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
#else
    transfer->connected = true; /* as far as we can know */
#endif
}

/* ---- running ------------------------------------------------------------------------------ */

void lullb_curl_set_paused(struct lullb_curl_transfer *transfer)
{
    struct lullb_curl_client *client = transfer->client;
    int paused = (transfer->receive_paused ? CURLPAUSE_RECV : 0) |
                 (transfer->send_paused ? CURLPAUSE_SEND : 0);
    if (transfer->easy == NULL) /* it still waits for a place */
        return;
    transfer->resuming = true;
    CURLcode result = curl_easy_pause(transfer->easy, paused);
    transfer->resuming = false;
    if (result != CURLE_OK)
        lullb_curl_ended(transfer, result);
    lullb_curl_kick(client);
}

/* Curl does not take it. */
static void refuse_start(struct lullb_curl_transfer *transfer, CURLcode result)
{
    if (transfer->easy != NULL)
        lullb_curl_give_easy(transfer->client, transfer->easy, true);
    transfer->easy = NULL;
    transfer->result = result;
    transfer->why = curl_easy_strerror(result);
    lullb_curl_fail(transfer,
                    result == CURLE_OUT_OF_MEMORY ? LULL_KIND_MEMORY : LULL_KIND_USAGE);
}

void lullb_curl_start(struct lullb_curl_transfer *transfer)
{
    struct lullb_curl_client *client = transfer->client;
    CURLcode result = CURLE_OUT_OF_MEMORY;
    transfer->moved_at = lullb_curl_now();
    transfer->easy = lullb_curl_take_easy(client);
    if (transfer->easy != NULL)
        result = lullb_curl_set_up(transfer);
    if (result == CURLE_OK) {
        bind_easy(transfer);
        if (curl_multi_add_handle(client->multi, transfer->easy) != CURLM_OK)
            result = CURLE_OUT_OF_MEMORY;
    }
    if (result != CURLE_OK)
        refuse_start(transfer, result);
}

void lullb_curl_run(struct lullb_curl_transfer *transfer)
{
    struct lullb_curl_client *client = transfer->client;
    transfer->high = LULLB_CURL_HIGH;
    transfer->phase = LULLB_CURL_RUNNING;
    transfer->next = client->transfers;
    if (transfer->next != NULL)
        transfer->next->prev = transfer;
    client->transfers = transfer;
    transfer->expected = true;
    lull_expect(client->rt);
    lull_handle_open(client->rt, &transfer->object.handle, &transfer_type);
    watch_deadline(transfer);
    lullb_curl_ask_place(transfer);
    lullb_curl_kick(client);
}
