/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names both ways, and the sets of a child in a user namespace of its own, as the kernel's status
 * file shows them to an administrator. */

#include "os/capability.h"

#include "base/buffer.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <setjmp.h>

#include <cmocka.h>

static void test_names(void **state)
{
        assert_int_equal(capability_from_name("CAP_SYS_ADMIN"), CAP_SYS_ADMIN);
        assert_int_equal(capability_from_name("cap_sys_admin"), CAP_SYS_ADMIN);
        assert_int_equal(capability_from_name("Sys_Admin"), CAP_SYS_ADMIN);
        assert_int_equal(capability_from_name("21"), CAP_SYS_ADMIN);
        assert_int_equal(capability_from_name("0"), CAP_CHOWN);
        assert_int_equal(capability_from_name("63"), 63);
        assert_int_equal(capability_from_name("64"), -EINVAL);
        assert_int_equal(capability_from_name("-1"), -EINVAL);
        assert_int_equal(capability_from_name(""), -EINVAL);
        assert_int_equal(capability_from_name("CAP_"), -EINVAL);
        assert_int_equal(capability_from_name("CAP_LAST_CAP"), -EINVAL);
        assert_int_equal(capability_from_name("CAP_SYS_ADMIN "), -EINVAL);

        assert_null(capability_to_name(-1));
        assert_null(capability_to_name(63));
        for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
                assert_non_null(capability_to_name(cap));
                assert_int_equal(capability_from_name(capability_to_name(cap)), cap);
        }
}

static void test_last(void **state)
{
        _cleanup_free_ char *text = NULL;

        if (read_file_at(AT_FDCWD, "/proc/sys/kernel/cap_last_cap", 64, &text) < 0)
                skip();
        assert_int_equal(capability_last(), atoi(text));
}

static void test_sets(void **state)
{
        static const char *const bad[] = { "chown,nothing", "64", "CAP_CHOWN:kill", "~all" };
        _cleanup_free_ char *text = NULL, *empty = NULL, *unnamed = NULL;
        CapabilitySet set = 1;

        assert_true(CAPABILITIES_DEFAULT == UINT64_C(0xfdecafff));
        assert_int_equal(capability_set_parse("", &set), 0);
        assert_true(set == 0);
        assert_int_equal(capability_set_parse(" chown, CAP_NET_ADMIN\tkill,,21 ", &set), 0);
        assert_true(set == (CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_KILL) |
                            CAP_BIT(CAP_SYS_ADMIN)));
        assert_int_equal(capability_set_to_string(set, &text), 0);
        assert_string_equal(text, "CAP_CHOWN CAP_KILL CAP_NET_ADMIN CAP_SYS_ADMIN");
        assert_int_equal(capability_set_to_string(0, &empty), 0);
        assert_string_equal(empty, "");
        assert_int_equal(capability_set_to_string(CAP_BIT(63) | CAP_BIT(0), &unnamed), 0);
        assert_string_equal(unnamed, "CAP_CHOWN 63");

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(capability_set_parse(bad[i], &set), -EINVAL);
        assert_int_equal(capability_set_parse("all", &set), 0);
        assert_true(set == UINT64_MAX >> (63 - capability_last()));
}

/* Runs @body in a child that is root of a new user namespace; its exit status, or 77 for "cannot".
 */
static int in_user_namespace(int (*body)(void))
{
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                _cleanup_buffer_ Buffer uid = BUFFER_NULL, gid = BUFFER_NULL;

                buffer_printf(&uid, "0 %u 1", getuid());
                buffer_printf(&gid, "0 %u 1", getgid());
                if (unshare(CLONE_NEWUSER) < 0 ||
                    write_file_at(AT_FDCWD, "/proc/self/setgroups", "deny") < 0 ||
                    write_file_at(AT_FDCWD, "/proc/self/uid_map", uid.data) < 0 ||
                    write_file_at(AT_FDCWD, "/proc/self/gid_map", gid.data) < 0)
                        _exit(77);
                _exit(body());
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 77) {
                print_message("skipped: no user namespaces here\n");
                if (getenv("MUST_WORK"))
                        fail();
                skip();
        }
        return WEXITSTATUS(status);
}

static uint64_t status_set(const char *field)
{
        _cleanup_free_ char *text = NULL;
        const char *line;

        if (read_file_at(AT_FDCWD, "/proc/self/status", 65536, &text) < 0)
                return UINT64_MAX;
        line = strstr(text, field);
        return line ? strtoull(line + strlen(field), NULL, 16) : UINT64_MAX;
}

static int body_default(void)
{
        if (capability_apply(CAPABILITIES_DEFAULT, 0) < 0)
                return 1;
        if (status_set("CapBnd:") != CAPABILITIES_DEFAULT)
                return 2;
        if (status_set("CapPrm:") != CAPABILITIES_DEFAULT ||
            status_set("CapEff:") != CAPABILITIES_DEFAULT)
                return 3;
        return status_set("CapInh:") == 0 && status_set("CapAmb:") == 0 ? 0 : 4;
}

static int body_ambient(void)
{
        const CapabilitySet bounding = CAP_BIT(CAP_NET_RAW) | CAP_BIT(CAP_CHOWN);
        const CapabilitySet ambient = CAP_BIT(CAP_NET_RAW);

        if (capability_apply(bounding, bounding | CAP_BIT(CAP_KILL)) != -EINVAL)
                return 1;
        if (capability_apply(bounding, ambient) < 0)
                return 2;
        if (status_set("CapBnd:") != bounding || status_set("CapEff:") != bounding)
                return 3;
        return status_set("CapInh:") == ambient && status_set("CapAmb:") == ambient ? 0 : 4;
}

static int body_missing(void)
{
        if (capability_apply(CAPABILITIES_DEFAULT & ~CAP_BIT(CAP_KILL), 0) < 0)
                return 1;
        return capability_apply(CAPABILITIES_DEFAULT, 0) == -EPERM ? 0 : 2;
}

static int body_nothing(void)
{
        if (capability_apply(0, 0) < 0)
                return 1;
        return status_set("CapBnd:") == 0 && status_set("CapPrm:") == 0 ? 0 : 2;
}

/* As after setuid() under PR_SET_KEEPCAPS: all permitted, nothing effective. */
static int body_not_effective(void)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2];

        if (syscall(SYS_capget, &header, data) < 0)
                return 1;
        data[0].effective = data[1].effective = 0;
        if (syscall(SYS_capset, &header, data) < 0)
                return 2;
        return body_default();
}

static void test_apply_default(void **state)
{
        assert_int_equal(in_user_namespace(body_default), 0);
}

static void test_apply_ambient(void **state)
{
        assert_int_equal(in_user_namespace(body_ambient), 0);
}

static void test_apply_missing(void **state)
{
        assert_int_equal(in_user_namespace(body_missing), 0);
}

static void test_apply_nothing(void **state)
{
        assert_int_equal(in_user_namespace(body_nothing), 0);
}

static void test_apply_not_effective(void **state)
{
        assert_int_equal(in_user_namespace(body_not_effective), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),         cmocka_unit_test(test_last),
                cmocka_unit_test(test_sets),          cmocka_unit_test(test_apply_default),
                cmocka_unit_test(test_apply_ambient), cmocka_unit_test(test_apply_missing),
                cmocka_unit_test(test_apply_nothing), cmocka_unit_test(test_apply_not_effective),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
