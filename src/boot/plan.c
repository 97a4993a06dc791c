/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings to plan: decides everything that one start needs, and reads but never changes the
 * system. */

#include "boot/plan.h"

#include "base/strv.h"
#include "boot/credential.h"
#include "boot/init.h"
#include "boot/plan-parts.h"
#include "machine/pod-network.h"
#include "os/kernel.h"
#include "os/machine-id.h"
#include "os/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

BootPlan *boot_plan_free(BootPlan *p)
{
        if (!p)
                return NULL;
        free(p->machine);
        free(p->hostname);
        free(p->container_service);
        free(p->directory);
        free(p->files);
        strv_free(p->layers);
        free(p->pivot_root_new);
        free(p->pivot_root_old);
        if (p->root_mount)
                mount_setting_done(p->root_mount);
        free(p->root_mount);
        strv_free(p->argv);
        free(p->argv0);
        free(p->emulator);
        strv_free(p->environment);
        free(p->user);
        free(p->groups);
        free(p->working_directory);
        free(p->network_namespace_path);
        free(p->pod);
        network_plan_done(&p->network);
        strv_free(p->system_calls_allowed);
        strv_free(p->system_calls_denied);
        strv_free(p->resources);
        free(p->settings);
        free(p->slice);
        strv_free(p->unit_properties);
        free(p->selinux_context);
        free(p->selinux_apifs_context);
        free(p->timezone_name);
        for (size_t i = 0; i < p->n_mounts; i++)
                mount_setting_done(&p->mounts[i]);
        free(p->mounts);
        for (size_t i = 0; i < p->n_credentials; i++)
                credential_setting_done(&p->credentials[i]);
        free(p->credentials);
        for (size_t i = 0; i < p->n_bind_users; i++)
                bind_user_done(&p->bind_users[i]);
        free(p->bind_users);
        free(p);
        return NULL;
}

static int out_of_memory(Error *error)
{
        return error_set(error, ENOMEM, "Out of memory");
}

static void plan_console(BootPlan *plan, const Settings *s)
{
        bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);

        plan->console = s->console;
        if (plan->console == CONSOLE_DEFAULT)
                plan->console = terminal ? CONSOLE_INTERACTIVE : CONSOLE_READ_ONLY;
        else if (plan->console == CONSOLE_AUTOPIPE)
                plan->console = terminal ? CONSOLE_INTERACTIVE : CONSOLE_PIPE;
        plan->quiet = s->quiet || plan->console == CONSOLE_PIPE;
}

static int plan_capabilities(BootPlan *plan, const Settings *s, Error *error)
{
        CapabilitySet set = CAPABILITIES_DEFAULT;

        if (plan->pod) /* root there would be root over the network of all members */
                set &= ~CAP_BIT(CAP_NET_ADMIN);
        else if (plan->private_network)
                set |= CAP_BIT(CAP_NET_ADMIN);
        else if (boot_plan_has_user_namespace(plan))
                set &= ~CAP_BIT(CAP_NET_BIND_SERVICE); /* it could not be used there: CI-110 */
        set |= s->capability | s->ambient_capability;
        set &= ~s->drop_capability;
        if (s->ambient_capability != 0 && plan->start == START_INIT)
                return error_set(
                        error, EINVAL,
                        "Ambient capabilities are for a plain command, not for a booted init");
        plan->bounding = set;
        plan->ambient = s->ambient_capability & set;
        return 0;
}

static int plan_filter(BootPlan *plan, const Settings *s, Error *error)
{
        STRV_FOREACH (w, s->system_call_filter) {
                bool denied = **w == '~';

                if (strv_push(denied ? &plan->system_calls_denied : &plan->system_calls_allowed,
                              *w + denied) < 0)
                        return out_of_memory(error);
        }
        plan->suppress_sync = s->suppress_sync;
        plan->no_new_privileges = s->no_new_privileges;
        return 0;
}

