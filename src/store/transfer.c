/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One libcurl multi handle; everything that is got goes through transfer_get_all(), with one item
 * or with thousands. A broken connection is tried again a few times; what a server says plainly is
 * not. */

#include "store/transfer.h"

#include "store/curl-library.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define ATTEMPTS 4
#define CONNECT_SECONDS 15L
#define STALL_SECONDS 30L /* with less than STALL_BYTES a second */
#define STALL_BYTES 100L
#define REDIRECTS 5L
#define ANSWER_MAX (1024 * 1024) /* of what is no file: an error, a redirection */
#define WAIT_MS 1000
#define PAUSE_MS 250U

struct Transfer {
        char *url;
        CurlLibrary curl;
        CURLM *multi;
        Progress *progress;
        TransferCount count;
        uint64_t waited_ms; /* when we waited last for a server that fails */
};

/* One in flight. */
typedef struct Flight {
        Transfer *transfer;
        const CurlLibrary *curl;
        TransferItem item;
        CURL *easy;
        char *url;
        char reason[CURL_ERROR_SIZE];
        uint64_t received; /* with what was there before */
        int attempt;
        Error *error; /* of the whole call; borrowed */
        int failure;  /* of a callback */
} Flight;

typedef struct Queue {
        Transfer *transfer;
        TransferNext next;
        void *userdata;
        Flight *flights[TRANSFER_PARALLEL];
        size_t n;
        bool exhausted;
        Error *error;
} Queue;

int transfer_new(const char *url, Progress *progress, Transfer **ret, Error *error)
{
        _cleanup_transfer_ Transfer *t = calloc(1, sizeof(*t));
        int r;

        if (!t)
                return error_set(error, ENOMEM, "Out of memory");
        r = curl_library_load(&t->curl, error);
        if (r < 0)
                return r;
        t->url = strdup(url);
        t->multi = t->curl.multi_init();
        t->progress = progress;
        if (!t->url || !t->multi)
                return error_set(error, ENOMEM, "Out of memory");
        (void)t->curl.multi_setopt(t->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                                   (long)TRANSFER_PARALLEL);
        *ret = TAKE_PTR(t);
        return 0;
}

Transfer *transfer_free(Transfer *t)
{
        if (!t)
                return NULL;
        if (t->multi)
                (void)t->curl.multi_cleanup(t->multi);
        free(t->url);
        free(t);
        return NULL;
}

TransferCount transfer_count(const Transfer *t)
{
        return t->count;
}

static Flight *flight_free(Flight *f)
{
        if (!f)
                return NULL;
        if (f->easy) {
                (void)f->curl->multi_remove_handle(f->transfer->multi, f->easy);
                f->curl->easy_cleanup(f->easy);
        }
        if (f->item.on_free)
                f->item.on_free(&f->item);
        free(f->item.path);
        free(f->url);
        free(f);
        return NULL;
}

static long status_of(const Flight *f)
{
        long status = 0;

        (void)f->curl->easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
        return status;
}

static int too_large(const Flight *f)
{
        return error_set(f->error, EFBIG,
                         "'%s' is larger than the %" PRIu64
                         " bytes that it may have; the server is "
                         "broken or lies",
                         f->url, f->item.limit);
}

static void announce_size(const Flight *f)
{
        Progress *p = f->transfer->progress;
        curl_off_t length = -1;

        if (!p || !f->item.alone || f->received > f->item.offset)
                return;
        (void)f->curl->easy_getinfo(f->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        if (length > 0)
                p->total_bytes = p->done_bytes + (uint64_t)length;
}

static size_t on_body(char *data, size_t one, size_t size, void *userdata)
{
        Flight *f = userdata;
        long status = status_of(f);

        if (status >= 300) /* the text of an error */
                return size;
        announce_size(f);
        f->received += size;
        f->transfer->count.bytes += size;
        if (f->received > f->item.limit)
                f->failure = too_large(f);
        else
                f->failure = f->item.on_data(&f->item, data, size, f->error);
        if (f->failure >= 0) {
                f->failure = progress_step(f->transfer->progress, size, 0);
                if (f->failure < 0)
                        (void)error_set(f->error, ECANCELED, "Stopped");
        }
        return f->failure < 0 ? 0 : size;
}

/* A body that nobody wants, as that of a redirection, which on_body() never sees, may have no end.
 */
static int on_transfer(void *userdata, curl_off_t total, curl_off_t now, curl_off_t upload_total,
                       curl_off_t upload_now)
{
        const Flight *f = userdata;

        return now > ANSWER_MAX && status_of(f) >= 300;
}

/* https leads to https alone; plain http may lead to either; nothing leads to a file. The library
 * was not there at build time: one that is too old for this must not be used without it. */
static int set_protocols(const Flight *f)
{
        const CurlLibrary *curl = f->curl;
        CURL *easy = f->easy;
        const char *allowed = strncmp(f->url, "https:", 6) == 0  ? "https"
                              : strncmp(f->url, "file:", 5) == 0 ? "file"
                                                                 : "http,https";

        if (curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, allowed) != CURLE_OK ||
            curl->easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, allowed) != CURLE_OK)
                return error_set(f->error, ENOSYS, "libcurl is too old; 7.85 or newer is needed");
        (void)curl->easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
        (void)curl->easy_setopt(easy, CURLOPT_MAXREDIRS, REDIRECTS);
        return 0;
}

