/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two sides of a copy: what they make of each other, of a side that lies, and of one that dies.
 */

#include "../world.h"

#include "image/acl.h"
#include "image/copy-entry.h"
#include "image/copy.h"
#include "image/errand.h"
#include "os/copy-data.h"

#include <dirent.h>
#include <endian.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define TOKEN "0123456789abcdef"

static unsigned n_told;
static char told[1024];

static void tell(const char *message)
{
        n_told++;
        (void)snprintf(told, sizeof(told), "%s", message);
}

/* Both sides on paths below @top, the sending one in a process of its own. */
typedef struct Copy {
        CopySource source;
        CopyTarget target;
        CopyTotals totals;
        int sockets[2], root_fd;
} Copy;

static void copy_init(Copy *c, const char *top, const char *from, const char *to, const char *name)
{
        *c = (Copy){ .root_fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC) };
        assert_true(c->root_fd >= 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, c->sockets), 0);
        c->source = (CopySource){ .options = { .token = TOKEN,
                                               .label = from,
                                               .totals = &c->totals,
                                               .socket_fd = c->sockets[0] },
                                  .root_fd = c->root_fd,
                                  .path = from };
        c->target = (CopyTarget){ .options = { .token = TOKEN,
                                               .label = to,
                                               .totals = &c->totals,
                                               .socket_fd = c->sockets[1] },
                                  .root_fd = c->root_fd,
                                  .path = to,
                                  .name = name,
                                  .mode = (mode_t)-1,
                                  .uid = (uid_t)-1,
                                  .gid = (gid_t)-1 };
        n_told = 0;
}

static void copy_done(Copy *c)
{
        closep(&c->sockets[0]);
        closep(&c->sockets[1]);
        closep(&c->root_fd);
}

static int send_side(void *argument, Error *error)
{
        Copy *c = argument;

        (void)close(c->sockets[1]);
        return copy_send(&c->source, error);
}

static int copy_run(Copy *c, Error *error)
{
        _cleanup_(errand_done) Errand errand = ERRAND_NULL;
        int r, sent;

        assert_int_equal(errand_start(send_side, c, &errand, NULL), 0);
        (void)close(c->sockets[0]);
        c->sockets[0] = -EBADF;
        r = copy_receive(&c->target, error);
        (void)close(c->sockets[1]);
        c->sockets[1] = -EBADF;
        sent = errand_wait(&errand, error);
        return r < 0 && r != -ECONNABORTED ? r : sent;
}

static int count_entries(int dirfd, const char *path)
{
        int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY), n = 0;
        _cleanup_closedir_ DIR *d = fdopendir(fd);

        assert_non_null(d);
        for (struct dirent *e; (e = readdir(d));)
                n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
        return n;
}

static void test_links_and_nodes(void **state)
{
        const char *top = *state;
        Copy c;
        struct stat one, two, three, fifo;

        world_put(top, "/from/a/file", "text", 0640);
        world_put(top, "/from/z/deep/other", "o", 0600);
        copy_init(&c, top, "/from", "/to", "from");
        assert_int_equal(linkat(c.root_fd, "from/a/file", c.root_fd, "from/a/again", 0), 0);
        assert_int_equal(linkat(c.root_fd, "from/a/file", c.root_fd, "from/z/deep/third", 0), 0);
        assert_int_equal(linkat(c.root_fd, "from/z/deep/other", c.root_fd, "from/same", 0), 0);
        assert_int_equal(mkfifoat(c.root_fd, "from/fifo", 0640), 0);
        assert_int_equal(symlinkat("/etc/passwd", c.root_fd, "from/link"), 0);
        assert_int_equal(copy_run(&c, NULL), 0);

        assert_int_equal(fstatat(c.root_fd, "to/a/file", &one, 0), 0);
        assert_int_equal(fstatat(c.root_fd, "to/a/again", &two, 0), 0);
        assert_int_equal(fstatat(c.root_fd, "to/z/deep/third", &three, 0), 0);
        assert_true(one.st_ino == two.st_ino && two.st_ino == three.st_ino && one.st_nlink == 3);
        assert_int_equal(one.st_mode & 07777, 0640);
        assert_int_equal(fstatat(c.root_fd, "to/z/deep/other", &one, 0), 0);
        assert_int_equal(fstatat(c.root_fd, "to/same", &two, 0), 0);
        assert_int_equal(one.st_ino, two.st_ino);
        assert_int_equal(fstatat(c.root_fd, "to/fifo", &fifo, 0), 0);
        assert_true(S_ISFIFO(fifo.st_mode) && (fifo.st_mode & 07777) == 0640);
        assert_int_equal(fstatat(c.root_fd, "to/link", &one, AT_SYMLINK_NOFOLLOW), 0);
        assert_true(S_ISLNK(one.st_mode));
        assert_int_equal(count_entries(c.root_fd, "to"), 5);
        copy_done(&c);
}

