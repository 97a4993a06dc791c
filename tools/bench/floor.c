/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * floor: the least work that an isolated start can be, as a yardstick for stead-launch and its
 * peers.
 *
 * It starts one command in a tree with every namespace, a user range, an idmapped root and private
 * /dev, /proc, /tmp and /run, and nothing else: no seccomp, no cgroup, no console, no options, no
 * supervision. It is a measuring tool, so it must not use any code of stead: a slip there would
 * move the floor and the building with it.
 *
 *   floor                               first process
 *   open_tree, tmpfs and nodes
 *   clone3 (all namespaces) ----------> starts, blocks on the pipe
 *   uid_map, gid_map
 *   idmap the tree by the child's
 *   user namespace
 *   one byte on the pipe -------------> attaches root and /dev, mounts the rest, pivot_root, exec
 *   waits
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* The host user that the tree's root becomes. Any unused range does: the measurement owns the
 * machine. */
#define RANGE_BASE 0x30000000U
#define RANGE_SIZE 65536U

/* A failed step ends the program with the status that shells use for "could not start it". */
#define EXIT_FLOOR 125

#define NAMESPACES                                                                    \
        (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP | \
         CLONE_NEWNET | CLONE_NEWUSER)

typedef struct Node {
        const char *name;
        unsigned minor;
        unsigned major;
} Node;

/* Documentation/admin-guide/devices.txt of the kernel: 1 are the memory devices, 5 the terminals.
 */
static const Node nodes[] = {
        { "null", 3, 1 },   { "zero", 5, 1 },    { "full", 7, 1 },
        { "random", 8, 1 }, { "urandom", 9, 1 }, { "tty", 0, 5 },
};

/* What the parent makes before the clone; the child inherits the descriptors. */
typedef struct Parts {
        const char *path;
        int root;
        int dev;
        int go[2];
} Parts;

/* Every step either succeeds or ends the process: a floor that skipped one would be no floor. */
static int must(int r, const char *step)
{
        if (r >= 0)
                return r;

        fprintf(stderr, "floor: %s: %m\n", step);
        _exit(EXIT_FLOOR);
}

/*
 * The device nodes need the host's user namespace: neither mknod() nor a usable node exists on a
 * file system that was mounted by a child user namespace. Owned by the range, since idmapped tmpfs
 * needs a kernel of 6.3.
 */
static int make_dev(void)
{
        int fs, fd;

        fs = must(fsopen("tmpfs", FSOPEN_CLOEXEC), "fsopen tmpfs");
        must(fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0755", 0), "mode of /dev");
        must(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "create /dev");
        fd = must(fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC),
                  "fsmount /dev");
        must(close(fs), "close");
        must(fchownat(fd, "", RANGE_BASE, RANGE_BASE, AT_EMPTY_PATH), "chown /dev");

        for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
                const Node *n = &nodes[i];

                must(mknodat(fd, n->name, S_IFCHR | 0666, makedev(n->major, n->minor)), n->name);
                must(fchownat(fd, n->name, RANGE_BASE, RANGE_BASE, AT_SYMLINK_NOFOLLOW), n->name);
        }

        must(mkdirat(fd, "pts", 0755), "/dev/pts");
        must(symlinkat("pts/ptmx", fd, "ptmx"), "/dev/ptmx");
        return fd;
}

static void attach(int fd, const char *where)
{
        must(move_mount(fd, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH), where);
        must(close(fd), "close");
}

/*
 * In the child: all namespaces are new, root of its own user namespace, no privilege on the host.
 * The mount namespace is still a copy of the host's.
 */
_Noreturn static void run(const Parts *p, char **argv)
{
        char go;

        /* Until the maps are written this process is nobody and may mount nothing. End of file: the
         * parent died. */
        must(close(p->go[1]), "close");
        if (must((int)read(p->go[0], &go, 1), "wait for the maps") != 1)
                _exit(EXIT_FLOOR);

        /* Become the range's root: until now the identity is the host's, which the range does not
         * hold. */
        must(setgroups(0, NULL), "setgroups");
        must(setresgid(0, 0, 0), "setresgid");
        must(setresuid(0, 0, 0), "setresuid");

        /* Any directory would do as the place; the tree itself is one that surely exists. */
        attach(p->root, p->path);
        must(chdir(p->path), "chdir");
        attach(p->dev, "dev");

        /* A new /proc is refused unless a complete one is visible, so this comes before the old
         * root goes. */
        must(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "/proc");
        must(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
                   "newinstance,ptmxmode=0666,mode=0620,gid=5"),
             "/dev/pts");
        must(mount("tmpfs", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"), "/tmp");
        must(mount("tmpfs", "run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"), "/run");

        /* Both names the same: the old root is stacked on the new one and leaves with all of the
         * host's mounts. */
        must((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
        must(umount2(".", MNT_DETACH), "umount the old root");
        must(chdir("/"), "chdir /");

        execv(argv[0], argv);
        must(-1, argv[0]);
        _exit(EXIT_FLOOR);
}

static int open_process(int proc, const char *file, int flags)
{
        return must(openat(proc, file, flags | O_CLOEXEC), file);
}

static void write_map(int proc, const char *file)
{
        char map[64];
        int fd, n;

        n = snprintf(map, sizeof(map), "0 %u %u\n", RANGE_BASE, RANGE_SIZE);
        fd = open_process(proc, file, O_WRONLY);
        must((int)write(fd, map, (size_t)n), file);
        must(close(fd), "close");
}

/* The mount has no user yet, which is the only time at which the kernel lets it be idmapped. */
static void map_root(int root, int proc)
{
        struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
        int userns;

        userns = open_process(proc, "ns/user", O_RDONLY);
        attr.userns_fd = (uint64_t)userns;
        must(mount_setattr(root, "", AT_EMPTY_PATH, &attr, sizeof(attr)), "idmap the root");
        must(close(userns), "close");
}

int main(int argc, char **argv)
{
        struct clone_args args = { .flags = NAMESPACES, .exit_signal = SIGCHLD };
        Parts p = { 0 };
        char name[32];
        int proc, status;
        pid_t pid;

        if (argc < 3) {
                fputs("usage: floor DIR COMMAND [ARGUMENT...]\n", stderr);
                return EXIT_FLOOR;
        }

        (void)umask(0); /* the modes of the nodes are meant as written; cannot fail */
        p.path = argv[1];
        p.root = must(open_tree(AT_FDCWD, p.path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), p.path);
        p.dev = make_dev();
        must(pipe2(p.go, O_CLOEXEC), "pipe");

        pid = must((int)syscall(SYS_clone3, &args, sizeof(args)), "clone3");
        if (pid == 0)
                run(&p, argv + 2);

        must(close(p.go[0]), "close");
        (void)snprintf(name, sizeof(name), "/proc/%d", (int)pid);
        proc = must(open(name, O_PATH | O_DIRECTORY | O_CLOEXEC), name);
        write_map(proc, "uid_map");
        write_map(proc, "gid_map");
        map_root(p.root, proc);
        must((int)write(p.go[1], "", 1), "start the child");

        must((int)waitpid(pid, &status, 0), "wait");
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
