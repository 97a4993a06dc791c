/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One call a connection: JSON with a NUL behind it, there and back (varlink.org). */

#include "bus/machined-varlink.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define SOCKET "/run/systemd/machine/io.systemd.Machine"
#define PATIENCE_MS 2000
#define REPLY_MAX 65536
#define TRIES 3

#define _cleanup_json_ _cleanup_(json_decrefp)

/* Only a machined that runs answers. It is never started for this: it needs a bus itself, and a bus
 * daemon that starts then asks machined for users, so that each waits for the other. */
static int connect_socket(void)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET };

        if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* Up to the NUL. */
static int read_reply(int fd, char *buffer, size_t size)
{
        size_t n = 0;

        for (;;) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                ssize_t got;
                int r = poll(&p, 1, PATIENCE_MS);

                if (r < 0 && errno == EINTR)
                        continue;
                if (r <= 0)
                        return r < 0 ? -errno : -ETIMEDOUT;
                got = read(fd, buffer + n, size - n);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0)
                        return got < 0 ? -errno : -ECONNRESET;
                n += (size_t)got;
                if (memchr(buffer, '\0', n))
                        return 0;
                if (n == size)
                        return -EMSGSIZE;
        }
}

/* Calls io.systemd.Machine.@method. @ret_error is the name of machined's error, or NULL. */
static int call(const char *method, json_t *parameters_consume, char **ret_error)
{
        _cleanup_json_ json_t *parameters = parameters_consume, *request = NULL, *reply = NULL;
        _cleanup_free_ char *name = NULL, *text = NULL, *buffer = malloc(REPLY_MAX);
        _cleanup_close_ int fd = connect_socket();
        const char *what;
        int r;

        if (fd < 0)
                return fd;
        if (!parameters || !buffer || asprintf(&name, "io.systemd.Machine.%s", method) < 0)
                return -ENOMEM;
        request = json_pack("{s:s, s:O}", "method", name, "parameters", parameters);
        text = request ? json_dumps(request, JSON_COMPACT) : NULL;
        if (!text)
                return -ENOMEM;
        r = write_all(fd, text, strlen(text) + 1);
        if (r >= 0)
                r = read_reply(fd, buffer, REPLY_MAX);
        if (r < 0)
                return r;
        reply = json_loads(buffer, 0, NULL);
        if (!reply)
                return -EBADMSG;
        what = json_string_value(json_object_get(reply, "error"));
        *ret_error = what ? strdup(what) : NULL;
        return what && !*ret_error ? -ENOMEM : 0;
}

static json_t *describe(const Registration *g)
{
        json_t *request;
        char id[33];

        for (size_t i = 0; i < sizeof(g->id); i++)
                (void)snprintf(id + 2 * i, 3, "%02x", g->id[i]);
        request = json_pack("{s:s, s:s, s:s, s:s, s:i, s:s}", "name", g->name, "id", id, "service",
                            g->service, "class", "container", "leader", (int)g->leader,
                            "rootDirectory", g->root);
        if (request && g->n_interfaces > 0)
                (void)json_object_set_new(request, "ifIndices",
                                          json_pack("[i]", (int)g->interfaces[0]));
        return request;
}

static int set_error(Error *error, int r, const char *what, const char *name)
{
        if (r == -ENOENT || r == -ECONNREFUSED)
                return error_set(error, ENXIO, "systemd-machined cannot be reached without a bus");
        if (r < 0)
                return error_errno(error, -r, "Failed to talk to systemd-machined");
        return error_set(error, EPROTO, "systemd-machined does not take machine '%s': %s", name,
                         what);
}

int machined_varlink_unregister(const char *name, Error *error)
{
        _cleanup_free_ char *what = NULL;
        int r = call("Unregister", json_pack("{s:s}", "name", name), &what);

        return r < 0 || (what && !strstr(what, "NoSuchMachine")) ? set_error(error, r, what, name)
                                                                 : 0;
}

int machined_varlink_register(const Registration *g, Error *error)
{
        for (unsigned i = 0;; i++) {
                _cleanup_free_ char *what = NULL;
                int r = call("Register", describe(g), &what);

                if (r >= 0 && !what)
                        return 0;
                /* the name is locked by our launcher, so the entry is an old one */
                if (r < 0 || !strstr(what, "MachineExists") || i >= TRIES)
                        return set_error(error, r, what, g->name);
                (void)machined_varlink_unregister(g->name, NULL);
        }
}
