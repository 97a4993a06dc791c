/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The registry of running machines: state files under /run/stead/machines. Must not know how a
 * machine is started or what a verb prints. */

#include "machine/machine.h"

#include "base/fd.h"
#include "os/pidfd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

DEFINE_STRING_TABLE(machine_state, MachineState, "starting", "running", "stopping");
DEFINE_STRING_TABLE(init_kind, InitKind, "none", "systemd", "sysvinit", "openrc", "runit", "s6",
                    "busybox", "other");

#define STATE_FILE_MAX 65536

int machine_new(const char *name, Machine **ret)
{
        _cleanup_machine_ Machine *m = calloc(1, sizeof(Machine));

        if (!m)
                return -ENOMEM;
        m->leader_fd = m->launcher_fd = -EBADF;
        m->name = strdup(name);
        if (!m->name)
                return -ENOMEM;
        *ret = TAKE_PTR(m);
        return 0;
}

Machine *machine_free(Machine *m)
{
        if (!m)
                return NULL;
        closep(&m->leader_fd);
        closep(&m->launcher_fd);
        free(m->name);
        free(m->status);
        free(m->root);
        free(m->cgroup);
        free(m->seccomp);
        free(m->container_service);
        free(m->unit);
        free(m);
        return NULL;
}

char *machine_path(const char *name, const char *file)
{
        char *path = NULL;

        return asprintf(&path, MACHINES_DIRECTORY "/%s/%s", name, file) < 0 ? NULL : path;
}

int process_start_time(pid_t pid, uint64_t *ret)
{
        _cleanup_free_ char *text = NULL;
        char path[64], *p;
        ssize_t n;

        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        n = read_file_at(AT_FDCWD, path, 8192, &text);
        if (n < 0)
                return (int)n;
        p = strrchr(text, ')'); /* the name before it may hold anything */
        if (!p)
                return -EBADMSG;
        /* p + 2 is field 3, start time is field 22 (proc(5)) */
        for (int field = 2; field < 22; field++) {
                p = strchr(p, ' ');
                if (!p)
                        return -EBADMSG;
                p++;
        }
        return sscanf(p, "%" SCNu64, ret) == 1 ? 0 : -EBADMSG;
}

/* One line of the state file is one field of this table. */
typedef enum FieldType {
        FIELD_STRING,
        FIELD_UINT32,
        FIELD_UINT64,
        FIELD_HEX64,
        FIELD_BOOLEAN,
} FieldType;

static const struct {
        const char *key;
        FieldType type;
        size_t offset;
} fields[] = {
        { "STATUS", FIELD_STRING, offsetof(Machine, status) },
        { "LEADER", FIELD_UINT32, offsetof(Machine, leader) },
        { "LEADER_START", FIELD_UINT64, offsetof(Machine, leader_start) },
        { "LAUNCHER", FIELD_UINT32, offsetof(Machine, launcher) },
        { "LAUNCHER_START", FIELD_UINT64, offsetof(Machine, launcher_start) },
        { "ROOT", FIELD_STRING, offsetof(Machine, root) },
        { "CGROUP", FIELD_STRING, offsetof(Machine, cgroup) },
        { "UNIT", FIELD_STRING, offsetof(Machine, unit) },
        { "UID_BASE", FIELD_UINT32, offsetof(Machine, uid_base) },
        { "UID_SIZE", FIELD_UINT32, offsetof(Machine, uid_size) },
        { "PRIVATE_NETWORK", FIELD_BOOLEAN, offsetof(Machine, private_network) },
        { "STARTED_USEC", FIELD_UINT64, offsetof(Machine, started_usec) },
        { "READY_USEC", FIELD_UINT64, offsetof(Machine, ready_usec) },
        { "CAPABILITIES", FIELD_HEX64, offsetof(Machine, bounding) },
        { "NO_NEW_PRIVILEGES", FIELD_BOOLEAN, offsetof(Machine, no_new_privileges) },
        { "SECCOMP", FIELD_STRING, offsetof(Machine, seccomp) },
        { "SERVICE", FIELD_STRING, offsetof(Machine, container_service) },
};