static void set_options(Flight *f)
{
        const CurlLibrary *curl = f->curl;
        CURL *easy = f->easy;

        (void)curl->easy_setopt(easy, CURLOPT_URL, f->url);
        (void)curl->easy_setopt(easy, CURLOPT_PRIVATE, f);
        (void)curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, f->reason);
        (void)curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
        (void)curl->easy_setopt(easy, CURLOPT_WRITEDATA, f);
        (void)curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        (void)curl->easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
        (void)curl->easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_transfer);
        (void)curl->easy_setopt(easy, CURLOPT_XFERINFODATA, f);
        (void)curl->easy_setopt(easy, CURLOPT_USERAGENT, "stead/" STEAD_VERSION);
        (void)curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
        (void)curl->easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
        (void)curl->easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES);
        (void)curl->easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L * 1024);
        (void)curl->easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
        (void)curl->easy_setopt(easy, CURLOPT_PIPEWAIT, 1L); /* one HTTP/2 connection, if any */
        (void)curl->easy_setopt(easy, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)f->item.offset);
}

/* Begins, or begins again. */
static int launch(Flight *f)
{
        int r;

        if (f->easy) {
                (void)f->curl->multi_remove_handle(f->transfer->multi, f->easy);
                f->curl->easy_cleanup(f->easy);
        }
        f->easy = f->curl->easy_init();
        if (!f->easy)
                return error_set(f->error, ENOMEM, "Out of memory");
        f->reason[0] = '\0';
        f->received = f->item.offset;
        f->attempt++;
        f->transfer->count.requests++;
        if (f->transfer->progress)
                f->transfer->progress->requests++;
        set_options(f);
        r = set_protocols(f);
        if (r < 0)
                return r;
        if (f->curl->multi_add_handle(f->transfer->multi, f->easy) != CURLM_OK)
                return error_set(f->error, ENOMEM, "Failed to begin '%s'", f->url);
        return 0;
}

static int begin_next(Queue *q)
{
        Flight *f = calloc(1, sizeof(*f));
        int r;

        if (!f)
                return error_set(q->error, ENOMEM, "Out of memory");
        f->transfer = q->transfer;
        f->curl = &q->transfer->curl;
        f->error = q->error;
        r = q->next(&f->item, q->userdata, q->error);
        if (r <= 0) {
                free(f);
                q->exhausted = true;
                return r;
        }
        q->flights[q->n++] = f;
        if (asprintf(&f->url, "%s/%s", q->transfer->url, f->item.path) < 0) {
                f->url = NULL;
                return error_set(q->error, ENOMEM, "Out of memory");
        }
        return launch(f);
}

/* What may be different the next time. */
static bool is_transient(CURLcode code, long status)
{
        static const CURLcode codes[] = {
                CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT, CURLE_PARTIAL_FILE,
                CURLE_GOT_NOTHING,     CURLE_SEND_ERROR,         CURLE_RECV_ERROR,
                CURLE_HTTP2,           CURLE_HTTP2_STREAM,
        };

        if (code == CURLE_OK)
                return status == 408 || status == 429 || status >= 500;
        for (size_t i = 0; i < ELEMENTSOF(codes); i++)
                if (codes[i] == code)
                        return true;
        return false;
}

static int fail_status(const Flight *f, long status)
{
        if (status == 404 || status == 410) {
                error_hint(f->error,
                           "curl -I %s  (is the URL of the remote right? stead remote list)",
                           f->url);
                return error_set(f->error, ENOENT, "The server has no '%s' (HTTP status %ld)",
                                 f->url, status);
        }
        error_hint(f->error, "curl -I %s", f->url);
        if (status == 401 || status == 403 || status == 407)
                return error_set(f->error, EACCES, "The server refuses '%s' (HTTP status %ld)",
                                 f->url, status);
        return error_set(f->error, EIO, "The server fails at '%s' (HTTP status %ld)", f->url,
                         status);
}

