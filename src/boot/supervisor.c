/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the supervisor waits for, and what it does then: the life table decides, this file acts. One
 * thread, one epoll, nothing that blocks. */

#include "boot/supervisor-parts.h"

#include "boot/notify.h"
#include "boot/readiness.h"
#include "boot/stop.h"
#include "boot/unit.h"
#include "os/cgroup.h"
#include "os/pidfd.h"

#include "base/fd.h"
#include "os/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>

#define RETRY_USEC (50 * 1000) /* asking an init that cannot hear yet, ever less often */
#define RETRY_MAX_USEC (5 * USEC_PER_SEC)
#define READINESS_USEC (100 * 1000) /* looking whether a silent init is up */
#define CONSOLE_RETRY_USEC (50 * 1000)
#define NOTIFY_BATCH 64
#define SAME_REQUEST_USEC (300 * 1000)
#define REGISTRATION_USEC (5 * USEC_PER_SEC)

int supervisor_add(const Supervisor *s, int fd, Source source)
{
        struct epoll_event e = { .events = EPOLLIN, .data.u32 = source };

        return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

Supervisor *supervisor_free(Supervisor *s)
{
        if (!s)
                return NULL;
        console_done(&s->console);
        oom_watch_done(&s->oom_watch);
        free(s->ready);
        closep(&s->epoll_fd);
        closep(&s->signal_fd);
        /* signals stay blocked: what comes now must not end us before all is given back */
        free(s);
        return NULL;
}

int supervisor_new(Boot *boot, Supervisor **ret, Error *error)
{
        static const int signals[] = { SIGTERM,  SIGINT,  SIGHUP,  SIGUSR1, SIGCHLD,
                                       SIGWINCH, SIGTSTP, SIGPIPE, SIGCONT };
        _cleanup_(supervisor_freep) Supervisor *s = calloc(1, sizeof(Supervisor));
        sigset_t set;
        int r;

        if (!s)
                return error_set(error, ENOMEM, "Out of memory");
        s->boot = boot;
        s->signal_fd = -EBADF;
        s->oom_watch = OOM_WATCH_NULL;
        s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        (void)sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void)sigaddset(&set, signals[i]);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || s->epoll_fd < 0)
                return error_errno(error, errno, "Failed to set up the event loop");
        s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (s->signal_fd < 0 || supervisor_add(s, s->signal_fd, SOURCE_SIGNAL) < 0)
                return error_errno(error, errno, "Failed to set up signals");
        /* a plain command is over soon and has its own terminal: nobody attaches to it later */
        r = console_init(&s->console, boot->plan->console, s->epoll_fd,
                         boot->plan->start == START_INIT ? boot->directory_fd : -EBADF, &boot->log,
                         error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

static void save_state(Supervisor *s, MachineState state)
{
        struct timespec now;
        Machine *m = s->boot->machine;
        bool known = m->state == state && state == MACHINE_RUNNING && m->ready_usec != 0;

        if (known && !m->status)
                return; /* as it was announced */
        m->state = state;
        if (state == MACHINE_RUNNING && m->ready_usec == 0) {
                (void)clock_gettime(CLOCK_REALTIME, &now);
                m->ready_usec = (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
        }
        /* a full /run makes `stead list` show the state before; the machine is not harmed */
        (void)machine_save(m, s->boot->directory_fd, NULL);
}

/* Whoever started us finds the machine at machined, too, when we say that it is ready. */
static void tell_ready(Supervisor *s)
{
        if (!s->ready || s->boot->registering)
                return;
        (void)notify_send("%s", s->ready);
        free(s->ready);
        s->ready = NULL;
        supervisor_disarm(s, TIMER_REGISTRATION);
}

/* @how: "running", "starting". Once: after a reboot of the machine its unit has been up all the
 * time. */
static void plan_ready(Supervisor *s, const char *how)
{
        int pid = (int)s->boot->pid;

        if (s->announced)
                return;
        s->announced = true;
        if (asprintf(&s->ready,
                     "READY=1\nSTATUS=Machine %s is %s\nX_STEAD_LEADER_PID=%d\n"
                     "X_NSPAWN_LEADER_PID=%d",
                     s->boot->plan->machine, how, pid, pid) < 0)
                s->ready = NULL;
        if (s->boot->registering)
                supervisor_arm(s, TIMER_REGISTRATION, REGISTRATION_USEC);
        tell_ready(s);
}

/* Lets the next machine start. */
static void leave_gate(Supervisor *s)
{
        supervisor_disarm(s, TIMER_GATE);
        closep(&s->boot->start_gate_fd);
        s->boot->start_gate_fd = -EBADF;
}

static void announce_ready(Supervisor *s)
{
        leave_gate(s);
        supervisor_disarm(s, TIMER_READINESS);
        save_state(s, MACHINE_RUNNING);
        plan_ready(s, "running");
}

static void kill_all(Supervisor *s)
{
        if (s->boot->payload_fd >= 0)
                (void)cgroup_kill(s->boot->payload_fd, SIGKILL);
        (void)pidfd_signal(s->boot->pid_fd, SIGKILL); /* its end is the end of its pid namespace */
}

/* A command takes a moment to come through; a signal is heard at once or not at all. */
static uint64_t first_retry(const Supervisor *s)
{
        StopMethod method =
                s->rebooting ? s->boot->plan->reboot_method : s->boot->plan->stop_method;

        return method == STOP_COMMAND ? 2 * USEC_PER_SEC : RETRY_USEC;
}

/* Asks now, or arms the timer for another try. */
static void ask(Supervisor *s)
{
        int r = stop_ask(s->boot, s->rebooting);

        if (r == -EAGAIN) {
                supervisor_arm(s, TIMER_ASK, s->retry_usec);
                s->retry_usec = MIN_OF(s->retry_usec * 2, (uint64_t)RETRY_MAX_USEC);
        } else if (r < 0) {
                kill_all(s); /* nothing else is left */
        }
}

static void on_life(Supervisor *s, LifeEvent event)
{
        LifeStep step = life_step(s->state, event);

        bool begins = s->state < LIFE_LEAVING && step.next >= LIFE_LEAVING;

        if (begins || step.action == LIFE_ASK_STOP) {
                save_state(s, MACHINE_STOPPING);
                supervisor_arm(s, TIMER_PATIENCE, s->boot->plan->stop_timeout_usec);
                if (step.action == LIFE_ASK_STOP)
                        (void)notify_send("STOPPING=1\nSTATUS=Stopping machine %s",
                                          s->boot->plan->machine);
        }
        s->state = step.next;
        switch (step.action) {
        case LIFE_NOTHING:
                break;
        case LIFE_ANNOUNCE:
                announce_ready(s);
                break;
        case LIFE_ASK_STOP:
        case LIFE_ASK_REBOOT:
                s->rebooting = step.action == LIFE_ASK_REBOOT;
                s->retry_usec = first_retry(s);
                ask(s);
                break;
        case LIFE_KILL:
                s->rebooting &=
                        event == LIFE_EVENT_TIMEOUT; /* a hung machine still comes up again */
                supervisor_disarm(s, TIMER_ASK);
                kill_all(s);
                break;
        }
}

/* Suspended from our terminal: the machine stands still with us (CI-107). */
static void suspend(const Supervisor *s)
{
        if (s->boot->payload_fd >= 0)
                (void)write_file_at(s->boot->payload_fd, "cgroup.freeze", "1");
        (void)raise(SIGSTOP);
        if (s->boot->payload_fd >= 0)
                (void)write_file_at(s->boot->payload_fd, "cgroup.freeze", "0");
}

/* Helpers that we started inside (a stop command) leave zombies; the leader's status is kept. */
static void reap_helpers(const Supervisor *s)
{
        for (;;) {
                siginfo_t si = {};

                if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 || si.si_pid == 0 ||
                    si.si_pid == s->boot->pid)
                        return;
                (void)waitpid(si.si_pid, NULL, WNOHANG);
        }
}

/* One request often comes as two signals: timeout(1) tells us and then our whole process group, a
 * terminal sends SIGINT to all in front of it. Only a later one is a second request. */
static void on_stop_signal(Supervisor *s)
{
        uint64_t now = clock_now_usec();

        if (s->stop_usec == 0 || now - s->stop_usec > SAME_REQUEST_USEC)
                on_life(s, LIFE_EVENT_STOP);
        if (s->stop_usec == 0)
                s->stop_usec = now;
}

static void on_signal(Supervisor *s)
{
        struct signalfd_siginfo si;

        while (read(s->signal_fd, &si, sizeof(si)) == sizeof(si)) {
                switch (si.ssi_signo) {
                case SIGTERM:
                case SIGINT:
                        on_stop_signal(s);
                        break;
                case SIGHUP: /* our terminal is gone, often along with a SIGTERM: ask, never kill */
                        if (s->state == LIFE_STARTING || s->state == LIFE_RUNNING)
                                on_life(s, LIFE_EVENT_STOP);
                        break;
                case SIGUSR1:
                        on_life(s, LIFE_EVENT_REBOOT);
                        break;
                case SIGWINCH:
                        console_on_resize(&s->console);
                        break;
                case SIGTSTP:
                        suspend(s);
                        break;
                case SIGCHLD:
                        reap_helpers(s);
                        break;
                default:
                        break; /* SIGPIPE, SIGCONT: only kept from killing or stopping us */
                }
        }
}

static void on_escape(Supervisor *s)
{
        char text[160];

        (void)snprintf(text, sizeof(text),
                       s->state >= LIFE_STOPPING ? "Killing machine '%s'."
                                                 : "Asking machine '%s' to power off. Press ^] "
                                                   "three times again to kill it.",
                       s->boot->plan->machine);
        console_say(&s->console, text);
        on_life(s, LIFE_EVENT_STOP);
}

static void on_notify(Supervisor *s)
{
        PayloadNews news = {};
        int r;

        /* anybody inside may send: a flood must not keep us from timers and signals */
        for (unsigned i = 0; i < NOTIFY_BATCH; i++) {
                r = notify_receive(s->boot->notify_fd, s->boot->pid, &news);
                if (r < 0)
                        break;
                if (r == 0)
                        continue;
                if (news.status) {
                        free(s->boot->machine->status);
                        s->boot->machine->status = TAKE_PTR(news.status);
                        (void)notify_send("STATUS=Machine running: %s", s->boot->machine->status);
                        save_state(s, s->boot->machine->state);
                }
                if (news.ready)
                        on_life(s, LIFE_EVENT_READY);
                if (news.stopping)
                        on_life(s, LIFE_EVENT_GOING);
                payload_news_done(&news);
        }
}

static void on_timer(Supervisor *s, Timer timer)
{
        switch (timer) {
        case TIMER_ASK:
                ask(s);
                break;
        case TIMER_PATIENCE:
                if (!s->boot->plan->quiet)
                        fprintf(stderr, "Machine '%s' did not stop in time, killing it.\n",
                                s->boot->plan->machine);
                on_life(s, LIFE_EVENT_TIMEOUT);
                break;
        case TIMER_READINESS:
                if (readiness_check(s->boot->plan->init, s->boot->pid,
                                    clock_now_usec() - s->started_usec))
                        on_life(s, LIFE_EVENT_READY);
                else
                        supervisor_arm(s, TIMER_READINESS, READINESS_USEC);
                break;
        case TIMER_CONSOLE:
                console_retry(&s->console);
                break;
        case TIMER_GATE:
                leave_gate(s);
                break;
        case TIMER_REGISTRATION:
                s->boot->registering = false; /* its answer will be of no use */
                tell_ready(s);
                break;
        case TIMER_LIMITS:
        case TIMER_OOM:
        case TIMER_ADDRESSES:
        case TIMER_GATEWAY:
        case TIMER_UPLINK:
                supervisor_on_watch_timer(s, timer);
                break;
        case _TIMER_MAX:
                break;
        }
}

static void on_unit(Supervisor *s)
{
        switch (unit_on_message(s->boot)) {
        case UNIT_NEWS_STOP:
                if (s->state < LIFE_STOPPING)
                        on_life(s, LIFE_EVENT_STOP);
                break;
        case UNIT_NEWS_REGISTERED:
        case UNIT_NEWS_GONE:
                tell_ready(s);
                break;
        case UNIT_NEWS_NONE:
                break;
        }
}

/* Runs what is due; returns milliseconds until the next, -1 for never. */
static int run_timers(Supervisor *s)
{
        if (s->console.hung_up && s->timers[TIMER_CONSOLE] == USEC_INFINITY)
                supervisor_arm(s, TIMER_CONSOLE, CONSOLE_RETRY_USEC);
        for (unsigned i = 0; (i = supervisor_due_timer(s, i)) < _TIMER_MAX; i++)
                on_timer(s, (Timer)i);
        return supervisor_next_timer(s);
}

/* Returns 1 when PID 1 has ended. */
static int dispatch(Supervisor *s)
{
        struct epoll_event events[16];
        int n = epoll_wait(s->epoll_fd, events, ELEMENTSOF(events), run_timers(s));
        bool ended = false;

        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        for (int i = 0; i < n; i++) {
                switch (events[i].data.u32) {
                case SOURCE_SIGNAL:
                        on_signal(s);
                        break;
                case SOURCE_LEADER:
                        ended = true;
                        break;
                case SOURCE_NOTIFY:
                        on_notify(s);
                        break;
                case SOURCE_UNIT:
                        on_unit(s);
                        break;
                default:
                        if (!supervisor_on_watch(s, events[i].data.u32) &&
                            console_on_event(&s->console, events[i].data.u32) > 0)
                                on_escape(s);
                        break;
                }
        }
        return ended;
}

/* An end by a signal that is what our manager or the user wanted. */
static bool is_asked_for(const Supervisor *s)
{
        const BootPlan *plan = s->boot->plan;

        if (s->state == LIFE_STOPPING && plan->init == INIT_OTHER)
                return true;
        /* `systemctl stop` of a unit with a plain command, which has no other way to end */
        return s->stop_usec != 0 && plan->start == START_COMMAND && plan->keep_unit &&
               !plan->as_nspawn;
}

/* reboot(2) in a pid namespace ends its PID 1 as if by a signal: CI-159, CI-160. */
static int judge(const Supervisor *s, const siginfo_t *si, int *ret_status)
{
        bool wants_reboot = si->si_code != CLD_EXITED && si->si_status == SIGHUP;

        /* an init that knows no reboot just ends when asked; one that was on its way to a reboot
         * when it was asked to stop does not hear that any more */
        if (s->rebooting || (wants_reboot && s->state < LIFE_STOPPING))
                return SUPERVISOR_REBOOT;
        if (si->si_code == CLD_EXITED) {
                *ret_status = si->si_status;
                return SUPERVISOR_OFF;
        }
        if (si->si_status == SIGINT || wants_reboot || is_asked_for(s)) {
                *ret_status = 0;
                return SUPERVISOR_OFF;
        }
        *ret_status = s->boot->plan->start == START_INIT || s->boot->plan->as_nspawn
                              ? EXIT_FAILURE
                              : 128 + si->si_status;
        return SUPERVISOR_OFF;
}

static void begin(Supervisor *s)
{
        s->state = LIFE_STARTING;
        s->rebooting = false;
        s->stop_usec = 0;
        s->started_usec = clock_now_usec();
        for (unsigned i = 0; i < _TIMER_MAX; i++)
                supervisor_disarm(s, (Timer)i);
        if (s->boot->start_gate_fd >= 0)
                supervisor_arm(s, TIMER_GATE, s->boot->start_turn_usec);
        console_set_master(&s->console, s->boot->console_fd);
        if (s->boot->plan->start == START_INIT) {
                if (!readiness_is_announced(s->boot->plan->init))
                        supervisor_arm(s, TIMER_READINESS, READINESS_USEC);
                if (!s->boot->plan->notify_ready)
                        plan_ready(s, "starting"); /* is enough for whoever waits for us */
        } else if (!boot_plan_waits_for_ready(s->boot->plan)) {
                on_life(s, LIFE_EVENT_READY);
        }
        supervisor_begin_watches(s);
}

int supervisor_run(Supervisor *s, int *ret_status, Error *error)
{
        siginfo_t si = {};
        int r;

        r = supervisor_add(s, s->boot->pid_fd, SOURCE_LEADER);
        if (r >= 0)
                r = supervisor_add(s, s->boot->notify_fd, SOURCE_NOTIFY);
        if (r >= 0 && s->boot->unit_fd >= 0)
                r = supervisor_add(s, s->boot->unit_fd, SOURCE_UNIT);
        if (r < 0 && r != -EEXIST) /* stead-unit of a scope is there since before a reboot */
                return error_errno(error, -r, "Failed to watch machine '%s'",
                                   s->boot->plan->machine);
        begin(s);
        if (s->boot->unit_stop)
                on_life(s, LIFE_EVENT_STOP);
        do
                r = dispatch(s);
        while (r == 0);
        if (r < 0)
                return error_errno(error, -r, "Failed to wait for machine '%s'",
                                   s->boot->plan->machine);
        on_notify(s); /* the last words */
        supervisor_end_watches(s);
        console_drain(&s->console);
        r = pidfd_reap(s->boot->pid_fd, &si);
        if (r < 0)
                return error_errno(error, -r, "Failed to read how machine '%s' ended",
                                   s->boot->plan->machine);
        closep(&s->boot->pid_fd); /* leaves the epoll set, too */
        s->boot->pid_fd = -EBADF;
        return judge(s, &si, ret_status);
}