static int plan_network(BootPlan *plan, Settings *s, Error *error)
{
        Id128 host = {};

        plan->pod = TAKE_PTR(s->pod);
        plan->network_namespace_path = TAKE_PTR(s->network_namespace_path);
        plan->private_network = s->private_network || plan->network_namespace_path;
        if (s->private_network)
                (void)machine_id_of_host(&host); /* without an id: the addresses of its kind */
        if (network_plan_make(s, plan->machine, &host, &plan->network, error) < 0)
                return -error->number;
        if (plan->pod) {
                plan->network_namespace_path = pod_network_path(plan->pod, "netns");
                plan->private_network = true;
                return plan->network_namespace_path ? 0 : out_of_memory(error);
        }
        if (plan->network_namespace_path && access(plan->network_namespace_path, F_OK) < 0) {
                error_errno(error, errno, "Network namespace '%s'", plan->network_namespace_path);
                error_hint(error, "ip netns list  (ip netns add NAME makes /run/netns/NAME)");
                return -error->number;
        }
        return 0;
}

static int by_depth(const void *a, const void *b)
{
        const MountSetting *x = a, *y = b;
        size_t n = strlen(x->destination);

        /* a mount comes before those below it; others keep their order (origin as tie break would
         * not help: qsort of few equal elements in glibc is a stable merge) */
        if (strncmp(x->destination, y->destination, n) == 0 && y->destination[n] == '/')
                return -1;
        n = strlen(y->destination);
        if (strncmp(x->destination, y->destination, n) == 0 && x->destination[n] == '/')
                return 1;
        return 0;
}

static void sort_mounts(BootPlan *plan)
{
        /* the order is partial: each goes before the first that is below it, past any strangers */
        for (size_t i = 1; i < plan->n_mounts; i++) {
                MountSetting m = plan->mounts[i];
                size_t k = 0;

                while (k < i && by_depth(&plan->mounts[k], &m) <= 0)
                        k++;
                memmove(&plan->mounts[k + 1], &plan->mounts[k], (i - k) * sizeof(m));
                plan->mounts[k] = m;
        }
}