static void print_field(const Machine *m, size_t i, Buffer *text)
{
        const void *p = (const char *)m + fields[i].offset;

        switch (fields[i].type) {
        case FIELD_STRING:
                if (*(char *const *)p)
                        buffer_printf(text, "%s=%s\n", fields[i].key, *(char *const *)p);
                break;
        case FIELD_UINT32:
                buffer_printf(text, "%s=%" PRIu32 "\n", fields[i].key, *(const uint32_t *)p);
                break;
        case FIELD_UINT64:
                buffer_printf(text, "%s=%" PRIu64 "\n", fields[i].key, *(const uint64_t *)p);
                break;
        case FIELD_HEX64:
                buffer_printf(text, "%s=0x%" PRIx64 "\n", fields[i].key, *(const uint64_t *)p);
                break;
        case FIELD_BOOLEAN:
                buffer_printf(text, "%s=%s\n", fields[i].key, *(const bool *)p ? "yes" : "no");
                break;
        }
}

static int set_field(Machine *m, size_t i, const char *value)
{
        void *p = (char *)m + fields[i].offset;
        int r;

        switch (fields[i].type) {
        case FIELD_STRING: {
                char *copy = strdup(value);

                if (!copy)
                        return -ENOMEM;
                free(*(char **)p);
                *(char **)p = copy;
                return 0;
        }
        case FIELD_UINT32:
                return parse_uint32(value, p);
        case FIELD_UINT64:
        case FIELD_HEX64:
                return parse_uint64(value, p);
        case FIELD_BOOLEAN:
                r = parse_boolean(value);
                if (r >= 0)
                        *(bool *)p = r;
                return r < 0 ? r : 0;
        }
        return -EINVAL;
}

/* The first one needs no care: half of it does not name a live launcher and leader, so a reader
 * takes the machine for one that is not there yet, as it is. */
