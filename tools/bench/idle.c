/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * idle: the whole operating system of the density measurement: a static PID 1 that sleeps until it
 * is told to stop, so that all memory and time that is left belongs to the supervisor and the
 * kernel.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* PID 1 is deaf to signals without a handler. The stop signal of systemd-nspawn --boot is
 * SIGRTMIN+3. */
static void on_stop(int sig)
{
        _exit(EXIT_SUCCESS);
}

int main(void)
{
        (void)signal(SIGTERM, on_stop);
        (void)signal(SIGRTMIN + 3, on_stop);
        for (;;)
                (void)pause();
}
