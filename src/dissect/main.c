/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead-dissect: says what an image holds, which is descriptor 0, open for reading only:
 *
 *     stead-dissect [NAME] <IMAGE
 *
 * It writes the lines that image/disk-layout.c reads. An image that is refused is status 1, with a
 * line "refused ..." instead and a sentence on standard error, in which the image is called NAME.
 * Whoever calls it for a machine makes the sentence by himself. */

#include "base/fd.h"
#include "dissect/dissect.h"
#include "dissect/sandbox.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

static const char *name(int argc, char **argv)
{
        for (char *c = argc > 1 ? argv[1] : NULL; c && *c; c++)
                if ((unsigned char)*c < ' ' || *c == 0x7f)
                        *c = '?';
        return argc > 1 ? argv[1] : "standard input";
}

static int refused(const DiskRefusal *why, const char *image)
{
        _cleanup_error_ Error error = ERROR_NULL;

        (void)dprintf(STDOUT_FILENO, "refused %s %u %u %" PRIu64 " %s\n",
                      disk_refusal_kind_to_string(why->kind), why->part, why->other, why->bytes,
                      why->name ?: "-");
        (void)disk_refusal_report(why, image, &error);
        (void)dprintf(STDERR_FILENO, "stead-dissect: %s. Try: %s\n", error.message ?: "?",
                      error.hint ?: "?");
        return EXIT_FAILURE;
}

static int run(int argc, char **argv)
{
        _cleanup_buffer_ Buffer out = BUFFER_NULL;
        DiskRefusal why = {};
        int flags = fcntl(STDIN_FILENO, F_GETFL), r;

        if (argc > 2 || flags < 0 || (flags & O_ACCMODE) != O_RDONLY || (flags & O_PATH)) {
                fprintf(stderr, "Usage: stead-dissect [NAME] <IMAGE\n");
                return 2;
        }
        r = sandbox_enter();
        if (r < 0) {
                fprintf(stderr, "stead-dissect: Failed to give up rights: %s\n", strerror(-r));
                return 3;
        }
        r = dissect(STDIN_FILENO, &out, &why);
        if (r < 0)
                return refused(&why, name(argc, argv));
        return buffer_error(&out) < 0 || write_all(STDOUT_FILENO, out.data, out.size) < 0 ? 3 : 0;
}

/* Without exit handlers: what a leak checker does there is forbidden. */
int main(int argc, char **argv)
{
        _exit(run(argc, argv));
}
