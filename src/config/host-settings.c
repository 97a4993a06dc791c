/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's settings: one file, few keys, each checked with its line. */

#include "config/host-settings.h"

#include "base/fd.h"
#include "base/parse.h"
#include "config/key-file.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_LIMIT (64 * 1024)
#define TURN_MAX (24 * 60 * 60)
#define PARALLEL_MAX 4096U /* a file each, opened at every start */
#define TEXT_OF_(x) #x
#define TEXT_OF(x) TEXT_OF_(x)
#define POOL_PREFIX_MIN 8
#define POOL_PREFIX_MAX 28 /* of less, hardly a machine could have its two addresses */

/* Starting a machine uses processors, and where they are short it only takes longer; where memory
 * is short, another machine makes it worse for all. */
const HostSettings host_settings_default = {
        .start_turn = 60,
        .start_cpu_pressure = 100,
        .start_io_pressure = 60,
        .start_memory_pressure = 20,
        /* RFC 6598: of a carrier's own network, so that no site has it already */
        .network_pool = { .family = AF_INET, .prefix = 10, .bytes = { 100, 64 } },
};

static int parse_parallel(void *field, const char *value, Error *error)
{
        uint32_t n;

        if (strcmp(value, "infinity") == 0) {
                *(unsigned *)field = PARALLEL_MAX;
                return 0;
        }
        if (parse_uint32(value, &n) < 0 || n < 1 || n > PARALLEL_MAX)
                return error_set(error, EINVAL,
                                 "not a number of machines; allowed are 1 to %u and infinity",
                                 PARALLEL_MAX);
        *(unsigned *)field = n;
        return 0;
}

static int parse_percent(void *field, const char *value, Error *error)
{
        _cleanup_free_ char *number = strndup(value, strcspn(value, "%"));
        uint32_t n;

        if (!number)
                return error_set(error, ENOMEM, "out of memory");
        if (strcmp(value + strlen(number), "%") != 0 || parse_uint32(number, &n) < 0 || n > 100)
                return error_set(error, EINVAL, "not a share of time; allowed are 0%% to 100%%");
        *(unsigned *)field = n;
        return 0;
}

static int parse_turn(void *field, const char *value, Error *error)
{
        uint64_t usec;

        if (parse_time(value, USEC_PER_SEC, &usec) < 0 || usec < USEC_PER_SEC ||
            usec > TURN_MAX * USEC_PER_SEC)
                return error_set(error, EINVAL, "not a time; allowed are 1s to 1day");
        *(unsigned *)field = (unsigned)(usec / USEC_PER_SEC);
        return 0;
}

static bool is_pool(const AddressSetting *a)
{
        return a->family == AF_INET && a->prefix >= POOL_PREFIX_MIN && a->prefix <= POOL_PREFIX_MAX;
}

/* RFC 4193: fd, then 40 bits that are the site's own. */
static bool is_pool6(const AddressSetting *a)
{
        return a->family == AF_INET6 && a->prefix == 48 && a->bytes[0] == 0xfd;
}

static int parse_network(void *field, const char *value, bool (*is_wanted)(const AddressSetting *a),
                         const char *otherwise, Error *error)
{
        AddressSetting a;
        int r = address_setting_parse_network(value, &a, error);

        if (r < 0)
                return r;
        if (!is_wanted(&a))
                return error_set(error, EINVAL, "%s", otherwise);
        *(AddressSetting *)field = a;
        return 0;
}

static int parse_pool(void *field, const char *value, Error *error)
{
        return parse_network(
                field, value, is_pool,
                "not an IPv4 network of /" TEXT_OF(
                        POOL_PREFIX_MIN) " to "
                                         "/" TEXT_OF(POOL_PREFIX_MAX) ", such as 100.64.0.0/10 or "
                                                                      "10.88.0.0/16",
                error);
}

static int parse_pool6(void *field, const char *value, Error *error)
{
        return parse_network(field, value, is_pool6,
                             "not a /48 of unique local addresses, such as fd12:3456:789a::/48",
                             error);
}

static const KeyFileKey keys[] = {
        { "Start", "Parallel", parse_parallel, offsetof(HostSettings, start_parallel) },
        { "Start", "TurnSec", parse_turn, offsetof(HostSettings, start_turn) },
        { "Start", "CPUPressure", parse_percent, offsetof(HostSettings, start_cpu_pressure) },
        { "Start", "IOPressure", parse_percent, offsetof(HostSettings, start_io_pressure) },
        { "Start", "MemoryPressure", parse_percent, offsetof(HostSettings, start_memory_pressure) },
        { "Network", "Pool", parse_pool, offsetof(HostSettings, network_pool) },
        { "Network", "Pool6", parse_pool6, offsetof(HostSettings, network_pool6) },
};

int host_settings_parse(const char *path, char *text, HostSettings *settings,
                        Diagnostics *diagnostics)
{
        return key_file_parse(path, text, keys, ELEMENTSOF(keys), settings, diagnostics);
}

int host_settings_load(const char *path, HostSettings *ret, Diagnostics *diagnostics, Error *error)
{
        HostSettings settings = host_settings_default;
        _cleanup_free_ char *text = NULL;
        ssize_t n = read_file_at(AT_FDCWD, path, SIZE_LIMIT, &text);

        if (n < 0 && n != -ENOENT)
                return error_errno(error, (int)-n, "Failed to read '%s'", path);
        if (n >= 0 && host_settings_parse(path, text, &settings, diagnostics) < 0)
                return error_set(error, ENOMEM, "Out of memory");
        *ret = settings;
        return 0;
}

AddressSetting host_settings_pool6(const HostSettings *settings, const Id128 *machine_id)
{
        AddressSetting pool = { .family = AF_INET6, .prefix = 48, .bytes = { 0xfd } };
        uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a, draft-eastlake-fnv */

        if (settings->network_pool6.family == AF_INET6)
                return settings->network_pool6;
        for (size_t i = 0; i < sizeof(machine_id->bytes); i++)
                hash = (hash ^ machine_id->bytes[i]) * UINT64_C(0x100000001b3);
        for (int i = 1; i < 6; i++, hash >>= 8)
                pool.bytes[i] = (uint8_t)(hash ^ hash >> 24);
        return pool;
}
