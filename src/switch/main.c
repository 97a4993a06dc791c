/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stead-switch [--lock-fd=N] [--data-fd=N] NAME LAYER...
 *
 * Makes the stack of a machine that does not run what its definition says, see stack/switch.h. The
 * launcher calls it when `stack` is not ready, since it must not link what the store needs: it
 * holds the machine's lock and hands it over as an open descriptor (--lock-fd=N; without it the
 * lock is taken here, -EBUSY at once), and so it does with the root of state.img where DiskMax= is
 * kept by one (--data-fd=N; without it the state directory is the data directory).
 *
 * Exit status:
 *   0  `stack` is as the definition wants it: read it again
 *   3  it could not be made so, standard error says why; the one in force can be started on
 *   1  it could not be made so, and there is none to start on */

#include "base/parse.h"
#include "stack/switch.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define EXIT_OLD_STACK 3

typedef struct Options {
        int lock_fd, data_fd;
        const char *machine;
        char *const *layers;
} Options;

static int parse_descriptor(const char *option, const char *word, int *ret, Error *error)
{
        int fd;

        if (parse_int(word, &fd) < 0 || fd < 0 || fcntl(fd, F_GETFD) < 0)
                return error_set(error, EBADF, "--%s=%s is no open descriptor", option, word);
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        *ret = fd;
        return 0;
}

static int parse(int argc, char **argv, Options *o, Error *error)
{
        static const struct option options[] = {
                { "lock-fd", required_argument, NULL, 'l' },
                { "data-fd", required_argument, NULL, 'd' },
                {},
        };
        int c, r = 0;

        while (r >= 0 && (c = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
                if (c == 'l')
                        r = parse_descriptor("lock-fd", optarg, &o->lock_fd, error);
                else if (c == 'd')
                        r = parse_descriptor("data-fd", optarg, &o->data_fd, error);
                else
                        r = error_set(error, EINVAL, "Unknown option");
        }
        if (r >= 0 && argc - optind < 2)
                r = error_set(error, EINVAL,
                              "Usage: stead-switch [--lock-fd=N] [--data-fd=N] NAME LAYER...");
        if (r < 0)
                return r;
        o->machine = argv[optind];
        o->layers = argv + optind + 1;
        return 0;
}

/* What --lock-fd= gave must be this machine's lock, or two could work on one state. */
static int check_lock(int state_fd, const Options *o, Error *error)
{
        struct stat given, own;

        if (fstat(o->lock_fd, &given) < 0 ||
            fstatat(state_fd, "lock", &own, AT_SYMLINK_NOFOLLOW) < 0 ||
            given.st_ino != own.st_ino || given.st_dev != own.st_dev)
                return error_set(error, EBADF, "--lock-fd=%d is not the lock of machine '%s'",
                                 o->lock_fd, o->machine);
        return 0;
}

static int make_ready(Store *store, const Options *o, bool *ret_usable, Error *error)
{
        _cleanup_close_ int state_fd = -EBADF, lock_fd = -EBADF;
        SwitchPlace place = { .machine = o->machine };
        int r = generation_open_state(o->machine, true, &state_fd, error);

        if (r >= 0)
                r = o->lock_fd >= 0
                            ? check_lock(state_fd, o, error)
                            : generation_lock_state(state_fd, o->machine, false, &lock_fd, error);
        if (r < 0)
                return r;
        place.state_fd = state_fd;
        place.data_fd = o->data_fd >= 0 ? o->data_fd : state_fd;
        if (o->data_fd < 0 && faccessat(state_fd, "state.img", F_OK, AT_SYMLINK_NOFOLLOW) >= 0)
                return error_set(error, EINVAL,
                                 "The state of machine '%s' is in 'state.img', which only its "
                                 "launcher can open",
                                 o->machine);
        r = switch_make_ready(store, &place, o->layers, NULL, NULL, error);
        *ret_usable = r < 0 && switch_is_usable(store, &place);
        return r;
}

int main(int argc, char **argv)
{
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_store_ Store store = STORE_NULL;
        Options options = { .lock_fd = -EBADF, .data_fd = -EBADF };
        bool usable = false;
        int r;

        (void)umask(0022);
        r = parse(argc, argv, &options, &error);
        if (r >= 0)
                r = store_open(NULL, STORE_ADD, &store, &error);
        if (r >= 0)
                r = make_ready(&store, &options, &usable, &error);
        if (r >= 0)
                return EXIT_SUCCESS;
        error_print(&error);
        return usable ? EXIT_OLD_STACK : EXIT_FAILURE;
}
