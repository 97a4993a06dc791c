/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What PID 1 says is believed, what anybody else says is not, and nothing of it stays open. */

#include "../unit.h"

#include "base/cleanup.h"
#include "boot/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void test_parser(void **state)
{
        static const struct {
                const char *text;
                bool ready, stopping, hears;
                const char *status;
        } rows[] = {
                { "READY=1", true, false, false, NULL },
                { "READY=1\n", true, false, false, NULL },
                { "STATUS=a\nREADY=1\nSTATUS=b", true, false, false, "b" },
                { "STOPPING=1\nSTATUS=", false, true, false, "" },
                { "X_SYSTEMD_SIGNALS_LEVEL=2", false, false, true, NULL },
                { "X_SYSTEMD_SIGNALS_LEVEL=1", false, false, false, NULL },
                { "READY=0", false, false, false, NULL },
                { "READY=11", false, false, false, NULL },
                { "XREADY=1\n READY=1", false, false, false, NULL },
                { "", false, false, false, NULL },
                { "\n\n\n", false, false, false, NULL },
                { "STATUS=a\tb\x1b[31mc\x7f", false, false, false, "a?b?[31mc?" },
                { "WATCHDOG=1\nFDSTORE=1\nMAINPID=1", false, false, false, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *text = strdup(rows[i].text);
                PayloadNews news = {};

                assert_int_equal(payload_news_parse(text, &news), 0);
                if (news.ready != rows[i].ready || news.stopping != rows[i].stopping ||
                    news.hears_signals != rows[i].hears || !news.status != !rows[i].status)
                        fail_msg("%s", rows[i].text);
                if (news.status)
                        assert_string_equal(news.status, rows[i].status);
                payload_news_done(&news);
        }
}

typedef struct Pair {
        int ours, theirs;
} Pair;

static int pair_make(void **state)
{
        static Pair pair;
        int fds[2], on = 1;

        if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds) < 0 ||
            setsockopt(fds[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
                return -1;
        pair = (Pair){ .ours = fds[0], .theirs = fds[1] };
        *state = &pair;
        return 0;
}

static int pair_drop(void **state)
{
        Pair *p = *state;

        return close(p->ours) + close(p->theirs);
}

static void test_only_the_leader(void **state)
{
        Pair *p = *state;
        PayloadNews news = {};
        pid_t pid = fork();

        if (pid == 0)
                _exit(send(p->theirs, "READY=1", 7, 0) == 7 ? 0 : 1);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(notify_receive(p->ours, getpid(), &news), 0);
        assert_false(news.ready);

        assert_int_equal(send(p->theirs, "READY=1", 7, 0), 7);
        assert_int_equal(notify_receive(p->ours, getpid(), &news), 1);
        assert_true(news.ready);
        assert_int_equal(notify_receive(p->ours, getpid(), &news), -EAGAIN);
}

static int count_descriptors(void)
{
        int n = 0;

        for (int fd = 0; fd < 1024; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

static void send_descriptors(int socket_fd, const int *fds, size_t n)
{
        _cleanup_free_ char *space = calloc(1, CMSG_SPACE(n * sizeof(int)));
        struct iovec iov = { .iov_base = (char *)"READY=1", .iov_len = 7 };
        struct msghdr m = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = space,
                .msg_controllen = CMSG_SPACE(n * sizeof(int)),
        };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);

        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n * sizeof(int));
        assert_int_equal(sendmsg(socket_fd, &m, 0), 7);
}

/* A payload that passes descriptors, from the leader and from others, costs us none. */
static void test_descriptors_are_closed(void **state)
{
        Pair *p = *state;
        int before = count_descriptors(), fds[253];
        PayloadNews news = {};

        for (size_t i = 0; i < ELEMENTSOF(fds); i++)
                fds[i] = p->ours;
        send_descriptors(p->theirs, fds, 1);
        assert_int_equal(notify_receive(p->ours, getpid(), &news), 1);
        assert_int_equal(count_descriptors(), before);
        send_descriptors(p->theirs, fds, ELEMENTSOF(fds));
        assert_int_equal(notify_receive(p->ours, getpid(), &news), 1);
        assert_int_equal(count_descriptors(), before);
        send_descriptors(p->theirs, fds, ELEMENTSOF(fds));
        assert_int_equal(notify_receive(p->ours, getpid() + 1, &news), 0);
        assert_int_equal(count_descriptors(), before);
}

static void test_truncated_is_dropped(void **state)
{
        Pair *p = *state;
        PayloadNews news = {};
        char text[5000];

        memset(text, 'x', sizeof(text));
        memcpy(text, "READY=1\nSTATUS=", 15);
        assert_int_equal(send(p->theirs, text, 4097, 0), 4097);
        assert_int_equal(notify_receive(p->ours, getpid(), &news), 0);
        assert_false(news.ready);
        assert_null(news.status);
        assert_int_equal(send(p->theirs, text, 4096, 0), 4096); /* CI-173 */
        assert_int_equal(notify_receive(p->ours, getpid(), &news), 1);
        assert_int_equal(strlen(news.status), 4096 - 15);
        payload_news_done(&news);
}

static void test_empty(void **state)
{
        Pair *p = *state;
        PayloadNews news = {};

        assert_int_equal(send(p->theirs, "", 0, 0), 0);
        assert_int_equal(notify_receive(p->ours, getpid(), &news), 1);
        assert_false(news.ready);
        assert_int_equal(send(p->theirs, "A\0READY=1", 9, 0), 9); /* ends at the NUL */
        assert_int_equal(notify_receive(p->ours, getpid(), &news), 1);
        assert_false(news.ready);
}

static void test_send(void **state)
{
        assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
        assert_int_equal(notify_send("READY=1"), 0);
        assert_int_equal(setenv("NOTIFY_SOCKET", "relative", 1), 0);
        assert_int_equal(notify_send("READY=1"), 0);
        assert_int_equal(setenv("NOTIFY_SOCKET", "/nowhere/socket", 1), 0);
        assert_int_equal(notify_send("READY=1"), -ENOENT);
        assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
}

static uint64_t milliseconds(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* It goes on when the manager closes what came with the message, and not before. */
static void test_wait(void **state)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        char name[64], text[64] = {};
        uint64_t began = milliseconds();
        pid_t pid;

        notify_wait(60000); /* nobody there */
        assert_true(milliseconds() - began < 30000);
        (void)snprintf(name, sizeof(name), "@stead-test-notify-%d", (int)getpid());
        (void)snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s", name + 1);
        assert_int_equal(bind(manager, (struct sockaddr *)&address,
                              (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                         0);
        assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
        began = milliseconds();
        pid = fork();
        if (pid == 0) {
                (void)usleep(200 * 1000);
                (void)recv(manager, text, sizeof(text), 0); /* the descriptor is dropped at once */
                _exit(strcmp(text, "BARRIER=1") != 0);
        }
        notify_wait(60000);
        assert_in_range(milliseconds() - began, 190, 30000);
        assert_int_equal(waitpid(pid, (int[]){ 0 }, 0), pid);
        began = milliseconds();
        notify_wait(100); /* nobody reads */
        assert_in_range(milliseconds() - began, 90, 15000);
        assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, pair_make, pair_drop)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parser),
                WITH_PAIR(test_only_the_leader),
                WITH_PAIR(test_descriptors_are_closed),
                WITH_PAIR(test_truncated_is_dropped),
                WITH_PAIR(test_empty),
                cmocka_unit_test(test_send),
                cmocka_unit_test(test_wait),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