static int plan_content(BootPlan *plan, Settings *s, Error *error)
{
        char target[PATH_MAX];
        ssize_t n = readlink("/etc/localtime", target, sizeof(target) - 1);
        const char *zone;

        plan->resolv_conf = s->resolv_conf;
        plan->timezone = s->timezone;
        plan->link_journal = s->link_journal;
        if (n > 0) {
                target[n] = '\0';
                zone = strstr(target, "/zoneinfo/");
                if (zone) {
                        plan->timezone_name = strdup(zone + strlen("/zoneinfo/"));
                        if (!plan->timezone_name)
                                return out_of_memory(error);
                }
        }
        plan->mounts = TAKE_PTR(s->mounts);
        plan->n_mounts = s->n_mounts;
        s->n_mounts = 0;
        sort_mounts(plan);
        for (size_t i = 0; i < plan->n_mounts; i++) {
                const MountSetting *m = &plan->mounts[i];

                plan->mounts_in_tmp |= strncmp(m->destination, "/tmp/", 5) == 0 ||
                                       strcmp(m->destination, "/tmp") == 0;
                STRV_FOREACH (source, m->sources)
                        plan->mounts_of_tree |= **source == '+';
        }
        plan->credentials = TAKE_PTR(s->credentials);
        plan->n_credentials = s->n_credentials;
        s->n_credentials = 0;
        for (size_t i = 0; i < plan->n_credentials; i++) {
                int r = credential_load(&plan->credentials[i], error);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* sd_listen_fds(3): only if they are meant for us. */
static void plan_listen(BootPlan *plan)
{
        const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
        uint32_t p, n;

        if (pid && fds && parse_uint32(pid, &p) >= 0 && (pid_t)p == getpid() &&
            parse_uint32(fds, &n) >= 0 && n < INT_MAX / 2)
                plan->n_listen = n;
}

static int plan_pivot_root(BootPlan *plan, const Settings *s, Error *error)
{
        const char *colon;

        if (!s->pivot_root)
                return 0;
        colon = strchr(s->pivot_root, ':');
        plan->pivot_root_new = colon ? strndup(s->pivot_root, (size_t)(colon - s->pivot_root))
                                     : strdup(s->pivot_root);
        if (!plan->pivot_root_new)
                return out_of_memory(error);
        if (!colon)
                return 0;
        plan->pivot_root_old = strdup(colon + 1);
        if (!plan->pivot_root_old)
                return out_of_memory(error);
        if (strspn(plan->pivot_root_old, "/") < strlen(plan->pivot_root_old))
                return 0;
        error_set(error, EINVAL, "The old root cannot be shown at '/', where the new one is");
        error_hint(error, "--pivot-root=%s:/sysroot", plan->pivot_root_new);
        return -EINVAL;
}

static int plan_files(BootPlan *plan, Error *error)
{
        if (asprintf(&plan->files, "%s%s", plan->directory, plan->layers ? "/" STATE_UPPER : "") >=
            0)
                return 0;
        plan->files = NULL;
        return out_of_memory(error);
}

/* What is mounted on the whole root leaves the list of mounts below it. */
static int plan_root_mount(BootPlan *plan, Settings *s, Error *error)
{
        for (size_t i = 0; i < s->n_mounts;) {
                MountSetting *m = &s->mounts[i];

                if (strcmp(m->destination, "/") != 0) {
                        i++;
                        continue;
                }
                if (plan->root_mount || m->sources[0][0] == '\0') {
                        error_set(error, EINVAL, "%s: %s", m->origin,
                                  plan->root_mount ? "a second mount on '/'"
                                                   : "an empty directory cannot be the root");
                        error_hint(error, plan->root_mount ? "give one mount on '/'"
                                                           : "--volatile=yes, or name a source");
                        return -EINVAL;
                }
                plan->root_mount = malloc(sizeof(MountSetting));
                if (!plan->root_mount)
                        return out_of_memory(error);
                *plan->root_mount = *m;
                memmove(m, m + 1, (--s->n_mounts - i) * sizeof(MountSetting));
        }
        return 0;
}

/* What the machine's files are read from: its root, or of an overlay the lowest layer, since no one
 * without privilege can look at a finished one. */
static int open_root(const BootPlan *plan, struct stat *ret_st, Error *error)
{
        _cleanup_close_ int top = open(plan->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        const char *path = plan->root_mount ? plan->root_mount->sources[0] : NULL;
        int fd;

        if (top < 0 || fstat(top, ret_st) < 0 || faccessat(top, ".", R_OK | X_OK, AT_EACCESS) < 0) {
                error_errno(error, errno, "Cannot read tree '%s'", plan->directory);
                error_hint(error, "ls -ld %s  (and run as root)", plan->directory);
                return -error->number;
        }
        if (path && path[0] != '+') {
                fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
                return fd < 0 ? error_errno(error, errno, "%s: cannot open '%s'",
                                            plan->root_mount->origin, path)
                              : fd;
        }
        path = path ? path + 1 : plan->pivot_root_new;
        if (!path)
                return TAKE_FD(top);
        fd = path_open(top, path, O_PATH | O_DIRECTORY, 0);
        return fd < 0 ? error_errno(error, -fd, "Cannot open '%s' in tree '%s'", path,
                                    plan->directory)
                      : fd;
}

int boot_check_kernel(bool mounts, Error *error)
{
        const KernelCall *missing = kernel_missing_call(mounts);

        if (!missing)
                return 0;
        error_set(error, ENOSYS,
                  "The system call %s is not to be had: the kernel is older than Linux %s, or a "
                  "sandbox "
                  "around us filters it",
                  missing->name, missing->version);
        error_hint(error, "uname -r; grep Seccomp /proc/self/status  (2: there is a filter)");
        return -ENOSYS;
}

static int plan_root(BootPlan *plan, Settings *s, const RootSource *source, Error *error)
{
        if (source->layers)
                return plan_layers(plan, source->layers, error);
        return source->disk ? plan_disk(plan, s, source->disk, error)
                            : plan_directory(plan, s, error);
}

/* Of layers and disk images the finished root is looked at, since what they say is only known
 * together. */
static int open_view(const BootPlan *plan, const RootSource *source, struct stat *ret_st,
                     Error *error)
{
        _cleanup_close_ int top = -EBADF;
        int fd;

        if (!source->layers && !source->disk)
                return open_root(plan, ret_st, error);
        top = root_source_view(source, ret_st, error);
        if (top < 0 || !plan->pivot_root_new)
                return TAKE_FD(top);
        fd = path_open(top, plan->pivot_root_new, O_PATH | O_DIRECTORY, 0);
        return fd < 0 ? error_errno(error, -fd, "Cannot open '%s' in '%s'", plan->pivot_root_new,
                                    plan->directory)
                      : fd;
}

/* What needs no more than to be taken over. */
static int plan_as_told(BootPlan *plan, Settings *s)
{
        plan->ephemeral = s->ephemeral;
        plan->volatile_mode = s->volatile_mode;
        plan->read_only = s->read_only || s->volatile_mode == VOLATILE_YES ||
                          s->volatile_mode == VOLATILE_STATE;
        plan->tmpfs_tmp = s->tmpfs_tmp;
        plan->personality = s->personality;
        plan->api_vfs_writable = s->api_vfs_writable;
        plan->notify_ready = s->notify_ready;
        plan->oom_score_adjust = s->oom_score_adjust;
        plan->oom_score_adjust_set = s->oom_score_adjust_set;
        plan->cpu_affinity = s->cpu_affinity;
        plan->cpu_affinity_set = s->cpu_affinity_set;
        plan->resources = TAKE_PTR(s->resources);
        plan->as_nspawn = s->as_nspawn;
        plan->keep_unit = s->keep_unit;
        plan->slice = TAKE_PTR(s->slice);
        plan->unit_properties = TAKE_PTR(s->unit_properties);
        plan->register_mode = s->register_mode;
        plan->selinux_context = TAKE_PTR(s->selinux_context);
        plan->selinux_apifs_context = TAKE_PTR(s->selinux_apifs_context);
        plan->container_service =
                s->container_service ? TAKE_PTR(s->container_service) : strdup("stead");
        return plan->container_service ? 0 : -ENOMEM;
}

int boot_plan_new(Settings *s, const RootSource *source, BootPlan **ret, Error *error)
{
        static const RootSource plain_tree = {};
        _cleanup_plan_ BootPlan *plan = calloc(1, sizeof(BootPlan));
        _cleanup_close_ int root_fd = -EBADF;
        struct stat root;
        int r;

        if (!plan)
                return out_of_memory(error);
        if (!source)
                source = &plain_tree;
        r = plan_as_told(plan, s);
        if (r < 0)
                return out_of_memory(error);
        r = boot_check_kernel(false, error);
        if (r < 0)
                return r;
        plan_console(plan, s);
        plan_listen(plan);

        r = plan_root(plan, s, source, error);
        if (r >= 0)
                r = plan_files(plan, error);
        if (r >= 0)
                r = plan_pivot_root(plan, s, error);
        if (r >= 0)
                r = plan_root_mount(plan, s, error);
        if (r >= 0)
                r = root_fd = open_view(plan, source, &root, error);
        if (r >= 0)
                r = plan_name(plan, s, error);
        if (r >= 0)
                r = plan_uuid(plan, s, root_fd, error);
        if (r >= 0)
                r = plan_program(plan, s, root_fd, error);
        if (r >= 0)
                r = plan_os_release(plan, s, root_fd, error);
        if (r >= 0)
                r = plan_systemd_age(plan, root_fd, error);
        if (r >= 0)
                r = plan_user(plan, s, root_fd, error);
        if (r >= 0)
                r = plan_users(plan, s, &root, root_fd, error);
        if (r >= 0)
                r = plan_network(plan, s, error);
        if (r >= 0)
                r = plan_capabilities(plan, s, error);
        if (r >= 0)
                r = plan_filter(plan, s, error);
        if (r >= 0)
                r = plan_content(plan, s, error);
        if (r >= 0)
                r = plan_architecture(plan, root_fd, error);
        if (r >= 0)
                r = plan_limits(plan, s, error);
        if (r >= 0)
                r = plan_environment(plan, s, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(plan);
        return 0;
}
