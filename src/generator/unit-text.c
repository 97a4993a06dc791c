/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text of drop-ins. What the definition says itself comes last in its section, so that it wins
 * over what we found. */

#include "generator/unit-text.h"

#include "generator/disk-image.h"

#include "base/strv.h"
#include "config/resource.h"

#include <string.h>

#define STOP_MARGIN_USEC (10 * USEC_PER_SEC) /* for the launcher to clean up after a kill */
#define SUMMARY_MAX 160                      /* characters of an error in Description= */

/* A word for systemd: no specifiers, no quotes of its own, no end at a blank. */
static void put_path(Buffer *out, const char *path)
{
        for (; *path; path++) {
                if (*path == '%')
                        buffer_puts(out, "%");
                else if (strchr(" \t\"'\\", *path))
                        buffer_puts(out, "\\");
                buffer_append(out, path, 1);
        }
}

/* A whole value, in which only specifiers mean something. File names may hold anything. */
static void put_text(Buffer *out, const char *text, size_t max)
{
        for (size_t n = 0; *text; text++, n++) {
                unsigned char c = (unsigned char)*text;

                if (n >= max && (c & 0xc0) != 0x80) {
                        buffer_puts(out, "...");
                        return;
                }
                buffer_append(out, c < ' ' || c == 0x7f ? "?" : text, 1);
                if (c == '%')
                        buffer_puts(out, "%");
        }
}

static const Diagnostic *first_error(const Diagnostics *d)
{
        for (size_t i = 0; i < d->n; i++)
                if (d->items[i].severity == DIAGNOSTIC_ERROR)
                        return &d->items[i];
        return NULL;
}

/* The unit must not vanish for an error: it fails when it is started, since the launcher reads the
 * same definition, and until then `systemctl status` and list-units say why. */
static void put_error(const Source *s, Buffer *out)
{
        const Diagnostic *e = first_error(&s->diagnostics);

        if (!e)
                return;
        buffer_printf(out,
                      "Description=%s %s, whose definition is wrong: ", s->pod ? "Pod" : "Machine",
                      s->definition->name);
        put_text(out, e->origin, SUMMARY_MAX);
        buffer_puts(out, ": ");
        put_text(out, e->message, SUMMARY_MAX);
        buffer_puts(out, "\n");
}

static void put_passed(const Source *s, const char *section, Buffer *out)
{
        const Definition *d = s->definition;

        for (size_t i = 0; i < d->n_passed; i++)
                if (strcmp(d->passed[i].section, section) == 0)
                        buffer_printf(out, "%s=%s\n", d->passed[i].key, d->passed[i].value);
}

/* Whether systemd reads % as a specifier in this key. It is none in the values of our table. */
static bool has_specifiers(const ResourceKey *key)
{
        return key->type == RESOURCE_DEVICE_RATE || key->type == RESOURCE_DEVICE_WEIGHT ||
               key->type == RESOURCE_DEVICE_TIME || key->type == RESOURCE_DEVICE_ALLOW ||
               key->type == RESOURCE_PATHS || key->type == RESOURCE_BPF_PROGRAM;
}

static void put_resources(const Source *s, Buffer *out)
{
        const Definition *d = s->definition;

        for (size_t i = 0; i < d->n_passed; i++) {
                const PassedKey *k = &d->passed[i];
                const ResourceKey *key =
                        strcmp(k->section, "Resources") == 0 ? resource_key(k->key) : NULL;

                if (!key)
                        continue;
                buffer_printf(out, "%s=", k->key);
                if (has_specifiers(key))
                        put_text(out, k->value, SIZE_MAX);
                else
                        buffer_puts(out, k->value);
                buffer_puts(out, "\n");
        }
}

static void put_timeout(const Settings *settings, Buffer *out)
{
        uint64_t usec = settings->stop_timeout_usec;

        if (!settings_is_set(settings, "stop-timeout"))
                return;
        if (usec >= USEC_INFINITY - STOP_MARGIN_USEC) {
                buffer_puts(out, "TimeoutStopSec=infinity\n");
                return;
        }
        usec += STOP_MARGIN_USEC;
        if (usec % USEC_PER_SEC == 0)
                buffer_printf(out, "TimeoutStopSec=%llus\n",
                              (unsigned long long)(usec / USEC_PER_SEC));
        else
                buffer_printf(out, "TimeoutStopSec=%lluus\n", (unsigned long long)usec);
}