/* Names that are still to come: a directory that is filled, with new ones in it that share files.
 */
static void test_links_in_what_is_not_named_yet(void **state)
{
        const char *top = *state;
        Copy c;
        struct stat one, two;

        world_put(top, "/from/new/in/file", "text", 0640);
        world_put(top, "/to/from/old", "", 0600);
        copy_init(&c, top, "/from", "/to", "from");
        assert_int_equal(linkat(c.root_fd, "from/new/in/file", c.root_fd, "from/new/second", 0), 0);
        assert_int_equal(linkat(c.root_fd, "from/new/in/file", c.root_fd, "from/third", 0), 0);
        assert_int_equal(copy_run(&c, NULL), 0);
        assert_int_equal(fstatat(c.root_fd, "to/from/new/in/file", &one, 0), 0);
        assert_int_equal(fstatat(c.root_fd, "to/from/third", &two, 0), 0);
        assert_true(one.st_ino == two.st_ino && one.st_nlink == 3);
        copy_done(&c);
}

/* Deeper than anybody goes who means no harm: an error, not the end of our stack. */
static void test_depth(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        const char *top = *state;
        int fd, next;
        Copy c;

        copy_init(&c, top, "/from", "/to", "from");
        assert_int_equal(mkdirat(c.root_fd, "from", 0755), 0);
        fd = openat(c.root_fd, "from", O_RDONLY | O_DIRECTORY);
        for (int i = 0; i < 1500; i++) {
                assert_int_equal(mkdirat(fd, "d", 0755), 0);
                next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
                (void)close(fd);
                fd = next;
        }
        (void)close(fd);
        assert_int_equal(copy_run(&c, &error), -ENAMETOOLONG);
        assert_non_null(strstr(error.message, "nested too deeply"));
        assert_int_equal(count_entries(c.root_fd, "."), 1);
        copy_done(&c);

        /* the same where one failure is not the end */
        copy_init(&c, top, "/from", "/to", "from");
        c.source.options.on_failure = c.target.options.on_failure = tell;
        assert_int_equal(copy_run(&c, NULL), 0);
        assert_int_equal(faccessat(c.root_fd, "to/d/d/d/d", F_OK, 0), 0);
        copy_done(&c);
}

static void test_what_is_not_there(void **state)
{
        _cleanup_error_ Error error = ERROR_NULL;
        Copy c;

        copy_init(&c, *state, "/none", "/to", "none");
        assert_int_equal(copy_run(&c, &error), -ENOENT);
        assert_non_null(strstr(error.message, "Cannot copy '/none'"));
        copy_done(&c);
}

/* --- a side that dies, or lies ---------------------------------------------------------------- */

static const struct stat directory_st = { .st_mode = S_IFDIR | 0755 };
static const struct stat file_st = { .st_mode = S_IFREG | 0644 };

static void say(Copy *c, CopyKind kind, const char *name, const struct stat *st, const char *text,
                int fd)
{
        CopyEntry entry;

        copy_entry_set(&entry, kind, name, st);
        entry.uid = geteuid();
        entry.gid = getegid();
        entry.text = text;
        entry.text_size = strlen(text);
        entry.fd = fd;
        assert_int_equal(copy_entry_send(c->sockets[0], &entry), 0);
}

static void test_sender_dies(void **state)
{
        _cleanup_close_ int fd = memfd_create("file", MFD_CLOEXEC);
        Copy c;

        world_put(*state, "/there/old", "old", 0600);
        copy_init(&c, *state, "/from", "/there", "new");
        say(&c, COPY_DIRECTORY, "", &directory_st, "", -EBADF);
        say(&c, COPY_FILE, "file", &file_st, "", fd);
        say(&c, COPY_DIRECTORY, "sub", &directory_st, "", -EBADF);
        say(&c, COPY_FILE, "file", &file_st, "", fd);
        (void)close(c.sockets[0]);
        c.sockets[0] = -EBADF;
        assert_int_equal(copy_receive(&c.target, NULL), -ECONNABORTED);
        assert_int_equal(count_entries(c.root_fd, "there"), 1);
        copy_done(&c);
}

