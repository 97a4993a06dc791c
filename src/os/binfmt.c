/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "os/binfmt.h"

#include "base/fd.h"
#include "base/parse.h"
#include "os/mount.h"
#include "os/userns.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HANDLER_MAX ((size_t)16384) /* a page and more: what the kernel prints of one */

void binfmt_handler_done(BinfmtHandler *handler)
{
        free(handler->name);
        free(handler->interpreter);
        *handler = BINFMT_HANDLER_NULL;
}

static int from_hex(char c)
{
        return isdigit((unsigned char)c)    ? c - '0'
               : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10
                                            : -1;
}

/* How many bytes; 0: it is not written as the kernel does. */
static size_t parse_bytes(const char *text, unsigned char *ret)
{
        size_t n = 0;

        for (; text[0] && n < BINFMT_HEADER_MAX; text += 2) {
                int high = from_hex(text[0]), low = high < 0 ? -1 : from_hex(text[1]);

                if (low < 0)
                        return 0;
                ret[n++] = (unsigned char)(high << 4 | low);
        }
        return n;
}

static bool matches(const char *magic, const char *mask, uint32_t offset, const void *header,
                    size_t n)
{
        unsigned char wanted[BINFMT_HEADER_MAX], bits[BINFMT_HEADER_MAX];
        const unsigned char *have = header;
        size_t length = magic ? parse_bytes(magic, wanted) : 0;

        memset(bits, 0xff, sizeof(bits));
        if (length == 0 || (mask && parse_bytes(mask, bits) != length))
                return false;
        for (size_t i = 0; i < length; i++) {
                /* what is behind the end of a short file is zero, as in the kernel */
                unsigned char c = offset + i < n ? have[offset + i] : 0;

                if (((c ^ wanted[i]) & bits[i]) != 0)
                        return false;
        }
        return true;
}

static const char *after(const char *line, const char *word)
{
        return strncmp(line, word, strlen(word)) == 0 ? line + strlen(word) : NULL;
}

/* The lines of fs/binfmt_misc.c, entry_status(). 1: it is for this file, 0: it is not. */
static int read_handler(int directory_fd, const char *name, const void *header, size_t n,
                        BinfmtHandler *ret)
{
        _cleanup_binfmt_handler_ BinfmtHandler h = BINFMT_HANDLER_NULL;
        const char *magic = NULL, *mask = NULL, *interpreter = NULL, *value;
        _cleanup_free_ char *text = NULL;
        uint32_t offset = 0;
        char *line, *rest;

        if (read_file_at(directory_fd, name, HANDLER_MAX, &text) <= 0)
                return 0; /* it has gone */
        for (rest = text; (line = strsep(&rest, "\n"));) {
                if (strcmp(line, "enabled") == 0)
                        h.enabled = true;
                else if ((value = after(line, "interpreter ")))
                        interpreter = value;
                else if ((value = after(line, "flags: ")))
                        h.fixed = strchr(value, 'F') != NULL;
                else if ((value = after(line, "offset ")) && parse_uint32(value, &offset) < 0)
                        return 0;
                else if ((value = after(line, "magic ")))
                        magic = value;
                else if ((value = after(line, "mask ")))
                        mask = value;
        }
        if (!interpreter || offset >= BINFMT_HEADER_MAX || !matches(magic, mask, offset, header, n))
                return 0;
        h.name = strdup(name);
        h.interpreter = strdup(interpreter);
        if (!h.name || !h.interpreter)
                return -ENOMEM;
        *ret = h;
        h = BINFMT_HANDLER_NULL;
        return 1;
}

static int worth(const BinfmtHandler *h)
{
        return !h->name ? -1 : 2 * h->enabled + h->fixed;
}

int binfmt_open(void)
{
        /* not by O_PATH: systemd mounts it when it is opened */
        _cleanup_close_ int fd = open(BINFMT_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                            mount = -EBADF;

        if (fd >= 0 && faccessat(fd, "status", F_OK, 0) >= 0)
                return TAKE_FD(fd);
        /* in another user namespace it would not be the one in force, but take its place */
        mount = userns_is_initial() ? mount_newf("binfmt_misc", 0, "%s", "") : -ENODEV;
        closep(&fd);
        fd = mount < 0 ? -ENODEV : openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -ENODEV : TAKE_FD(fd);
}

int binfmt_find(int directory_fd, const void *header, size_t n, BinfmtHandler *ret)
{
        _cleanup_binfmt_handler_ BinfmtHandler best = BINFMT_HANDLER_NULL;
        _cleanup_free_ char *status = NULL;
        int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
        _cleanup_closedir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);

        if (!d)
                return -errno;
        r = (int)MIN_OF(read_file_at(fd, "status", 64, &status), 0);
        for (struct dirent *e; r >= 0 && (e = readdir(d));) {
                _cleanup_binfmt_handler_ BinfmtHandler h = BINFMT_HANDLER_NULL;

                if (e->d_name[0] == '.' || strcmp(e->d_name, "status") == 0 ||
                    strcmp(e->d_name, "register") == 0)
                        continue;
                r = read_handler(fd, e->d_name, header, n, &h);
                if (r > 0 && worth(&h) > worth(&best)) {
                        BinfmtHandler lesser = best;

                        best = h;
                        h = lesser;
                }
        }
        if (r < 0)
                return r;
        if (!best.name)
                return -ENOENT;
        if (strncmp(status, "enabled", 7) != 0)
                return -EPERM;
        *ret = best;
        best = BINFMT_HANDLER_NULL;
        return 0;
}