/* A member needs its pod, and is counted with the others of it. */
static void put_pod(const Source *s, Buffer *out)
{
        if (s->settings && s->settings->pod)
                buffer_printf(out, "Requires=stead-pod@%s.service\nAfter=stead-pod@%s.service\n",
                              s->settings->pod, s->settings->pod);
}

static void put_slice(const Source *s, Buffer *out)
{
        if (!s->settings || !s->settings->pod)
                return;
        buffer_puts(out, "Slice=");
        (void)unit_text_slice_name(s->settings->pod, out); /* out of memory is sticky */
        buffer_puts(out, "\n");
}

/* The launcher keeps DiskMax= by a file system in a file where the host has no quotas; which it
 * will be is not known here. */
static void put_devices(const Source *s, Buffer *out)
{
        if (s->disk)
                disk_image_put_devices(out);
        if (s->settings && s->settings->layers && (s->settings->disk_max > 0 || s->has_image))
                buffer_puts(out, "DeviceAllow=/dev/loop-control rw\nDeviceAllow=block-loop rw\n");
}

int unit_text_format(const Source *s, const Source *sources, Buffer *out)
{
        buffer_printf(out, "# Made by stead-generator for machine %s\n\n[Unit]\nSourcePath=",
                      s->definition->name);
        put_text(out, source_path(s), SIZE_MAX);
        buffer_puts(out, "\n");
        STRV_FOREACH (p, s->paths) {
                buffer_puts(out, "RequiresMountsFor=");
                put_path(out, *p);
                buffer_puts(out, "\n");
        }
        for (size_t i = s->n_told; i < s->n_after; i++)
                buffer_printf(out, "After=stead@%s.service\n",
                              sources[s->after[i]].definition->name);
        put_pod(s, out);
        put_passed(s, "Unit", out);
        put_error(s, out);
        buffer_puts(out, "\n[Service]\n");
        put_slice(s, out);
        if (s->settings)
                put_timeout(s->settings, out);
        put_devices(s, out);
        put_passed(s, "Service", out);
        put_resources(s, out);
        return buffer_error(out);
}

int unit_text_slice_name(const char *pod, Buffer *out)
{
        buffer_puts(out, "machine-");
        for (; *pod; pod++)
                if (*pod == '-')
                        buffer_puts(out, "\\x2d");
                else
                        buffer_append(out, pod, 1);
        buffer_puts(out, ".slice");
        return buffer_error(out);
}

static void put_head(const Source *s, Buffer *out)
{
        buffer_printf(out, "# Made by stead-generator for pod %s\n\n[Unit]\nSourcePath=",
                      s->definition->name);
        put_text(out, source_path(s), SIZE_MAX);
        buffer_puts(out, "\n");
}

bool unit_text_has_health(const Source *s)
{
        const Definition *d = s->definition;
        bool has = false;

        if (s->settings && s->settings->service_addresses.n > 0)
                return true;
        for (size_t i = 0; i < d->n_passed; i++)
                if (strcmp(d->passed[i].section, "Health") == 0 &&
                    strcmp(d->passed[i].key, "Command") == 0)
                        has = *d->passed[i].value;
        return has;
}

int unit_text_format_health(const Source *s, const Source *machines, size_t n, Buffer *out)
{
        put_head(s, out);
        for (size_t i = 0; i < n; i++)
                if (source_is_member(&machines[i], s->definition->name))
                        buffer_printf(out, "After=stead@%s.service\n",
                                      machines[i].definition->name);
        return buffer_error(out);
}

int unit_text_format_pod(const Source *s, Buffer *out)
{
        put_head(s, out);
        if (unit_text_has_health(s))
                buffer_printf(out, "Wants=stead-pod-health@%s.service\n", s->definition->name);
        put_passed(s, "Unit", out);
        put_error(s, out);
        return buffer_error(out);
}

int unit_text_format_slice(const Source *s, Buffer *out)
{
        put_head(s, out);
        buffer_printf(out, "Description=Machines of pod %s\n\n[Slice]\n", s->definition->name);
        put_resources(s, out);
        return buffer_error(out);
}