/* Each is sent as the first entry of a copy into /there, then its end. */
static int receive_lie(Copy *c)
{
        say(c, COPY_END, "", &file_st, "", -EBADF);
        (void)shutdown(c->sockets[0], SHUT_WR);
        return copy_receive(&c->target, NULL);
}

static void test_sender_lies(void **state)
{
        _cleanup_close_ int fd = memfd_create("file", MFD_CLOEXEC);
        struct stat device = { .st_mode = S_IFCHR | 0666, .st_rdev = makedev(1, 3) };
        Copy c;

        world_put(*state, "/there/old", "old", 0600);
        world_put(*state, "/outside", "outside", 0600);

        copy_init(&c, *state, "/from", "/there", "new");
        say(&c, COPY_LEAVE, "", &directory_st, "", -EBADF); /* out of what it is not in */
        assert_int_equal(receive_lie(&c), -EBADMSG);
        copy_done(&c);

        copy_init(&c, *state, "/from", "/there", "new");
        say(&c, COPY_FILE, "", &file_st, "", fd); /* two roots */
        say(&c, COPY_FILE, "", &file_st, "", fd);
        assert_int_equal(receive_lie(&c), -EBADMSG);
        copy_done(&c);

        copy_init(&c, *state, "/from", "/there", "dev");
        say(&c, COPY_NODE, "", &device, "", -EBADF);
        assert_int_equal(receive_lie(&c), -EINVAL);
        copy_done(&c);

        /* a link to a file outside: its own content instead */
        for (size_t i = 0; i < 3; i++) {
                static const char *const paths[] = { "../../outside", "/outside", "link/outside" };
                struct stat st;

                copy_init(&c, *state, "/from", "/there", "linked");
                say(&c, COPY_DIRECTORY, "", &directory_st, "", -EBADF);
                say(&c, COPY_SYMLINK, "link", &(struct stat){ .st_mode = S_IFLNK | 0777 }, "../..",
                    -EBADF);
                say(&c, COPY_LINK, "file", &file_st, paths[i], fd);
                say(&c, COPY_LEAVE, "", &directory_st, "", -EBADF);
                assert_int_equal(receive_lie(&c), 0);
                assert_int_equal(fstatat(c.root_fd, "there/linked/file", &st, 0), 0);
                assert_true(st.st_nlink == 1 && st.st_size == 0);
                assert_int_equal(remove_tree_at(c.root_fd, "there/linked"), 0);
                copy_done(&c);
        }
}

static void test_packets(void **state)
{
        struct {
                uint32_t kind, mode, uid, gid;
                uint64_t device;
                int64_t times[2];
                uint32_t nanoseconds[2], name_size, text_size;
                char data[32];
        } packet = { .kind = COPY_DIRECTORY };
        static const struct {
                const char *name;
                uint32_t kind, name_size, text_size, data_size;
        } rows[] = {
                { "a/b", COPY_DIRECTORY, 4, 0, 4 },  { "..", COPY_DIRECTORY, 3, 0, 3 },
                { ".", COPY_DIRECTORY, 2, 0, 2 },    { "ab", COPY_DIRECTORY, 2, 0, 3 },
                { "ab", COPY_DIRECTORY, 2, 1, 3 },   { "ab", COPY_DIRECTORY, 0, 3, 3 },
                { "ab", COPY_DIRECTORY, 30, 0, 3 },  { "ab", COPY_DIRECTORY, 3, 1, 3 },
                { "ab", _COPY_KIND_MAX, 3, 0, 3 },   { "ab", COPY_FILE, 3, 0, 3 },
                { "ab", COPY_DIRECTORY, 3, 0, 300 },
        };
        _cleanup_free_ char *buffer = malloc(COPY_PACKET_MAX + 1);
        CopyEntry entry;
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                size_t size = offsetof(typeof(packet), data) + rows[i].data_size;

                packet.kind = rows[i].kind;
                packet.name_size = rows[i].name_size;
                packet.text_size = rows[i].text_size;
                (void)snprintf(packet.data, sizeof(packet.data), "%s", rows[i].name);
                if (size > sizeof(packet))
                        size = offsetof(typeof(packet), data) - 1; /* less than a header */
                assert_int_equal(send(pair[0], &packet, size, 0), size);
                assert_int_equal(copy_entry_receive(pair[1], buffer, &entry), -EBADMSG);
        }
        entry = (CopyEntry){ .kind = COPY_ATTRIBUTE,
                             .name = "user.x",
                             .text = "a\0b",
                             .text_size = 3,
                             .fd = -EBADF };
        assert_int_equal(copy_entry_send(pair[0], &entry), 0);
        assert_int_equal(copy_entry_receive(pair[1], buffer, &entry), 1);
        assert_string_equal(entry.name, "user.x");
        assert_memory_equal(entry.text, "a\0b\0", 4);
        (void)close(pair[0]);
        assert_int_equal(copy_entry_receive(pair[1], buffer, &entry), 0);
        (void)close(pair[1]);
}

