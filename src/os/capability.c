/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Capability names come from the kernel header at build time, the sets from capset(2) and prctl(2).
 * The child's sets are set in one place and read back in the same place, because a set that was
 * silently not dropped is isolation that silently is not there. Must not know about machines. */

#include "os/capability.h"

#include "base/buffer.h"
#include "base/parse.h"
#include "base/strv.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static const char capability_names[][32] = {
#include "os/capability-names.inc"
};

int capability_from_name(const char *name)
{
        uint32_t number;

        if (parse_uint32(name, &number) >= 0)
                return number < 64 ? (int)number : -EINVAL;
        for (size_t i = 0; i < ELEMENTSOF(capability_names); i++) {
                const char *full = capability_names[i];

                if (full[0] &&
                    (strcasecmp(name, full) == 0 || strcasecmp(name, full + strlen("CAP_")) == 0))
                        return (int)i;
        }
        return -EINVAL;
}

const char *capability_to_name(int cap)
{
        if (cap < 0 || (size_t)cap >= ELEMENTSOF(capability_names) || !capability_names[cap][0])
                return NULL;
        return capability_names[cap];
}

/* The kernel answers EINVAL for numbers beyond its last one, so /proc need not be mounted. */
int capability_last(void)
{
        int known = 0, unknown = 64;

        while (unknown - known > 1) {
                int middle = (known + unknown) / 2;

                if (prctl(PR_CAPBSET_READ, middle, 0, 0, 0) >= 0)
                        known = middle;
                else
                        unknown = middle;
        }
        return known;
}

static CapabilitySet capability_set_all(void)
{
        return UINT64_MAX >> (63 - capability_last());
}

int capability_set_parse(const char *words, CapabilitySet *ret)
{
        _cleanup_strv_ char **names = NULL;
        CapabilitySet set = 0;
        int r;

        r = strv_split(words, " \t\n,", &names);
        if (r < 0)
                return r;
        STRV_FOREACH (name, names) {
                if (strcasecmp(*name, "all") == 0) {
                        set |= capability_set_all();
                        continue;
                }
                r = capability_from_name(*name);
                if (r < 0)
                        return r;
                set |= CAP_BIT(r);
        }
        *ret = set;
        return 0;
}

int capability_set_to_string(CapabilitySet set, char **ret)
{
        _cleanup_buffer_ Buffer b = BUFFER_NULL;
        char *s;

        for (int cap = 0; cap < 64; cap++) {
                const char *name = capability_to_name(cap);

                if (!(set & CAP_BIT(cap)))
                        continue;
                if (b.size > 0)
                        buffer_puts(&b, " ");
                if (name)
                        buffer_puts(&b, name);
                else
                        buffer_printf(&b, "%d", cap);
        }
        s = buffer_steal(&b);
        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

int capability_bounding_get(CapabilitySet *ret)
{
        CapabilitySet set = 0;
        int last = capability_last();

        for (int cap = 0; cap <= last; cap++) {
                int r = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

                if (r < 0)
                        return -errno;
                if (r > 0)
                        set |= CAP_BIT(cap);
        }
        *ret = set;
        return 0;
}

typedef struct ThreadSets {
        CapabilitySet effective;
        CapabilitySet permitted;
        CapabilitySet inheritable;
} ThreadSets;

static int thread_sets_get(ThreadSets *ret)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

        if (syscall(SYS_capget, &header, data) < 0)
                return -errno;
        *ret = (ThreadSets){
                .effective = data[0].effective | (uint64_t)data[1].effective << 32,
                .permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
                .inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32,
        };
        return 0;
}

static int thread_sets_put(const ThreadSets *sets)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

        for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
                data[i].effective = (uint32_t)(sets->effective >> (32 * i));
                data[i].permitted = (uint32_t)(sets->permitted >> (32 * i));
                data[i].inheritable = (uint32_t)(sets->inheritable >> (32 * i));
        }
        return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int capability_suspend(CapabilitySet set, CapabilitySet *ret_had)
{
        ThreadSets sets;
        CapabilitySet had;
        int r = thread_sets_get(&sets);

        if (r < 0)
                return r;
        had = sets.effective & set;
        sets.effective &= ~set;
        r = had != 0 ? thread_sets_put(&sets) : 0;
        if (r >= 0)
                *ret_had = had;
        return r;
}

void capability_resume(CapabilitySet had)
{
        ThreadSets sets;

        if (had == 0 || thread_sets_get(&sets) < 0)
                return;
        sets.effective |= had;
        (void)thread_sets_put(&sets); /* they are permitted still */
}

static int bounding_reduce(CapabilitySet keep)
{
        CapabilitySet now;
        int r;

        r = capability_bounding_get(&now);
        if (r < 0)
                return r;
        for (int cap = 0; cap < 64; cap++)
                if ((now & ~keep & CAP_BIT(cap)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
                        return -errno;
        return 0;
}

static int ambient_set(CapabilitySet ambient)
{
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
                return -errno;
        for (int cap = 0; cap < 64; cap++)
                if ((ambient & CAP_BIT(cap)) &&
                    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
                        return -errno;
        return 0;
}

static int sets_read_back(CapabilitySet bounding, CapabilitySet ambient)
{
        ThreadSets sets;
        CapabilitySet set;
        int last = capability_last(), r;

        r = capability_bounding_get(&set);
        if (r < 0)
                return r;
        if (set != bounding)
                return -EPERM;
        r = thread_sets_get(&sets);
        if (r < 0)
                return r;
        if (sets.permitted != bounding || sets.effective != bounding || sets.inheritable != ambient)
                return -EPERM;
        set = 0;
        for (int cap = 0; cap <= last; cap++)
                if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) > 0)
                        set |= CAP_BIT(cap);
        return set == ambient ? 0 : -EPERM;
}

int capability_apply(CapabilitySet bounding, CapabilitySet ambient)
{
        ThreadSets sets;
        int r;

        if (ambient & ~bounding)
                return -EINVAL;

        /* After a change of user with PR_SET_KEEPCAPS everything is permitted and nothing
         * effective; dropping from the bounding set needs CAP_SETPCAP to be effective. */
        r = thread_sets_get(&sets);
        if (r < 0)
                return r;
        if (bounding & ~sets.permitted)
                return -EPERM;
        sets.effective = sets.permitted;
        r = thread_sets_put(&sets);
        if (r < 0)
                return r;

        r = bounding_reduce(bounding);
        if (r < 0)
                return r;
        r = thread_sets_put(&(ThreadSets){
                .effective = bounding, .permitted = bounding, .inheritable = ambient });
        if (r < 0)
                return r;
        r = ambient_set(ambient);
        if (r < 0)
                return r;
        return sets_read_back(bounding, ambient);
}
