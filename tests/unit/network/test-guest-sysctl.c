/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings inside a machine, tried in user and network namespaces like those of machines. */

#include "network/guest-sysctl.h"

#include "../unit.h"
#include "base/fd.h"

#include "network/sysctl.h"
#include "os/userns.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define SKIP 77
#define EXPECT(condition)                                                                   \
        do {                                                                                \
                if (!(condition)) {                                                         \
                        fprintf(stderr, "%s:%d: %s: %m\n", __FILE__, __LINE__, #condition); \
                        _exit(EXIT_FAILURE);                                                \
                }                                                                           \
        } while (0)

/* In the machine, as its root, then as the user @user of it. */
static _noreturn_ void inside(const char *range, gid_t user)
{
        struct sockaddr_in low = { .sin_family = AF_INET, .sin_port = htons(80) };
        _cleanup_error_ Error e = ERROR_NULL;

        EXPECT(setgid(0) == 0 && setuid(0) == 0);
        EXPECT(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP) < 0);
        EXPECT(network_guest_sysctls(&e) == 0);
        EXPECT(sysctl_is("ipv4/ping_group_range", range));
        EXPECT(network_guest_sysctls(&e) == 0); /* again is fine */
        EXPECT(sysctl_is("ipv4/ip_unprivileged_port_start", "1024"));
        EXPECT(bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&low, sizeof(low)) == 0);
        EXPECT(setgid(user) == 0 && setuid(user) == 0);
        EXPECT(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP) >= 0);
        EXPECT(socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6) >= 0);
        _exit(EXIT_SUCCESS);
}

static void write_map(pid_t pid, const char *which, const char *map)
{
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, which);
        if (write_file_at(AT_FDCWD, path, map) < 0)
                fail_msg("%s of '%s': %s", path, map, strerror(errno));
}

/* @map NULL: no user namespace. */
static void run_inside(const char *map, const char *range, gid_t user)
{
        int ready[2], go[2], status;
        char byte = 0;
        pid_t pid;

        assert_true(pipe2(ready, O_CLOEXEC) == 0 && pipe2(go, O_CLOEXEC) == 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                EXPECT(unshare((map ? CLONE_NEWUSER : 0) | CLONE_NEWNET) == 0);
                EXPECT(write(ready[1], &byte, 1) == 1 && read(go[0], &byte, 1) == 1);
                inside(range, user);
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        if (map) {
                if (geteuid() != 0)
                        write_map(pid, "setgroups", "deny");
                write_map(pid, "uid_map", map);
                write_map(pid, "gid_map", map);
        }
        assert_int_equal(write(go[1], &byte, 1), 1);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        for (int i = 0; i < 2; i++)
                (void)(close(ready[i]) + close(go[i]));
}

static void test_one_user(void **state)
{
        char map[32];

        (void)snprintf(map, sizeof(map), "0 %u 1\n", geteuid());
        run_inside(map, "0 0", 0);
}

static void need_root(void)
{
        if (geteuid() != 0 || !userns_is_initial()) {
                fprintf(stderr, "skipped: only root of the host may map many users\n");
                skip();
        }
}

static void test_many_users(void **state)
{
        need_root();
        run_inside("0 524288 65536\n", "0 65535", 1000);
        /* beyond what could be written from the host's side before Linux 6.4 */
        run_inside("0 3000000000 65536\n", "0 65535", 1000);
}

/* The first group stands above the last outside: the whole range would mean nobody. */
static void test_groups_out_of_order(void **state)
{
        need_root();
        run_inside("0 500000 1\n1 100000 65535\n", "1 65535", 1000);
}

static void test_no_user_namespace(void **state)
{
        _cleanup_free_ char *release = NULL;
        int major, minor;

        need_root();
        assert_true(read_file_at(AT_FDCWD, "/proc/sys/kernel/osrelease", 100, &release) > 0);
        assert_int_equal(sscanf(release, "%d.%d", &major, &minor), 2);
        run_inside(NULL, major * 100 + minor >= 604 ? "0 4294967294" : "0 2147483647", 1000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one_user),
                cmocka_unit_test(test_many_users),
                cmocka_unit_test(test_groups_out_of_order),
                cmocka_unit_test(test_no_user_namespace),
        };
        pid_t pid = fork();
        int status;

        if (pid == 0)
                _exit(unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0);
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
                fprintf(stderr, "skipped: the kernel gives no user and network namespace\n");
                return SKIP;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