/* --- content -----------------------------------------------------------------------------------
 */

static void assert_copied(const char *top, int from)
{
        _cleanup_free_ char *path = NULL, *one = NULL, *two = NULL;
        _cleanup_close_ int to = -EBADF;
        DataCopier copier = { .watch_fd = -1 };
        ssize_t n;

        assert_true(asprintf(&path, "%s/to", top) > 0);
        to = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
        assert_int_equal(copy_data(&copier, from, to), 0);
        data_copier_done(&copier);
        assert_true(lseek(from, 0, SEEK_SET) == 0 && lseek(to, 0, SEEK_SET) == 0);
        n = read_fd(from, 64 << 20, &one);
        assert_true(n >= 0);
        assert_int_equal(read_fd(to, 64 << 20, &two), n);
        assert_memory_equal(one, two, (size_t)n);
}

static void test_content(void **state)
{
        static const struct {
                off_t size;
                off_t data[3]; /* one byte each; 0: none */
        } rows[] = {
                { 0, {} },
                { 1, {} },
                { 5 << 20, {} },
                { 5 << 20, { 1, 1 << 20, (5 << 20) - 1 } },
                { (5 << 20) + 7, { 4096, 3 << 20 } },
                { 100000, { 50000 } },
        };
        _cleanup_close_ int proc = open("/proc/version", O_RDONLY);

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *path = NULL;
                _cleanup_close_ int from = -EBADF;

                assert_true(asprintf(&path, "%s/from", (char *)*state) > 0);
                from = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
                assert_int_equal(ftruncate(from, rows[i].size), 0);
                for (size_t k = 0; k < 3 && rows[i].data[k]; k++)
                        assert_int_equal(pwrite(from, "x", 1, rows[i].data[k]), 1);
                assert_copied(*state, from);
        }
        assert_copied(*state, proc); /* of size 0, they say */
}

static void test_abandoned_content(void **state)
{
        DataCopier copier = { .no_clone = true };
        int pair[2], from = memfd_create("from", 0), to = memfd_create("to", 0);

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        copier.watch_fd = pair[1];
        assert_int_equal(write(from, "text", 4), 4);
        assert_int_equal(copy_data(&copier, from, to), 0);
        (void)close(pair[0]);
        assert_int_equal(copy_data(&copier, from, to), -ECONNABORTED);
        data_copier_done(&copier);
        (void)close(pair[1]);
        (void)close(from);
        (void)close(to);
}

static uint32_t plus_hundred(uint32_t id, void *userdata)
{
        return id + 100;
}

static void test_acl(void **state)
{
        struct __attribute__((packed)) {
                uint32_t version;
                struct __attribute__((packed)) {
                        uint16_t tag, permissions;
                        uint32_t id;
                } entries[3];
        } acl = { htole32(2),
                  { { htole16(0x01), htole16(7), htole32(UINT32_MAX) },
                    { htole16(0x02), htole16(6), htole32(5) },
                    { htole16(0x08), htole16(4), htole32(33) } } };

        assert_int_equal(acl_map_ids(&acl, sizeof(acl), plus_hundred, NULL), 1);
        assert_int_equal(le32toh(acl.entries[0].id), UINT32_MAX);
        assert_int_equal(le32toh(acl.entries[1].id), 105);
        assert_int_equal(le32toh(acl.entries[2].id), 133);
        assert_int_equal(acl_map_ids(&acl, sizeof(acl) - 1, plus_hundred, NULL), -EINVAL);
        assert_int_equal(acl_map_ids(&acl, 3, plus_hundred, NULL), -EINVAL);
        acl.version = htole32(3);
        assert_int_equal(acl_map_ids(&acl, sizeof(acl), plus_hundred, NULL), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_DIRECTORY(test_links_and_nodes),
                WITH_DIRECTORY(test_links_in_what_is_not_named_yet),
                WITH_DIRECTORY(test_depth),
                WITH_DIRECTORY(test_what_is_not_there),
                WITH_DIRECTORY(test_sender_dies),
                WITH_DIRECTORY(test_sender_lies),
                cmocka_unit_test(test_packets),
                WITH_DIRECTORY(test_content),
                WITH_DIRECTORY(test_abandoned_content),
                cmocka_unit_test(test_acl),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
