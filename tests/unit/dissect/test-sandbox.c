/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a process can do that has entered the sandbox, each in one of its own. */

#include "../unit.h"

#include "base/cleanup.h"
#include "dissect/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef bool (*Attempt)(void);

static int result(Attempt attempt)
{
        int status = -1;
        pid_t pid = fork();

        if (pid == 0) {
                int fd = open("/proc/self/exe", O_RDONLY);

                if (fd < 0 || dup2(fd, 0) < 0 || sandbox_enter() < 0)
                        _exit(2);
                _exit(attempt() ? 0 : 1);
        }
        assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
        return status;
}

static bool is_refused(long r)
{
        return r < 0 && errno == EPERM;
}

static bool try_read(void)
{
        struct stat st;
        char c;

        return fstat(0, &st) == 0 && pread(0, &c, 1, 1) == 1 && lseek(0, 0, SEEK_END) > 0 &&
               write(STDERR_FILENO, "", 0) == 0;
}

static bool try_memory(void)
{
        void *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return p != MAP_FAILED && mprotect(p, 1 << 20, PROT_READ) == 0 && munmap(p, 1 << 20) == 0;
}

_unused_ static bool try_much_memory(void) /* not with a sanitizer */
{
        return mmap(NULL, 128 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                       MAP_FAILED &&
               errno == ENOMEM;
}

static bool try_code(void)
{
        void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        return p == MAP_FAILED && errno == EPERM &&
               is_refused(mprotect((void *)((uintptr_t)try_code & ~4095UL), 4096,
                                   PROT_READ | PROT_WRITE | PROT_EXEC));
}

static bool try_paths(void)
{
        return is_refused(open("/etc/passwd", O_RDONLY)) &&
               is_refused(open("/tmp/x", O_CREAT, 0)) && is_refused(unlink("/tmp/x")) &&
               is_refused(mkdir("/tmp/x", 0700)) &&
               is_refused(syscall(SYS_execve, "/bin/sh", NULL, NULL));
}

static bool try_others(void)
{
        return is_refused(socket(AF_UNIX, SOCK_STREAM, 0)) && is_refused(kill(1, 0)) &&
               is_refused(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) &&
               is_refused(syscall(SYS_ptrace, 0, 0, 0, 0)) && is_refused(setuid(0)) &&
               is_refused(dup(0)) && is_refused(setpriority(PRIO_PROCESS, 0, 1));
}

/* The first is a question, the second an order. */
static bool try_device(void)
{
        uint64_t size;

        return ioctl(0, BLKGETSIZE64, &size) < 0 && errno != EPERM &&
               is_refused(ioctl(0, BLKDISCARD, &size)) && is_refused(write(0, "", 1));
}

static bool try_for_ever(void)
{
        volatile bool ever = true;

        while (ever)
                ;
        return false;
}

static void test_attempts(void **state)
{
        static const Attempt attempts[] = { try_read,        try_memory, try_code,
#ifndef __SANITIZE_ADDRESS__
                                            try_much_memory,
#endif
                                            try_paths,       try_others, try_device };

        for (size_t i = 0; i < ELEMENTSOF(attempts); i++)
                assert_int_equal(result(attempts[i]), 0);
}

static void test_for_ever(void **state)
{
        int status = result(try_for_ever);

        assert_true(WIFSIGNALED(status));
        assert_true(WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_attempts),
                cmocka_unit_test(test_for_ever),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
