/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The machine's file systems, put together by the supervisor with the host's rights in a mount
 * namespace of its own which is thrown away afterwards. PID 1 then takes a copy of it that belongs
 * to its user namespace: the kernel locks every mount in that copy, so that root of the machine can
 * take none of them away. The host's mount table is never touched.
 *
 * Files:  assembly.c  order, root, hand-over          assembly-root.c  tree, volatile, ephemeral
 *         assembly-layers.c  root of layers           assembly-disk.c  root of a disk image
 *         assembly-places.c  what is mounted on
 *         assembly-dev.c  /dev                        assembly-proc.c  /proc, /sys, /sys/fs/cgroup
 *         assembly-host.c  /run/host                  assembly-custom.c  Bind=, Overlay= ...
 *         assembly-etc.c  resolver, time zone            assembly-journal.c  /var/log/journal
 *         assembly-users.c  users of the host         namespaced.c  mounts that need the namespaces
 */

#include "boot/limits-view.h"
#include "boot/namespaced.h"
#include "boot/plan.h"
#include "network/network.h"
#include "os/creator.h"

struct Assembly {
        const BootPlan *plan;
        const LayerRoot *layers; /* what the root is made of, or NULL; borrowed */
        const DiskRoot *disk;    /* the same; with neither, a plain tree */
        const Network *network;  /* of the machine or its pod, or NULL; borrowed */
        uint32_t base;           /* host uid of the machine's root */
        uint32_t size;           /* number of its users; 0: no user namespace */
        bool nested;             /* we are not in the host's user namespace ourselves */
        bool mapped;             /* there is a user namespace with another base than 0 */
        pid_t pid;               /* the waiting first process */
        int pid_fd;
        int map_fd;              /* a user namespace with its plain range, or -EBADF */
        int tree_map_fd;         /* the one to show the tree through, or -EBADF: as it is */
        int locked_tree_fd;      /* the tree in the host's mount namespace; borrowed */
        int tree_fd;             /* the same in this one */
        int top_fd;              /* the directory that it is in, with --pivot-root= */
        int place_fd;            /* directory that one mount may be attached to */
        int scratch_fd;          /* private tmpfs for lower layers and the root's mount point */
        unsigned n_scratch;      /* mounts attached below it */
        int root_fd;             /* the machine's root, attached */
        int upper_fd;            /* directory with its throw-away upper layer, or -EBADF */
        bool has_cgroup;         /* it starts in a cgroup of its own */
        int payload_fd;          /* that one, or -EBADF; borrowed */
        int incoming_fd;         /* detached slave of the host's propagation directory, or -EBADF */
        char **work_directories; /* of overlays on the host, removed when the machine has stopped */
        char *ephemeral;         /* directory of the throw-away upper layer, or NULL */
        int ephemeral_fd;        /* held locked for the machine's life */

        Namespaced namespaced;

        /* results for the supervisor */
        int console_fd; /* pty master, or -EBADF */
        int notify_fd;  /* datagram socket bound at /run/host/notify */
        int kmsg_fd;    /* keeps /proc/kmsg's fifo from being at its end */
        LimitsView limits_view;
};

#define ASSEMBLY_NULL                               \
        ((Assembly){ .pid_fd = -EBADF,              \
                     .map_fd = -EBADF,              \
                     .tree_map_fd = -EBADF,         \
                     .tree_fd = -EBADF,             \
                     .top_fd = -EBADF,              \
                     .place_fd = -EBADF,            \
                     .payload_fd = -EBADF,          \
                     .scratch_fd = -EBADF,          \
                     .root_fd = -EBADF,             \
                     .upper_fd = -EBADF,            \
                     .incoming_fd = -EBADF,         \
                     .ephemeral_fd = -EBADF,        \
                     .namespaced = NAMESPACED_NULL, \
                     .console_fd = -EBADF,          \
                     .notify_fd = -EBADF,           \
                     .kmsg_fd = -EBADF,             \
                     .limits_view = LIMITS_VIEW_NULL })

/* In the private mount namespace: all that needs nothing of the first process but its user
 * namespace. */
int assembly_begin(Assembly *a, Error *error);
/* When the first process is in all its namespaces: the rest, and makes it the root of this one. */
int assembly_finish(Assembly *a, Error *error);
void assembly_done(Assembly *a);

