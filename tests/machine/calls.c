/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * calls NUMBER...: makes each system call with five zeros and prints one line a call, number and
 * errno; at last what uname(2) says of the machine. Needs no library, so that it can be built for
 * the 32-bit ABI without one (-m32), and, with -DGATE_32, as a 64-bit program that goes through
 * the 32-bit gate.
 */

#if defined(__x86_64__) && !defined(GATE_32)
#define WRITE 1
#define UNAME 63
#define EXIT 60
static long call(long n, long a, long b, long c)
{
        register long d __asm__("r10") = 0;
        register long e __asm__("r8") = 0;

        __asm__ volatile("syscall"
                         : "+a"(n)
                         : "D"(a), "S"(b), "d"(c), "r"(d), "r"(e)
                         : "rcx", "r11", "memory");
        return n;
}
#else
#define WRITE 4
#define UNAME 122
#define EXIT 1
static long call(long n, long a, long b, long c)
{
        int r;

        __asm__ volatile("int $0x80"
                         : "=a"(r)
                         : "a"((int)n), "b"(a), "c"(b), "d"(c), "S"(0L), "D"(0L)
                         : "memory");
        return r;
}
#endif

/* Below 4 GiB in any build, as the 32-bit gate wants it. */
static char line[64], names[6][65];

static void print(const char *text, long length)
{
        for (long i = 0; i < length; i++)
                line[i] = text[i];
        line[length] = '\n';
        call(WRITE, 1, (long)line, length + 1);
}

static long digits(char *out, long n)
{
        long length = n > 9 ? digits(out, n / 10) : 0;

        out[length] = (char)('0' + n % 10);
        return length + 1;
}

__attribute__((used, noreturn)) static void start(long *stack)
{
        char **argv = (char **)(stack + 1), text[48];

        for (long i = 1; i < stack[0]; i++) {
                long n = 0, r, length;

                for (const char *c = argv[i]; *c; c++)
                        n = n * 10 + (*c - '0');
                r = call(n, 0, 0, 0);
                length = digits(text, n);
                text[length++] = ' ';
                print(text, length + digits(text + length, r < 0 ? -r : 0));
        }
        call(UNAME, (long)names, 0, 0);
        for (int i = 0; i < 65; i++)
                if (!names[4][i]) {
                        print(names[4], i);
                        break;
                }
        call(EXIT, 0, 0, 0);
        __builtin_unreachable();
}

#ifdef __x86_64__
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call start\n");
#else
__asm__(".globl _start\n_start: mov %esp, %eax\n and $-16, %esp\n push %eax\n push %eax\n push "
        "%eax\n push %eax\n call start\n");
#endif