static int fail_code(const Flight *f, CURLcode code)
{
        const char *reason = f->reason[0] ? f->reason : f->curl->easy_strerror(code);

        if (code == CURLE_FILE_COULDNT_READ_FILE) {
                error_hint(f->error, "ls -l %s", f->url + strlen("file://"));
                return error_set(f->error, ENOENT, "There is no '%s'", f->url);
        }
        if (code == CURLE_UNSUPPORTED_PROTOCOL) {
                error_hint(f->error, "curl -I %s", f->url);
                return error_set(f->error, EPROTO, "'%s' leads to another place than it may: %s",
                                 f->url, reason);
        }
        if (code == CURLE_PEER_FAILED_VERIFICATION)
                error_hint(f->error, "curl -v %s", f->url);
        else
                error_hint(f->error, "curl -v -o /dev/null %s  (what has come is kept: try again)",
                           f->url);
        return error_set(f->error, code == CURLE_OPERATION_TIMEDOUT ? ETIMEDOUT : EIO,
                         "Failed to get '%s': %s", f->url, reason);
}

/* The server cannot or will not continue where we were. */
static bool cannot_continue(const Flight *f, CURLcode code, long status)
{
        return f->item.offset > 0 &&
               (code == CURLE_RANGE_ERROR || code == CURLE_BAD_DOWNLOAD_RESUME || status == 416);
}

static uint64_t now_ms(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Gives the server some time, longer with each attempt. All that are in flight fail together; only
 * the first of them waits. */
static void wait_before(const Flight *f)
{
        uint64_t pause = PAUSE_MS * (uint64_t)f->attempt;

        if (f->transfer->waited_ms + pause > now_ms())
                return;
        (void)usleep((useconds_t)(pause * 1000));
        f->transfer->waited_ms = now_ms();
}

static int restart(Flight *f, bool from_start)
{
        int r;

        if (!from_start)
                wait_before(f);
        r = f->item.on_restart(&f->item, from_start, f->error);
        return r < 0 ? r : launch(f);
}

/* Returns 1 if it is done, 0 if it was begun again. */
static int on_finished(Flight *f, CURLcode code)
{
        long status = status_of(f);
        bool anew = cannot_continue(f, code, status);
        int r;

        if (f->failure < 0)
                return f->failure;
        if (anew || (is_transient(code, status) && f->attempt < ATTEMPTS))
                return restart(f, anew);
        if (status >= 300 && (code == CURLE_OK || code == CURLE_ABORTED_BY_CALLBACK))
                return fail_status(f, status);
        if (code != CURLE_OK)
                return fail_code(f, code);
        r = f->item.on_end(&f->item, f->error);
        return r < 0 ? r : 1;
}

static void forget(Queue *q, Flight *f)
{
        for (size_t i = 0; i < q->n; i++)
                if (q->flights[i] == f)
                        q->flights[i] = q->flights[--q->n];
        flight_free(f);
}

static int collect(Queue *q)
{
        CURLMsg *m;
        int left, r = 0;

        while (r >= 0 && (m = q->transfer->curl.multi_info_read(q->transfer->multi, &left))) {
                Flight *f = NULL;

                if (m->msg != CURLMSG_DONE)
                        continue;
                (void)q->transfer->curl.easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&f);
                r = on_finished(f, m->data.result);
                if (r > 0)
                        forget(q, f);
        }
        return r;
}

static int step(Queue *q)
{
        int running, r = 0;

        while (r >= 0 && !q->exhausted && q->n < TRANSFER_PARALLEL)
                r = begin_next(q);
        if (r < 0 || q->n == 0)
                return r;
        if (q->transfer->curl.multi_perform(q->transfer->multi, &running) != CURLM_OK)
                return error_set(q->error, EIO, "libcurl fails at '%s'", q->transfer->url);
        r = collect(q);
        if (r >= 0 && running > 0)
                (void)q->transfer->curl.multi_poll(q->transfer->multi, NULL, 0, WAIT_MS, NULL);
        if (r >= 0 && q->transfer->progress && progress_step(q->transfer->progress, 0, 0) < 0)
                return error_set(q->error, ECANCELED, "Stopped");
        return r;
}

int transfer_get_all(Transfer *t, TransferNext next, void *userdata, Error *error)
{
        _cleanup_error_ Error own = ERROR_NULL;
        Queue q = { .transfer = t, .next = next, .userdata = userdata, .error = &own };
        int r;

        do
                r = step(&q);
        while (r >= 0 && (q.n > 0 || !q.exhausted));
        while (q.n > 0)
                forget(&q, q.flights[0]);
        return r < 0 ? error_move(error, &own) : 0;
}