/* Parts, for assembly*.c only. */
int assembly_root(Assembly *a, Error *error);
int assembly_whole_tree(Assembly *a, Error *error);
/* Directories to mount on, where they are missing. */
int assembly_make_places(Assembly *a, Error *error);
/* The same for a detached root that cannot be written to: itself, or itself below them. */
int assembly_add_places_consume(Assembly *a, int root_mount_fd, Error *error);
int assembly_dev(Assembly *a, Error *error);
int assembly_proc(Assembly *a, Error *error);
int assembly_sys(Assembly *a, Error *error);
int assembly_run_host(Assembly *a, Error *error);
int assembly_seal_run_host(Assembly *a, Error *error);
int assembly_custom(Assembly *a, Error *error);
/* What plan->root_mount says, as a detached mount. */
int assembly_custom_root(Assembly *a, Error *error);
int assembly_users(Assembly *a, Error *error);
int assembly_etc(Assembly *a, Error *error);
int assembly_journal(Assembly *a, Error *error);

/* A new file system attached at @path of the machine, which is created if it is missing. */
int assembly_mount(Assembly *a, const char *path, const char *type, uint64_t attributes,
                   Error *error, const char *options, ...) __attribute__((format(printf, 6, 7)));
/* Attaches a mount at @path of the machine; consumes the descriptor. */
int assembly_attach_consume(Assembly *a, int mount_fd, const char *path, Error *error);
/* A directory of the machine, made if missing, owned by its root. */
int assembly_mkdir(Assembly *a, const char *path, mode_t mode, Error *error);
/* Files of the machine made by us. */
int assembly_write(Assembly *a, const char *path, mode_t mode, const void *data, size_t size,
                   Error *error);

/* The tree as lower layers of an overlay, through the machine's user range. */
typedef struct Lowers {
        int *fds; /* from the lowest */
        size_t n;
} Lowers;
#define LOWERS_NULL ((Lowers){})
#define _cleanup_lowers_ _cleanup_(lowers_done)
void lowers_done(Lowers *l);

/* Of a machine of layers: its lower layers, and on top of them, if @with_state, what the machine
 * has written. */
int assembly_lowers(Assembly *a, bool with_state, Lowers *ret, Error *error);
/* The root of such a machine, writable or not. */
int assembly_layered_root(Assembly *a, bool writable, Error *error);

/* Puts the file systems of a disk image together in this mount namespace: a tree like any other
 * from then on. */
int assembly_disk(Assembly *a, Error *error);
/* Where the root is an overlay, each of its other file systems gets one, too, with its upper layer
 * in @dirfd. */
int assembly_disk_overlays(Assembly *a, int dirfd, Error *error);
/* One that has (@upper_name, @work_name) in @dirfd above @lowers, with the mode of the top one. */
int assembly_overlay_in(Assembly *a, const Lowers *lowers, int dirfd, const char *upper_name,
                        const char *work_name, Error *error);

/* An overlay file system. @lower from the lowest; upper and work < 0 for a read-only one. All
 * descriptors are of attached mounts. */
int assembly_overlay(Assembly *a, const int *lower, size_t n_lower, int upper, int work,
                     Error *error);
/* A detached view of (dirfd, path), recursive, through the map of that user namespace unless < 0.
 */
int assembly_clone_mapped(const Assembly *a, int dirfd, const char *path, int map_fd, Error *error);
/* The same with a detached mount that is there already; consumes it. */
int assembly_map_consume(const Assembly *a, int mount_fd, int map_fd, Error *error);
/* Shows what @from_fd is once more at @at_fd, with these attributes; without MOUNT_ATTR_RDONLY it
 * can be written to. */
int assembly_cover(int from_fd, int at_fd, uint64_t attributes);
/* Attaches a detached mount below the scratch directory, so that overlay and clones may use it. */
int assembly_scratch(Assembly *a, int mount_fd, Error *error);

/* Whether the machine sees its limits in place of the host's figures. A plain command is over
 * before that matters, and who gets the whole of /proc and /sys gets them as they are. */
static inline bool assembly_shows_limits(const Assembly *a)
{
        return a->plan->start != START_COMMAND && !a->plan->api_vfs_writable;
}

/* What is hidden or frozen in every machine; the child reads it back before exec. */
extern const char *const assembly_masked_files[];
extern const char *const assembly_read_only_paths[];
