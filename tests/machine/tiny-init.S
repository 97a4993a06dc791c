/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An operating system of less than 1 kB, for x86-64: no library, no file, no memory of its own.
 * With no word it is an init: says that it is up, reaps, and at SIGTERM ends with status 7. With one
 * it prints that word and ends with status 5.
 */

#define SYS_write 1
#define SYS_rt_sigprocmask 14
#define SYS_wait4 61
#define SYS_rt_sigtimedwait 128
#define SYS_exit_group 231
#define SIGTERM 15
#define SIGCHLD 17
#define WNOHANG 1

        .globl _start
_start: mov     16(%rsp), %rsi          /* argv[1] */
        test    %rsi, %rsi
        jnz     word

        lea     up(%rip), %rsi
        push    $3
        pop     %rdx
        call    say
        push    $SYS_rt_sigprocmask     /* SIG_BLOCK is 0 */
        pop     %rax
        xor     %edi, %edi
        lea     signals(%rip), %rsi
        xor     %edx, %edx
        push    $8
        pop     %r10
        syscall

next:   mov     $SYS_rt_sigtimedwait, %eax
        lea     signals(%rip), %rdi
        xor     %esi, %esi
        xor     %edx, %edx
        push    $8
        pop     %r10
        syscall
        cmp     $SIGCHLD, %eax
        je      reap
        cmp     $SIGTERM, %eax
        jne     next

        lea     down(%rip), %rsi
        push    $5
        pop     %rdx
        call    say
        push    $7
leave:  pop     %rdi
        mov     $SYS_exit_group, %eax
        syscall

reap:   push    $SYS_wait4
        pop     %rax
        push    $-1
        pop     %rdi
        xor     %esi, %esi
        push    $WNOHANG
        pop     %rdx
        xor     %r10d, %r10d
        syscall
        test    %rax, %rax
        jg      reap
        jmp     next

word:   xor     %edx, %edx
1:      inc     %edx
        cmpb    $0, (%rsi, %rdx)
        jne     1b
        movb    $'\n', (%rsi, %rdx)     /* in place of its end */
        inc     %edx
        call    say
        push    $5
        jmp     leave

say:    push    $SYS_write
        pop     %rax
        push    $1
        pop     %rdi
        syscall
        ret

signals: .quad  (1 << (SIGTERM - 1)) | (1 << (SIGCHLD - 1))
up:     .ascii  "up\n"
down:   .ascii  "down\n"

        .section .note.GNU-stack, "", @progbits