static int write_state(int directory_fd, const char *text)
{
        _cleanup_close_ int fd =
                openat(directory_fd, "state", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        return fd >= 0 ? write_all(fd, text, strlen(text))
                       : write_file_atomic_at(directory_fd, "state", text, 0600);
}

int machine_save(const Machine *m, int directory_fd, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_NULL;
        char uuid[37];
        int r;

        buffer_printf(&text, "NAME=%s\nUUID=%s\nSTATE=%s\nINIT=%s\n", m->name,
                      id128_to_uuid(&m->uuid, uuid), machine_state_to_string(m->state),
                      init_kind_to_string(m->init));
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                print_field(m, i, &text);
        for (int i = 0; i < RLIM_NLIMITS; i++)
                buffer_printf(&text, "RLIMIT%d=%" PRIu64 ":%" PRIu64 "\n", i,
                              (uint64_t)m->rlimits[i].rlim_cur, (uint64_t)m->rlimits[i].rlim_max);
        r = buffer_error(&text);
        if (r >= 0)
                r = write_state(directory_fd, text.data);
        if (r < 0)
                return error_errno(error, -r, "Failed to write '" MACHINES_DIRECTORY "/%s/state'",
                                   m->name);
        return 0;
}

static int parse_line(Machine *m, const char *key, const char *value)
{
        int index;

        if (strcmp(key, "UUID") == 0)
                return parse_id128(value, &m->uuid) < 0 ? 0
                                                        : 0; /* a null id is not worth failing */
        if (strcmp(key, "STATE") == 0)
                return (int)(m->state = machine_state_from_string(value));
        if (strcmp(key, "INIT") == 0)
                return (int)(m->init = init_kind_from_string(value));
        if (sscanf(key, "RLIMIT%d", &index) == 1 && index >= 0 && index < RLIM_NLIMITS) {
                uint64_t soft, hard;

                if (sscanf(value, "%" SCNu64 ":%" SCNu64, &soft, &hard) != 2)
                        return -EBADMSG;
                m->rlimits[index] = (struct rlimit){ .rlim_cur = soft, .rlim_max = hard };
                return 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (strcmp(fields[i].key, key) == 0)
                        return set_field(m, i, value);
        return 0; /* a newer version's field */
}

static int machine_load(Machine *m)
{
        _cleanup_free_ char *path = machine_path(m->name, "state"), *text = NULL;
        char *next;
        ssize_t n;

        if (!path)
                return -ENOMEM;
        n = read_file_at(AT_FDCWD, path, STATE_FILE_MAX, &text);
        if (n < 0)
                return (int)n;
        for (char *line = text; line && *line; line = next) {
                char *equal;
                int r;

                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                equal = strchr(line, '=');
                if (!equal)
                        return -EBADMSG;
                *equal = '\0';
                r = parse_line(m, line, equal + 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A pidfd of @pid, if that is still the process that started at @start. */
static int pin(pid_t pid, uint64_t start)
{
        _cleanup_close_ int fd = pid > 0 ? pidfd_open_process(pid) : -ESRCH;
        uint64_t now;
        int r;

        if (fd < 0)
                return fd;
        r = process_start_time(pid, &now);
        if (r < 0)
                return r;
        /* a zombie keeps its number and start time until whoever inherited it looks */
        return now == start && pidfd_is_alive(fd) ? TAKE_FD(fd) : -ESRCH;
}

static int machine_read(const char *name, Machine **ret)
{
        _cleanup_machine_ Machine *m = NULL;
        int r = machine_new(name, &m);

        if (r < 0)
                return r;
        r = machine_load(m);
        if (r < 0)
                return r;
        m->launcher_fd = pin(m->launcher, m->launcher_start);
        if (m->launcher_fd < 0)
                return -ENXIO;
        m->leader_fd = pin(m->leader, m->leader_start);
        if (m->leader_fd < 0)
                return -ENXIO;
        *ret = TAKE_PTR(m);
        return 0;
}

int machine_open(const char *name, Machine **ret, Error *error)
{
        int r;

        if (name[0] == '\0' || name[0] == '.' || strchr(name, '/'))
                return error_set(error, EINVAL, "'%s' is not a machine name", name);
        r = machine_read(name, ret);
        if (r == -ENOENT || r == -ENXIO || r == -ESRCH) {
                error_set(error, ENXIO, "Machine '%s' is not running", name);
                error_hint(error, "stead start %s  (what runs: stead list)", name);
                return -ENXIO;
        }
        if (r < 0)
                return error_errno(error, -r, "Failed to read '" MACHINES_DIRECTORY "/%s/state'",
                                   name);
        return 0;
}

static int by_name(const void *a, const void *b)
{
        const Machine *const *x = a, *const *y = b;

        return strcmp((*x)->name, (*y)->name);
}

void machine_list_free(Machine **list, size_t n)
{
        for (size_t i = 0; i < n; i++)
                machine_free(list[i]);
        free(list);
}

int machine_list(Machine ***ret, size_t *ret_n, Error *error)
{
        _cleanup_closedir_ DIR *d = opendir(MACHINES_DIRECTORY);
        Machine **list = NULL;
        size_t n = 0;

        if (!d && errno != ENOENT)
                return error_errno(error, errno, "Failed to read '" MACHINES_DIRECTORY "'");
        for (struct dirent *e; d && (e = readdir(d));) {
                Machine **grown, *m;

                if (e->d_name[0] == '.' || machine_read(e->d_name, &m) < 0)
                        continue;
                grown = reallocarray(list, n + 1, sizeof(Machine *));
                if (!grown) {
                        machine_free(m);
                        machine_list_free(list, n);
                        return error_set(error, ENOMEM, "Out of memory");
                }
                list = grown;
                list[n++] = m;
        }
        if (n > 0)
                qsort(list, n, sizeof(Machine *), by_name);
        *ret = list;
        *ret_n = n;
        return 0;
}

int machine_directory_create(const char *name, int *ret_fd, Error *error)
{
        _cleanup_free_ char *path = NULL;
        int fd, r;

        if (asprintf(&path, MACHINES_DIRECTORY "/%s", name) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        r = mkdir_parents_at(AT_FDCWD, path, 0755);
        if (r < 0)
                return error_errno(error, -r, "Failed to create '%s'", path);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return error_errno(error, errno, "Failed to open '%s'", path);
        *ret_fd = fd;
        return 0;
}

void machine_directory_remove(const char *name)
{
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, MACHINES_DIRECTORY "/%s", name) < 0) {
                path = NULL;
                return;
        }
        (void)remove_tree_at(AT_FDCWD, path); /* a left-over counts as not running, see pin() */
}
