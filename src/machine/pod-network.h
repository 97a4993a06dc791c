/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The network of a pod while it is there. It belongs to no process: a bind mount of its namespace,
 * /run/stead/pods/NAME/netns, keeps it, and files beside it say what it was made from:
 *
 *         definition      [Network] and [Health] as of its start
 *         network         the addresses that were chosen, see network_format()
 *         resolv.conf     for programs of the host that run in it
 *         ready           it is complete; without this file it is a left-over of a killed start
 *         kept            it stays when its last member leaves
 *         watcher         locked by whoever runs the check of [Health], see pod_network_watch()
 *         healthy         the last check passed
 *         withdrawn       no service address may be added any more
 *         members/NAME    locked by the launcher of each member, for as long as it lives
 *
 * Whoever changes a pod holds the lock /run/stead/pods/.NAME.lock meanwhile. */

#include "config/pod.h"
#include "machine/machine.h"
#include "network/network.h"
#include "os/lock.h"

#define PODS_DIRECTORY STEAD_RUN_DIRECTORY "/pods"

typedef struct PodNetwork {
        char *name;
        Pod *definition;
        NetworkPlan plan;
        Network network; /* as it was decided; its sockets are ours alone */
} PodNetwork;

#define _cleanup_pod_network_ _cleanup_(pod_network_freep)
/* Leaves the network as it is. */
PodNetwork *pod_network_free(PodNetwork *p);
DEFINE_CLEANUP(PodNetwork, pod_network_free)

/* "/run/stead/pods/NAME" + "/" + @file; the caller frees it. */
char *pod_network_path(const char *name, const char *file);
bool pod_network_runs(const char *name);
/* The same, or it is just being made or taken down. */
bool pod_network_lives(const char *name);
/* Whether it stays without members. */
bool pod_network_is_kept(const char *name);
/* What is known of one that runs. -ENXIO with a hint if it does not. */
int pod_network_open(const char *name, PodNetwork **ret, Error *error);
/* Names of those that run, sorted. */
int pod_network_list(char ***ret, Error *error);
/* Names of the machines whose launchers live, sorted. */
int pod_network_members(const char *name, char ***ret, Error *error);

/* Takes down what nobody keeps: pods whose last member's launcher was killed, and what killed
 * starts have left. */
void pod_network_sweep(void);
/* Makes it, unless it is there. @keep: also without members, until it is stopped. */
int pod_network_start(const char *name, bool keep, Error *error);

typedef enum PodStop {
        POD_STOP_UNUSED, /* -EBUSY while there are members */
        POD_STOP_LAZY,   /* then it goes with the last of them */
        POD_STOP_FORCE,  /* they stay without network */
} PodStop;
/* -ENXIO if it does not run. */
int pod_network_stop(const char *name, PodStop how, Error *error);

/* A machine's place in a pod. */
typedef struct PodMember {
        LockFile lock;
        PodNetwork *pod;
} PodMember;

#define POD_MEMBER_NULL ((PodMember){ .lock = LOCK_FILE_NULL })

/* Makes the pod if need be. */
int pod_network_join(const char *name, const char *machine, PodMember *ret, Error *error);
/* The last one takes a pod along that nobody keeps. */
void pod_network_part(PodMember *member);

typedef enum PodHealth {
        POD_HEALTH_NONE,      /* there is no check */
        POD_HEALTH_UNWATCHED, /* nobody runs it: the service addresses are withdrawn */
        POD_HEALTH_GOOD,
        POD_HEALTH_BAD,
        _POD_HEALTH_MAX,
        _POD_HEALTH_INVALID = -EINVAL,
} PodHealth;
DECLARE_STRING_TABLE(pod_health, PodHealth);

PodHealth pod_network_health(const PodNetwork *p);
/* To be the only one who says how the pod is, as long as *ret is held. -EBUSY. */
int pod_network_watch(const PodNetwork *p, LockFile *ret, Error *error);
/* The outcome of a check: adds the service addresses for @valid_sec (0: until they are withdrawn),
 * or withdraws them and answers what is on its way to them for @valid_sec. @route_fd: of
 * pod_network_open_route(). */
int pod_network_tell(const PodNetwork *p, int route_fd, bool healthy, uint32_t valid_sec,
                     Error *error);
/* How long queries that are on their way are answered after an orderly withdrawal, in seconds. */
uint32_t pod_network_linger(const PodNetwork *p);
/* Before an orderly stop: withdraws the service addresses for good and gives the world the time to
 * hear of it that the definition says. */
void pod_network_withdraw(const PodNetwork *p);
/* A netlink socket in its network. */
int pod_network_open_route(const char *name);

/* Makes this process one in the network of the pod, with a mount namespace of its own in which
 * /sys and /etc/resolv.conf are the pod's, as `ip netns exec` does. */
int pod_network_enter(const char *name, Error *error);

/* Parts, for pod-*.c only; the lock is held. */
int pod_network_load(const char *name, PodNetwork **ret, Error *error);
/* With the settings of @definition, which is taken in any case. */
int pod_network_new(const char *name, Pod *definition_consume, PodNetwork **ret, Error *error);
int pod_network_make(const char *name, Error *error);
/* Whatever is there of it. */
void pod_network_unmake(const char *name);
