/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where credentials come from: a value, a file, a socket, the launcher's own. */

#include "../world.h"

#include "boot/credential.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

static int load(const char *path, CredentialSetting *ret, Error *error)
{
        *ret = (CredentialSetting){ .id = strdup("id"), .path = strdup(path) };
        return credential_load(ret, error);
}

static void test_literal(void **state)
{
        CredentialSetting c = { .id = strdup("a"), .data = strdup("value"), .size = 5 };

        assert_int_equal(credential_load(&c, NULL), 0);
        assert_string_equal(c.data, "value");
        credential_setting_done(&c);
}

/* Bytes, not text; the terminating NUL is ours and does not count. */
static void test_file(void **state)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        CredentialSetting c;

        assert_true(asprintf(&path, "%s/file", (char *)*state) > 0);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(write_all(fd, "a\0b\n", 4), 0);
        assert_int_equal(load(path, &c, NULL), 0);
        assert_int_equal(c.size, 4);
        assert_memory_equal(c.data, "a\0b\n", 5);
        credential_setting_done(&c);
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(load(path, &c, NULL), 0);
        assert_int_equal(c.size, 0);
        assert_non_null(c.data); /* empty is a value, too */
        credential_setting_done(&c);
        assert_int_equal(ftruncate(fd, (1 << 20) + 1), 0);
        assert_int_equal(load(path, &c, NULL), -EFBIG);
        credential_setting_done(&c);
}

static void test_own(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        CredentialSetting c;

        world_put(*state, "/key", "secret", 0600);
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", *state, 1), 0);
        assert_int_equal(load("key", &c, NULL), 0);
        assert_string_equal(c.data, "secret");
        credential_setting_done(&c);
        assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
        assert_int_equal(load("key", &c, &error), -ENOENT);
        assert_non_null(strstr(error.message, "$CREDENTIALS_DIRECTORY"));
        assert_string_equal(error.hint, "--load-credential=id:/absolute/path");
        credential_setting_done(&c);
}

static void test_socket(void **state)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CredentialSetting c;
        pid_t pid;

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", (char *)*state);
        assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(listener, 1), 0);
        pid = fork();
        if (pid == 0) {
                int fd = accept(listener, NULL, NULL);

                _exit(write_all(fd, "from a socket", 13) < 0);
        }
        assert_int_equal(load(address.sun_path, &c, NULL), 0);
        assert_string_equal(c.data, "from a socket");
        credential_setting_done(&c);
}

/* What can never be read as one is refused at once, a fifo above all: it would hold us. */
static void test_refused(void **state)
{
        _cleanup_free_ char *fifo = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        CredentialSetting c;

        assert_true(asprintf(&fifo, "%s/fifo", (char *)*state) > 0);
        assert_int_equal(mkfifo(fifo, 0600), 0);
        assert_int_equal(load(fifo, &c, NULL), -EBADFD);
        credential_setting_done(&c);
        assert_int_equal(load(*state, &c, NULL), -EISDIR);
        credential_setting_done(&c);
        assert_int_equal(load("/nowhere/x", &c, &error), -ENOENT);
        assert_string_equal(error.hint, "ls -l /nowhere/x");
        credential_setting_done(&c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_literal), WITH_DIRECTORY(test_file),
                WITH_DIRECTORY(test_own),       WITH_DIRECTORY(test_socket),
                WITH_DIRECTORY(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
