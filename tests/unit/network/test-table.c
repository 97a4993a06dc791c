/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table in a kernel, in a network namespace of the test's own, through the real program: sound
 * or not, and whether its loss is told. lo stands for a machine's link. */

#include "network/table-check.h"
#include "network/table-share.h"
#include "network/table-text.h"
#include "network/table-watch.h"
#include "os/loopback.h"

#include "../world.h"

#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

static const char *program;
static int check_fd;

static int run(const char *const *words)
{
        int status;
        pid_t pid;

        assert_int_equal(posix_spawnp(&pid, words[0], NULL, NULL, (char *const *)words, environ),
                         0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int firewall(const char *verb, const char *name)
{
        return run((const char *const[]){ program, verb, name, NULL });
}

static void publish(const char *name, const char *text)
{
        world_put(PUBLISHED_DIRECTORY "/", name, text, 0644);
        assert_int_equal(firewall("add", name), 0);
}

static void test_comes_and_goes(void **state)
{
        assert_int_equal(table_is_sound(check_fd), 0);
        publish("a", "INTERFACE=lo\nADDRESS=100.64.0.2\nADDRESS=fd00::2\nPORT=tcp * 80 80 80\n");
        assert_int_equal(table_is_sound(check_fd), 1);
        publish("b", "INTERFACE=lo\nADDRESS=100.64.0.3\nPORT=tcp * 1 9 1\n");
        assert_int_equal(table_is_sound(check_fd), 1);
        assert_int_equal(firewall("remove", "a"), 0);
        assert_int_equal(table_is_sound(check_fd), 1);
        assert_int_equal(firewall("remove", "b"), 0);
        assert_int_equal(table_is_sound(check_fd), 0);
        assert_int_equal(access(PUBLISHED_DIRECTORY "/.lock", F_OK), -1);
}

/* The table of another version, and one in which rules are missing. */
static void test_unsound(void **state)
{
        static const char *const damages[] = {
                "flush ruleset",
                "flush table inet stead",
                "delete table inet stead; add table inet stead { comment \"stead 0\"; }",
                "add rule inet stead publish accept",
                "flush chain inet stead guard",
        };

        publish("a", "INTERFACE=lo\nADDRESS=100.64.0.2\nPORT=tcp * 80 80 80\n");
        for (size_t i = 0; i < ELEMENTSOF(damages); i++) {
                assert_int_equal(run((const char *const[]){ "nft", damages[i], NULL }), 0);
                assert_int_equal(table_is_sound(check_fd), 0);
                assert_int_equal(firewall("restore", NULL), 0);
                assert_int_equal(table_is_sound(check_fd), 1);
        }
        assert_int_equal(firewall("remove", "a"), 0);
}

/* What is in the table, in no order: elements of a hash have none. */
static char *words_of_table(void)
{
        char *text = NULL;

        assert_int_equal(
                run((const char *const[]){
                        "sh", "-c",
                        "nft list table inet stead | tr -s ' ,\\t' '\\n' | sort >/run/words",
                        NULL }),
                0);
        assert_true(read_file_at(AT_FDCWD, "/run/words", 1 << 20, &text) > 0);
        return text;
}

/* Elements through netlink are those that the program would have made of the same files. */
static void test_share(void **state)
{
        static const char b[] = "INTERFACE=ve-b\nADDRESS=100.64.0.3\nADDRESS=fd00::3\n"
                                "PORT=tcp * 81 83 1\nPORT=udp 127.0.0.1 53 53 5353\n"
                                "PORT=tcp ::1 443 443 443\nPORT=tcp 0.0.0.0 99 99 99\n";
        _cleanup_free_ char *before = NULL, *with = NULL, *again = NULL, *after = NULL;
        _cleanup_close_ int dirfd = -EBADF;

        publish("a", "INTERFACE=lo\nADDRESS=100.64.0.2\nPORT=tcp * 80 80 80\n");
        dirfd = published_open_directory(NULL);
        assert_true(dirfd >= 0);
        before = words_of_table();
        assert_int_equal(
                run((const char *const[]){
                        "sh", "-c", "ip link add ve-b type veth; ip link set ve-b up", NULL }),
                0);
        world_put(PUBLISHED_DIRECTORY "/", "b", b, 0644);
        assert_int_equal(table_share_add(dirfd, check_fd, "b"), 1);
        with = words_of_table();
        assert_int_equal(run((const char *const[]){ "nft", "flush ruleset", NULL }), 0);
        assert_int_equal(firewall("restore", NULL), 0);
        again = words_of_table();
        assert_string_equal(with, again);
        assert_int_equal(table_share_remove(dirfd, check_fd, "b"), 1);
        after = words_of_table();
        assert_string_equal(before, after);
        assert_int_equal(faccessat(dirfd, "b", F_OK, 0), -1);
        assert_int_equal(firewall("remove", "a"), 0);
}

/* All that is not usual is left to the program. */
static void test_share_refused(void **state)
{
        _cleanup_close_ int dirfd = published_open_directory(NULL);

        assert_true(dirfd >= 0);
        world_put(PUBLISHED_DIRECTORY "/", "a", "INTERFACE=lo\nADDRESS=100.64.0.2\n", 0644);
        assert_int_equal(table_share_add(dirfd, check_fd, "a"), 0); /* no table */
        publish("a", "INTERFACE=lo\nADDRESS=100.64.0.2\nPORT=tcp * 80 80 80\n");
        assert_int_equal(table_share_remove(dirfd, check_fd, "a"), 0); /* the last one */
        assert_int_equal(table_share_add(dirfd, check_fd, "b"), 0);    /* no file */
        world_put(PUBLISHED_DIRECTORY "/", "b", "INTERFACE=lo\nREPLACES=yes\n", 0644);
        assert_int_equal(table_share_add(dirfd, check_fd, "b"), 0);
        world_put(PUBLISHED_DIRECTORY "/", "b",
                  "INTERFACE=lo\nADDRESS=100.64.0.3\nPORT=tcp * 80 80 80\n", 0644);
        assert_int_equal(table_share_add(dirfd, check_fd, "b"), 0); /* a's port */
        world_put(PUBLISHED_DIRECTORY "/", "b", "INTERFACE=gone\nADDRESS=100.64.0.3\n", 0644);
        assert_int_equal(table_share_add(dirfd, check_fd, "b"), 0); /* no such link */
        assert_int_equal(firewall("remove", "b") | firewall("remove", "a"), 0);
}

static int told(TableWatch *watch)
{
        struct pollfd p = { .fd = watch->fd, .events = POLLIN };

        return poll(&p, 1, 20000) > 0 ? table_watch_drain(watch) : -ETIME;
}

static void test_watch(void **state)
{
        TableWatch watch = TABLE_WATCH_NULL;

        publish("a", "INTERFACE=lo\nADDRESS=100.64.0.2\nPORT=tcp * 80 80 80\n");
        assert_int_equal(table_watch_open(&watch), 0);
        assert_int_equal(table_watch_drain(&watch), 0);
        /* tables of others, and changes of ours */
        assert_int_equal(run((const char *const[]){ "nft", "add table inet steady", NULL }), 0);
        assert_int_equal(told(&watch), 0);
        assert_int_equal(run((const char *const[]){ "nft", "delete table inet steady", NULL }), 0);
        assert_int_equal(told(&watch), 0);
        publish("b", "INTERFACE=lo\nADDRESS=100.64.0.3\nPORT=tcp * 1 9 1\n");
        assert_int_equal(told(&watch), 0);
        assert_int_equal(run((const char *const[]){ "nft", "flush ruleset", NULL }), 0);
        assert_int_equal(told(&watch), 1);
        assert_int_equal(firewall("restore", NULL), 0);
        assert_int_equal(told(&watch), 0);
        /* too many to be told */
        (void)setsockopt(watch.fd, SOL_SOCKET, SO_RCVBUF, &(int){ 1 }, sizeof(int));
        for (int i = 0; i < 8; i++)
                assert_int_equal(
                        run((const char *const[]){ "nft", "delete table inet stead", NULL }) |
                                firewall("restore", NULL),
                        0);
        assert_int_equal(run((const char *const[]){ "nft", "flush ruleset", NULL }), 0);
        assert_int_equal(told(&watch), 1);
        table_watch_done(&watch);
        assert_int_equal(firewall("remove", "a") | firewall("remove", "b"), 0);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_comes_and_goes), cmocka_unit_test(test_unsound),
                cmocka_unit_test(test_share),          cmocka_unit_test(test_share_refused),
                cmocka_unit_test(test_watch),
        };
        int r = world_enter();

        program = argc > 1 ? argv[1] : "stead-firewall";
        if (r != 0)
                return r;
        if (unshare(CLONE_NEWNET) < 0 || loopback_up() < 0 || (check_fd = table_check_open()) < 0 ||
            table_is_sound(check_fd) < 0) {
                fprintf(stderr, "skipped: no network namespace, or no nftables in it\n");
                return WORLD_SKIP;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
