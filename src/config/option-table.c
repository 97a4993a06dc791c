/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The option table. Each row is all there is to know about one option; everything else is made
 * from it. Order is the order of --help and of the manual pages; a twin follows its row. One table
 * is one file, however long: nothing but rows is in it. */

#include "config/option-row.h"

const Option option_table[] = {
        { .name = "help",
          .letter = 'h',
          IN(GENERAL),
          FIELD(boolean, help),
          .help = "Show this help and leave" },
        { .name = "version",
          IN(GENERAL),
          FIELD(boolean, version),
          .help = "Show the version and leave" },
        { .name = "quiet",
          .letter = 'q',
          IN(GENERAL),
          FIELD(boolean, quiet),
          .help = "No status lines of the launcher's own",
          .text = "Print no status lines, only errors. Implied by the pipe console mode, where "
                  "standard output belongs to the payload." },
        { .name = "no-pager",
          IN(GENERAL),
          TYPE(nothing),
          .help = "Accepted; help is never shown in a pager" },
        { .name = "settings",
          IN(GENERAL),
          ARG("MODE"),
          ENUM(settings_mode, settings_mode),
          .help = "Whether a definition is read, and which side wins",
          .text = "With yes, the default, the definition of the machine is read and the command "
                  "line wins where both say something. With override the definition wins. With "
                  "trusted the command line wins and a .nspawn file beside the tree is trusted "
                  "like one in /etc. With no, no definition is read. Merging is key by key; lists "
                  "add up." },
        { .name = "dry-run",
          IN(GENERAL),
          OPTIONAL_ARG("FORMAT"),
          FIELD(dry_run, dry_run),
          .help = "Print the plan of the boot and leave",
          .text = "Print what would be done, as text or as json, without doing any of it and "
                  "without needing privileges. Without a value: text." },

        { KEY("Image", "Directory"), .name = "directory", .letter = 'D', IN(TREE), TRUSTED,
          ARG("PATH"), FIELD(tree_path, directory), .from_word = option_word_path,
          .help = "Use this directory as the root of the machine",
          .text = "The directory that is the machine's root. Without it, and with a machine name, "
                  "/var/lib/machines/NAME. With neither, the current directory. Relative paths "
                  "are allowed on the command line only." },
        { KEY("Image", "Layers"), .name = "layers", IN(TREE), TRUSTED, ARG("NAME..."), TYPE(layers),
          .help = "Make the root of these layers of the store",
          .text = "The layers of the store that the machine's root is made of, from the lowest, "
                  "separated by blanks: a base and what is on top of it, such as "
                  "\"debian/12/base site/web\". Machines share them; what a machine writes is "
                  "kept apart, in /var/lib/stead/machines/NAME. A name may ask for one version: "
                  "site/web@0123abcd, or site/web~1 for the one before the newest. In place of "
                  "Directory=; the machine needs a name." },
        { KEY("Image", "Image"), .name = "image", .letter = 'i', IN(TREE), TRUSTED, ARG("PATH"),
          FIELD(tree_path, image), .from_word = option_word_path,
          .help = "Use this disk image as the root of the machine",
          .text = "A file or block device with the root of the machine and what else belongs to "
                  "it: partitions by the Discoverable Partitions Specification (GPT), the active "
                  "partition of type 0x83 (MBR), or a bare file system. It is ext4, xfs, btrfs, "
                  "squashfs or erofs. In place of Directory=. Without either, and with a machine "
                  "name, /var/lib/machines/NAME.raw is found as well." },
        { KEY("Image", "ImagePolicy"), .name = "image-policy", IN(TREE), APPLY(START), TRUSTED,
          ARG("POLICY"), TYPE(image_policy),
          .help = "Which partitions a disk image may or must have",
          .text = "Which partitions of a disk image are used and how they have to be protected, as "
                  "in systemd.image-policy(7): PARTITION=WORD+WORD, separated by colons, such as "
                  "root=verity:home=ignore:=open. Words are verity, unprotected, absent, unused, "
                  "open, ignore and read-only-on. Default: open, all that is there is used." },
        { KEY("Image", "RootHash"), .name = "root-hash", IN(TREE), APPLY(START), TRUSTED,
          ARG("HEX"), TYPE(root_hash), .help = "Check a disk image against this hash",
          .text = "The root hash of dm-verity, against which the kernel checks all that it reads "
                  "of the root of a disk image, or of its /usr if it has no root. Default: the "
                  "extended attribute user.verity.roothash of the image, else the file "
                  "NAME.roothash beside it." },
        { KEY("Image", "VerityData"), .name = "verity-data", IN(TREE), APPLY(START), TRUSTED,
          ARG("PATH"), FIELD(tree_path, verity_data), .from_word = option_word_path,
          .help = "File with the hashes of a bare file system",
          .text = "The file with the hashes for RootHash=, where the disk image is a bare file "
                  "system. Default: NAME.verity beside it." },
        { .name = "try",
          IN(TREE),
          TRUSTED,
          ARG("MACHINE"),
          FIELD(name, try_of),
          .help = "Write into the try of this machine of layers",
          .text = "The root is that of another machine of layers as it is now: its layers in "
                  "force, and what it has written. What is written goes to its try, which stead "
                  "try begins and stead commit or stead discard ends. Together with --layers=, "
                  "and a name of its own." },
        { .name = "template",
          IN(TREE),
          ARG("PATH"),
          FIELD(tree_path, template_path),
          .from_word = option_word_path,
          .help = "Make a missing root from this tree",
          .text = "If the root directory does not exist, make it as a copy of this one first. "
                  "Together with --ephemeral and without --directory, the throw-away copy is made "
                  "of this tree." },
        { KEY("Exec", "Ephemeral"), .name = "ephemeral", .letter = 'x', IN(TREE), TRUSTED,
          FIELD(boolean, ephemeral), .help = "Run on a throw-away copy of the tree",
          .text = "Run on a copy or snapshot of the tree that is removed when the machine stops. "
                  "The machine's name gets a random suffix unless it was given. Default: no." },
        { KEY("Files", "ReadOnly"), .name = "read-only", IN(TREE), FIELD(boolean, read_only),
          .help = "Mount the root read-only",
          .text = "Mount the root read-only. Implied by the volatile modes and by a custom mount "
                  "on the root. Default: no." },
        { KEY("Files", "Volatile"), .name = "volatile", IN(TREE), OPTIONAL_ARG("MODE"),
          ENUM(volatile_mode, volatile_mode), .help = "Throw all or part of the state away",
          .text = "With yes the root is an empty temporary file system with the tree's /usr "
                  "mounted read-only. With state the tree is read-only and only /var is "
                  "temporary. With overlay all changes to the tree go to memory. They are gone "
                  "when the machine stops. Without a value: yes. Default: no." },
        { KEY("Exec", "PivotRoot"), .name = "pivot-root", IN(TREE), ARG("NEW[:OLD]"),
          FIELD(pivot_root, pivot_root), .help = "Make a directory of the tree the root",
          .text = "Make the directory NEW of the tree the machine's root, and if OLD is given, "
                  "keep the whole tree visible there. Both are absolute paths; NEW is one of the "
                  "tree, OLD one of the new root." },
        { KEY("Exec", "CheckOSRelease"), .name = "check-os-release", IN(TREE), APPLY(START),
          ARG("BOOL"), FIELD(boolean, check_os_release), .help = "Refuse a tree without os-release",
          .text = "Whether a tree that is to be booted must have /etc/os-release or "
                  "/usr/lib/os-release. Turn it off for a tree with nothing but a static program. "
                  "Default: yes." },

        { KEY("Exec", "Boot"), .name = "boot", .letter = 'b', IN(EXECUTION), FIELD(boolean, boot),
          .help = "Find the tree's init and run it as PID 1",
          .text = "Find the init of the tree and run it as PID 1; the remaining words are its "
                  "arguments. A systemd that starts for the first time, and not on a terminal, "
                  "gets systemd.firstboot=no before them. Excludes ProcessTwo=. Default: no." },
        { KEY("Exec", "ProcessTwo"), .name = "as-pid2", .letter = 'a', IN(EXECUTION),
          FIELD(boolean, process_two), .help = "Run the command under a stub init",
          .text = "Run the command as PID 2 below a small init of the launcher's own, which reaps "
                  "processes and passes signals on. For commands that do not know how to be PID 1. "
                  "Excludes Boot=. Default: no." },
        { KEY("Exec", "Parameters"), IN(EXECUTION), ARG("WORDS"), FIELD(words, parameters),
          .help = "Command to run, or arguments of the init",
          .text = "The command to run or, with Boot=, the arguments of the init: words as in a "
                  "shell, with quotes and C escapes. A later one replaces an earlier one. On the "
                  "command line these are the words after the options. Default: a login shell." },
        { KEY("Exec", "WorkingDirectory"), .name = "chdir", IN(EXECUTION), ARG("PATH"),
          FIELD(directory, working_directory), .help = "Working directory of the first process",
          .text = "The working directory of the first process, an absolute path of the tree, not "
                  "below /proc, /sys or /dev. Default: /, or the home directory for a login "
                  "shell." },
        { KEY("Exec", "Environment"), .name = "setenv", .letter = 'E', IN(EXECUTION), APPLY(RELOAD),
          ARG("NAME[=VALUE]"), FIELD(environment, environment), .list = true,
          .from_word = option_word_environment, .help = "Set an environment variable of PID 1",
          .text = "Set an environment variable of PID 1; may be given more than once. In a "
                  "definition: NAME=VALUE words with quotes and C escapes. On the command line: "
                  "one assignment, or a name alone to copy the caller's variable." },
        { KEY("Exec", "User"), .name = "user", .letter = 'u', IN(EXECUTION), ARG("USER"),
          FIELD(user, user), .help = "Run the command as this user of the tree",
          .text = "Run the command as this user, by name or number, as the tree's own user "
                  "database knows it. Default: root." },
        { KEY("Exec", "KillSignal"), .name = "kill-signal", IN(EXECUTION), APPLY(START),
          ARG("SIGNAL"), FIELD(signal, kill_signal), .choices = option_choices_signals,
          .help = "Signal that asks PID 1 to stop",
          .text = "The signal sent to PID 1 when the launcher is asked to stop the machine, "
                  "instead of what the stop method would send. Default: what the init found in "
                  "the tree understands, and SIGTERM for a plain command." },
        { KEY("Exec", "StopMethod"), .name = "stop-method", IN(EXECUTION), APPLY(START),
          ARG("METHOD"), ENUM(stop_method, stop_method),
          .help = "How the machine is asked to power off",
          .text = "With auto, the default, found from the init in the tree. With signal, by the "
                  "signal of KillSignal=. With initctl, by asking for runlevel 0 through "
                  "/run/initctl, as System V init understands it. With command, by running "
                  "poweroff inside." },
        { KEY("Exec", "StopTimeoutSec"), .name = "stop-timeout", IN(EXECUTION), APPLY(START),
          ARG("TIME"), TRUSTED, FIELD(time, stop_timeout_usec),
          .help = "How long a stop may take before SIGKILL",
          .text = "How long an orderly stop may take before everything is killed: seconds, or a "
                  "time span such as 2min 30s, or infinity. Default: 90s." },
        { KEY("Exec", "NotifyReady"), .name = "notify-ready", IN(EXECUTION), APPLY(START),
          ARG("BOOL"), FIELD(boolean, notify_ready), .help = "Be ready only when PID 1 says so",
          .text = "Report ready to the host's service manager only when PID 1 sends READY=1, not "
                  "as soon as it runs. Default: no." },
        { KEY("Exec", "SuppressSync"), .name = "suppress-sync", IN(EXECUTION), ARG("BOOL"),
          FIELD(boolean, suppress_sync), .help = "Turn sync, fsync and their like into no-ops",
          .text = "Make the system calls that write data through to the disk return at once "
                  "without doing it. Fast, and for trees that one can afford to lose. Default: "
                  "no." },
        { KEY("Exec", "ContainerService"), .name = "container-service", IN(EXECUTION), ARG("WORD"),
          TRUSTED, FIELD(word, container_service), .help = "What $container= says inside",
          .text = "The value of the container= environment variable of PID 1, by which programs "
                  "find out in what they run. Default: stead." },

        { .name = "machine",
          .letter = 'M',
          IN(IDENTITY),
          ARG("NAME"),
          FIELD(name, machine),
          .help = "Name of the machine",
          .text = "The name of the machine, by which its tree and its definition are found. Up to "
                  "64 letters, digits, dashes, underscores and dots. Default: from the last part "
                  "of the root directory's path." },
        { KEY("Exec", "Hostname"), .name = "hostname", IN(IDENTITY), APPLY(LIVE), ARG("NAME"),
          FIELD(name, hostname), .help = "Host name, if not the machine's name",
          .text = "The kernel's host name inside. Default: the name of the machine." },
        { KEY("Exec", "MachineID"), .name = "uuid", IN(IDENTITY), ARG("ID"), TRUSTED,
          FIELD(id128, uuid), .help = "Machine id for a tree that has none",
          .text = "The 128-bit machine id, 32 hexadecimal digits with or without dashes. Used for "
                  "a tree that has none in /etc/machine-id. Default: that of the tree, else a "
                  "random one." },

        { .name = "slice",
          .letter = 'S',
          IN(UNIT),
          ARG("SLICE"),
          FIELD(slice, slice),
          .help = "Slice of the machine's scope",
          .text = "On a host with systemd, the slice in which the scope of the machine is made. No "
                  "effect with --keep-unit, where the slice is that of the unit. Default: "
                  "machine.slice." },
        { .name = "property",
          IN(UNIT),
          ARG("NAME=VALUE"),
          FIELD(property, unit_properties),
          .list = true,
          .help = "Set a property of the machine's scope",
          .text = "Set a unit property of the scope in which the machine runs, as systemctl "
                  "set-property takes it, such as MemoryMax=1G. Wins over [Resources] of the "
                  "definition. No effect with --keep-unit. May be given more than once." },
        { .name = "register",
          IN(UNIT),
          ARG("MODE"),
          ENUM(register_mode, register_mode),
          .help = "Make the machine known to systemd-machined",
          .text = "Whether the machine is registered with systemd-machined, so that machinectl and "
                  "its like know it. With yes, the start fails where that cannot be done. With "
                  "try, the default, there is one warning." },
        { .name = "keep-unit",
          IN(UNIT),
          FIELD(boolean, keep_unit),
          .help = "Stay in the unit that the launcher was started in",
          .text = "Make no scope for the machine: use the unit in which the launcher was started, "
                  "which should be a service of its own with Delegate=yes, as stead@.service is. "
                  "Such a unit is recognized without this option, too." },

        { KEY("Exec", "PrivateUsers"), .name = "private-users", IN(USERS), TRUSTED,
          OPTIONAL_ARG("RANGE"), FIELD(user_namespace, user_namespace),
          .table = &user_namespace_mode_table, .help = "User namespace, and its range of ids",
          .text = "Run the machine in a user namespace. With pick a free range of 65536 ids is "
                  "chosen and kept. With BASE or BASE:SIZE the range is the one given; a number "
                  "is always a base, except that 0 and 1 in a .nspawn file mean no and yes. With "
                  "yes the base is the owner of the tree's root. With identity the ids are those "
                  "of the host, but capabilities hold inside only. With no there is no user "
                  "namespace. Without a value: yes. Default: pick for a booted tree." },
        { .letter = 'U',
          IN(USERS),
          .twin_yes = "pick",
          .help = "The same as --private-users=pick" },
        { KEY("Files", "PrivateUsersOwnership"), .name = "private-users-ownership", IN(USERS),
          TRUSTED, ARG("HOW"), ENUM(ownership, ownership),
          .help = "How the owners in the tree are made to fit",
          .text = "With map the tree is shown through an id-mapped mount and not touched. With "
                  "chown the owners of all files are changed on disk. With off the tree is taken "
                  "as it is. With auto it is mapped, or the start is refused with the reason: "
                  "nothing is ever changed on disk without being asked for. Default: auto with a "
                  "picked range, else off." },
        { KEY("Files", "PrivateUsersChown"), .name = "private-users-chown", IN(USERS), TRUSTED,
          .twin_yes = "chown", .twin_no = "off",
          .help = "Old spelling of --private-users-ownership=chown" },
        { KEY("Exec", "Nesting"), .name = "nesting", IN(USERS), TRUSTED, FIELD(boolean, nesting),
          .help = "Let container managers run inside",
          .text = "Leave out the protections that stop a machine from running containers of its "
                  "own: the masks over parts of /proc and /sys, and the filter on keyring and "
                  "mount calls. Only with a user namespace. Default: no." },

        { KEY("Network", "Private"), .name = "private-network", IN(NETWORK), TRUSTED,
          FIELD(boolean, private_network), .help = "A network namespace with nothing but lo",
          .text = "Give the machine a network namespace of its own with only the loopback "
                  "interface, and CAP_NET_ADMIN over it. Default: the network of the host." },
        { KEY("Network", "NamespacePath"), .name = "network-namespace-path", IN(NETWORK), TRUSTED,
          ARG("PATH"), FIELD(tree_path, network_namespace_path), .from_word = option_word_path,
          .help = "Join an existing network namespace",
          .text = "Join the network namespace of this file, such as /run/netns/NAME. Excludes "
                  "all other network options." },
        { KEY("Network", "Pod"), .name = "pod", IN(NETWORK), TRUSTED, ARG("POD"), FIELD(name, pod),
          .help = "Share the network of this pod",
          .text = "Run in the network of this pod, with all its other machines; see stead.pod(5). "
                  "It is started if it is not there. Excludes all other network options: links, "
                  "addresses and ports are the pod's." },
        { KEY("Network", "VirtualEthernet"), .name = "network-veth", .letter = 'n', IN(NETWORK),
          TRUSTED, OF(BOTH), FIELD(boolean, network_veth),
          .help = "A virtual Ethernet link to the host",
          .text = "Make a virtual Ethernet link between host and machine, called host0 inside and "
                  "ve-NAME outside (vb-NAME in a bridge or zone). Implied by Bridge= and Zone=. "
                  "Implies Private=. Default: no." },
        { KEY("Network", "VirtualEthernetExtra"), .name = "network-veth-extra", IN(NETWORK),
          TRUSTED, OF(BOTH), ARG("HOST[:INSIDE]"), FIELD(links, network_veth_extra), .list = true,
          .help = "Another link, with names of one's own",
          .text = "Make another virtual Ethernet link, with this name on the host and, if two are "
                  "given, the second one inside. It is not put into the bridge or zone. Implies "
                  "Private=. May be given more than once." },
        { KEY("Network", "Interface"), .name = "network-interface", IN(NETWORK), TRUSTED, OF(BOTH),
          ARG("HOST[:INSIDE]"), FIELD(links, network_interfaces), .list = true,
          .help = "Move an interface of the host into the machine",
          .text = "Move a network interface of the host into the machine, under the second name if "
                  "one is given, and back when it stops. Several may be given with blanks between. "
                  "Implies Private=. May be given more than once." },
        { KEY("Network", "MACVLAN"), .name = "network-macvlan", IN(NETWORK), TRUSTED, OF(BOTH),
          ARG("HOST[:INSIDE]"), FIELD(links, network_macvlan), .list = true,
          .help = "A link of its own on a network of the host",
          .text = "Make a link with its own MAC address on this interface of the host (macvlan in "
                  "bridge mode), called mv-HOST inside unless a second name is given. The host "
                  "itself cannot be reached through it. Several may be given with blanks between. "
                  "Implies Private=. May be given more than once." },
        { KEY("Network", "IPVLAN"), .name = "network-ipvlan", IN(NETWORK), TRUSTED, OF(BOTH),
          ARG("HOST[:INSIDE]"), FIELD(links, network_ipvlan), .list = true,
          .help = "The same, with the MAC address of the host",
          .text = "As MACVLAN= (--network-macvlan), but with the MAC address of the interface of "
                  "the host (ipvlan in L2 mode), called iv-HOST inside unless a second name is "
                  "given. Implies Private=. May be given more than once." },
        { KEY("Network", "Bridge"), .name = "network-bridge", IN(NETWORK), TRUSTED, OF(BOTH),
          ARG("INTERFACE"), FIELD_AS(link_name, word, network_bridge),
          .help = "Put the virtual Ethernet link into this bridge",
          .text = "Put the host's end of the virtual Ethernet link into this bridge, which must "
                  "be there. Implies VirtualEthernet=. Excludes Zone=." },
        { KEY("Network", "Zone"), .name = "network-zone", IN(NETWORK), TRUSTED, OF(BOTH),
          ARG("ZONE"), FIELD_AS(zone, word, network_zone),
          .help = "Put it into the bridge of this zone",
          .text = "Put the host's end of the virtual Ethernet link into the bridge vz-ZONE, which "
                  "is made for the first machine of the zone and removed after the last one. "
                  "Implies VirtualEthernet=. Excludes Bridge=." },
        { KEY("Network", "Address"), .name = "network-address", IN(NETWORK), TRUSTED, OF(BOTH),
          ARG("ADDR/PREFIX"), FIELD(addresses, network_addresses), .list = true,
          .help = "Give the machine this address",
          .text = "Give the machine this IPv4 or IPv6 address on its first link, from outside and "
                  "before PID 1 runs, such as 192.0.2.5/24 or 2001:db8::5/64. Without a prefix: "
                  "/32 or /128. Several may be given with blanks between. Needs a link. May be "
                  "given more than once. Default: from the pool of stead.conf(5) or by DHCP." },
        { KEY("Network", "Gateway"), .name = "network-gateway", IN(NETWORK), TRUSTED, OF(BOTH),
          ARG("ADDR"), FIELD(gateway, gateway_ipv4), .list = true,
          .help = "Default route through this address",
          .text = "The router of the machine, at most one for IPv4 and one for IPv6: an address in "
                  "one of the networks of Address=, or a link-local one of IPv6. Needs a link. An "
                  "empty value takes back what was said before. Default: the host, where it gives "
                  "out the addresses." },
        { KEY("Network", "DNS"), .name = "network-dns", IN(NETWORK), TRUSTED, OF(BOTH), ARG("ADDR"),
          FIELD_AS(peers, addresses, network_dns), .list = true, .help = "Use this name server",
          .text = "A name server for the machine. Several may be given with blanks between; they "
                  "are asked in this order. Needs a link. May be given more than once. Default: "
                  "the resolver of the host." },
        { KEY("Network", "MTU"), .name = "network-mtu", IN(NETWORK), TRUSTED, OF(BOTH),
          ARG("BYTES"), FIELD(mtu, network_mtu), .help = "Largest packet of the link",
          .text = "The largest packet that the links made for the machine carry, 68 to 65535 "
                  "bytes; at least 1280 for IPv6. Needs a link. Default: 1500 on a virtual "
                  "Ethernet link, else that of the host's interface." },
        { KEY("Network", "MACAddress"), .name = "network-mac-address", IN(NETWORK), TRUSTED,
          OF(BOTH), ARG("MAC"), FIELD(mac_address, network_mac), .help = "MAC address of host0",
          .text = "The MAC address of the machine's end of the virtual Ethernet link, or if it has "
                  "none, of its first macvlan link, such as 02:00:5e:00:53:01. Default: made from "
                  "the name of the machine, always the same." },
        { KEY("Network", "BandwidthMax"), .name = "network-bandwidth-max", IN(NETWORK), TRUSTED,
          OF(BOTH), ARG("RATE"), FIELD(bandwidth, network_bandwidth),
          .help = "Limit the speed of the link, in bits per second",
          .text = "How much the machine may send and receive, in bits (not bytes) per second, with "
                  "K, M, G or T to the base of 1000: 100M for either direction, or in:100M "
                  "out:20M, "
                  "or only one of those. In is what flows into the machine. Needs a virtual "
                  "Ethernet "
                  "link, and holds for host0. Default: no limit." },
        { KEY("Network", "Port"), .name = "port", .letter = 'p', IN(NETWORK), TRUSTED, OF(BOTH),
          ARG("[PROTO:][ADDR:]HOST[:INSIDE]"), TYPE(port), .list = true,
          .help = "Let a port of the host lead into the machine",
          .text = "Let a port of the host lead to a port of the machine, or to the one of the same "
                  "number: tcp:8080:80, udp:53, or 8080:80 for tcp. A range on either side, of the "
                  "same length, is written 8000-8010:80-90. With an address of the host, only that "
                  "one answers: tcp:127.0.0.1:8080:80 or tcp:[::1]:8080:80; without, all of them. "
                  "No two may overlap. Needs VirtualEthernet=, Bridge= or Zone=. May be given more "
                  "than once." },
        { KEY("Network", "ServiceAddress"), IN(NETWORK), TRUSTED, OF(POD), ARG("ADDR/PREFIX"),
          FIELD(addresses, service_addresses), .list = true,
          .help = "An address that is there while the pod is healthy",
          .text = "An address under which the pod serves others, such as an anycast address. It "
                  "sits on a dummy link of its own while the check of [Health] passes, so that a "
                  "routing daemon in the pod announces it for as long; without a check, while "
                  "the pod runs. Without a prefix: /32 or /128. May be given more than once." },

        { KEY("Exec", "Capability"), .name = "capability", IN(SECURITY), TRUSTED, ARG("LIST"),
          FIELD(capabilities, capability), .list = true, .choices = option_choices_capabilities,
          .help = "Add capabilities, or all",
          .text = "Capabilities to add to those that PID 1 may have, separated by spaces or "
                  "commas, or all. May be given more than once." },
        { KEY("Exec", "DropCapability"), .name = "drop-capability", IN(SECURITY), ARG("LIST"),
          FIELD(capabilities, drop_capability), .list = true,
          .choices = option_choices_capabilities, .help = "Take capabilities away, or all",
          .text = "Capabilities to take away, separated by spaces or commas, or all. Wins over "
                  "Capability=. May be given more than once." },
        { KEY("Exec", "AmbientCapability"), .name = "ambient-capability", IN(SECURITY), TRUSTED,
          ARG("LIST"), FIELD(capabilities, ambient_capability), .list = true,
          .choices = option_choices_capabilities,
          .help = "Capabilities that a command of another user keeps",
          .text = "Capabilities for the ambient and inheritable set of a plain command, so that "
                  "it has them even as another user than root. Not with Boot=. May be given more "
                  "than once." },
        { KEY("Exec", "NoNewPrivileges"), .name = "no-new-privileges", IN(SECURITY), ARG("BOOL"),
          FIELD(boolean, no_new_privileges), .help = "No privileges by set-user-id programs",
          .text = "Set the kernel's no_new_privs flag: no program inside gains privileges by "
                  "being executed. Default: no." },
        { KEY("Exec", "SystemCallFilter"), .name = "system-call-filter", IN(SECURITY), ARG("LIST"),
          .trust = OPTION_DENY_UNTRUSTED, FIELD(filter, system_call_filter), .list = true,
          .help = "Allow, or with ~ deny, more system calls",
          .text = "System calls and groups of them (such as @mount) to add to the list of what "
                  "the machine may call, separated by spaces or commas. A ~ in front of the list "
                  "denies all of it, in front of a single word that word. May be given more than "
                  "once; denials win. An untrusted file may only deny." },
        { KEY("Exec", "SELinuxContext"), .name = "selinux-context", .letter = 'Z', IN(SECURITY),
          TRUSTED, ARG("LABEL"), FIELD(word, selinux_context), .help = "SELinux label of PID 1",
          .text = "The SELinux label under which PID 1 runs." },
        { KEY("Exec", "SELinuxAPIFSContext"), .name = "selinux-apifs-context", .letter = 'L',
          IN(SECURITY), TRUSTED, ARG("LABEL"), FIELD(word, selinux_apifs_context),
          .help = "SELinux label of the API file systems",
          .text = "The SELinux label of the temporary and kernel file systems of the machine." },
        { KEY("Exec", "APIWritable"), .name = "api-writable", IN(SECURITY), TRUSTED, ARG("BOOL"),
          FIELD(boolean, api_vfs_writable), .help = "Leave /sys and /proc/sys writable",
          .text = "Leave /sys and /proc/sys writable and unmasked. The machine can then change "
                  "the host; not with a user namespace. Default: no." },

        { .name = "rlimit",
          IN(RESOURCES),
          ARG("NAME=LIMIT"),
          TYPE(nothing),
          .list = true,
          .from_word = option_word_rlimit,
          .choices = option_choices_rlimits,
          .help = "Set a resource limit of PID 1",
          .text = "Set a resource limit, for instance RLIMIT_NOFILE=1024:4096: one value, or soft "
                  "and hard one, or infinity. May be given more than once. The keys of a "
                  "definition are LimitNOFILE= and its like, see stead.machine(5)." },
        LIMIT(CPU, "seconds of processor time, or a span"),
        LIMIT(FSIZE, "size of a file in bytes, K, M, G"),
        LIMIT(DATA, "data segment in bytes, K, M, G"),
        LIMIT(STACK, "stack in bytes, K, M, G"),
        LIMIT(CORE, "core file in bytes, K, M, G"),
        LIMIT(RSS, "resident set in bytes, K, M, G"),
        LIMIT(NOFILE, "number of open descriptors"),
        LIMIT(AS, "address space in bytes, K, M, G"),
        LIMIT(NPROC, "number of processes of a user"),
        LIMIT(MEMLOCK, "locked memory in bytes, K, M, G"),
        LIMIT(LOCKS, "number of file locks"),
        LIMIT(SIGPENDING, "number of queued signals"),
        LIMIT(MSGQUEUE, "message queues in bytes, K, M, G"),
        LIMIT(NICE, "nice level with its sign, or 0 to 40"),
        LIMIT(RTPRIO, "real-time priority"),
        LIMIT(RTTIME, "microseconds of real time, or a span"),
        { KEY("Resources", "DiskMax"), .name = "disk-max", IN(RESOURCES), APPLY(START), TRUSTED,
          ARG("BYTES"), TYPE(disk_max), .help = "How much a machine of layers may write",
          .text = "The most that a machine of layers may have written on top of them, in bytes "
                  "with K, M, G or T, or infinity. Kept by a project quota (ext4, xfs) where "
                  "/var/lib/stead/machines is on a file system with quotas, otherwise by "
                  "a file system of its own in a sparse file of that size. "
                  "It can be raised at any time. Default: infinity." },
        { KEY("Exec", "OOMScoreAdjust"), .name = "oom-score-adjust", IN(RESOURCES), APPLY(LIVE),
          TRUSTED, ARG("NUMBER"), FIELD(oom_score, oom_score_adjust),
          .help = "How early the machine is killed for lack of memory",
          .text = "The out-of-memory score adjustment of the payload, from -1000 (never killed) "
                  "to 1000 (killed first). Default: that of the launcher." },
        { KEY("Exec", "CPUAffinity"), .name = "cpu-affinity", IN(RESOURCES), TRUSTED, ARG("LIST"),
          FIELD(cpu_affinity, cpu_affinity), .help = "Processors that the machine may use",
          .text = "The processors that the payload may run on: numbers and ranges, separated by "
                  "commas or spaces, such as 0-3,6. Default: those of the launcher." },
        { KEY("Exec", "Personality"), .name = "personality", IN(RESOURCES), ARG("ARCH"),
          FIELD(personality, personality), .choices = option_choices_personalities,
          .help = "Architecture that uname reports",
          .text = "The architecture that the kernel reports inside: that of the host or its "
                  "32-bit sister, such as x86-64 and x86. Default: that of the tree." },

        { KEY("Exec", "ResolvConf"), .name = "resolv-conf", IN(INTEGRATION), ARG("MODE"),
          ENUM(resolv_conf, resolv_conf), .help = "What to do about /etc/resolv.conf",
          .text = "Where the machine's /etc/resolv.conf comes from. With off it is left alone, "
                  "with delete it is removed. The other modes copy a file if there is none yet, "
                  "replace what there is, or bind the file read-only; the file is that of the host "
                  "(host), or one of those that systemd-resolved keeps (static, uplink, stub). "
                  "With "
                  "auto, the default, the host's is bound where the machine shares the "
                  "network, and nothing is done where it has its own." },
        { KEY("Exec", "Timezone"), .name = "timezone", IN(INTEGRATION), ARG("MODE"),
          ENUM(timezone, timezone), .help = "What to do about /etc/localtime",
          .text = "Where the machine's /etc/localtime comes from: copy the host's, bind it, make a "
                  "symlink to the same zone, delete it, or off to leave it alone. With auto, the "
                  "default, what fits the tree and does not write to it if that can be helped." },
        { KEY("Exec", "LinkJournal"), .name = "link-journal", IN(INTEGRATION), TRUSTED, ARG("MODE"),
          ENUM(link_journal, link_journal), .help = "Make the machine's journal visible outside",
          .text = "With host the journal lies on the host and is mounted into the machine, with "
                  "guest it lies in the tree and is linked to from the host. The try- modes go on "
                  "if that does not work. With no, nothing is done. With auto, the default, host "
                  "if the directory for it exists already." },
        { .letter = 'j',
          IN(INTEGRATION),
          .twin_yes = "try-guest",
          .help = "The same as --link-journal=try-guest" },
        { KEY("Files", "TemporaryTmp"), .name = "temporary-tmp", IN(INTEGRATION), ARG("BOOL"),
          FIELD(boolean, tmpfs_tmp), .help = "A temporary file system on /tmp",
          .text = "Whether the machine's /tmp is a temporary file system or that of the tree. "
                  "Default: yes." },

        { KEY("Files", "Bind"), .name = "bind", IN(MOUNTS), APPLY(LIVE), TRUSTED,
          ARG("SRC[:DST[:OPTS]]"), TYPE(bind), .list = true, .help = "Mount a path of the host",
          .text = "Mount the file or directory SRC of the host at DST, or at the same path. A + in "
                  "front of SRC makes it a path of the tree, an empty SRC is a temporary "
                  "directory. OPTS are separated by commas: rbind (default) or norbind, and "
                  "these, which say how owners are shown in the machine: noidmap (default), with "
                  "their numbers on the host; idmap, one to one; rootidmap, the owner of SRC as "
                  "root; owneridmap, the owner of SRC as the owner of DST; map=1000:33, user and "
                  "group 1000 as 33, with a third number for so many ids; umap=1000:33 and "
                  "gmap=1000:33, users or groups alone, the other kind being one to one. Maps may "
                  "be repeated. Ids that are in none of them are nobody's, or with idmap one to "
                  "one. A colon in a path is written \\:. May be given more than once." },
        { KEY("Files", "BindReadOnly"), .name = "bind-ro", IN(MOUNTS), APPLY(LIVE), TRUSTED,
          ARG("SRC[:DST[:OPTS]]"), TYPE(bind_ro), .list = true, .help = "The same, read-only",
          .text = "As Bind= (--bind), but read-only. May be given more than once." },
        { KEY("Files", "BindUser"), .name = "bind-user", IN(MOUNTS), TRUSTED, ARG("USER"),
          FIELD(users, bind_users), .list = true,
          .help = "Bring in a user of the host with the home directory",
          .text = "Make a user of the host known inside, with home directory and password. Needs "
                  "a user namespace. May be given more than once." },
        { KEY("Files", "Inaccessible"), .name = "inaccessible", IN(MOUNTS), TRUSTED, ARG("PATH"),
          TYPE(inaccessible), .list = true, .help = "Hide a path of the tree",
          .text = "Put something that nobody can read or write over a path of the tree. May be "
                  "given more than once." },
        { KEY("Files", "TemporaryFileSystem"), .name = "tmpfs", IN(MOUNTS), TRUSTED,
          ARG("PATH[:OPTS]"), TYPE(tmpfs), .list = true, .help = "Mount a temporary file system",
          .text = "Mount a temporary file system at a path of the tree other than the root. OPTS "
                  "are mount options separated by commas; without any the mode is 0755. May be "
                  "given more than once." },
        { KEY("Files", "Overlay"), .name = "overlay", IN(MOUNTS), TRUSTED,
          ARG("LOWER[:...]:UPPER:DST"), TYPE(overlay), .list = true,
          .help = "Mount a stack of directories",
          .text = "Mount directories on top of each other: the left-most is the lowest, the last "
                  "but one takes the changes, the last is the place in the machine. With two "
                  "paths, the second is both of the latter. A + in front makes a path one of the "
                  "tree, an empty UPPER is a temporary directory. A colon in a path is written "
                  "\\:. May be given more than once." },
        { KEY("Files", "OverlayReadOnly"), .name = "overlay-ro", IN(MOUNTS), TRUSTED,
          ARG("LOWER[:...]:DST"), TYPE(overlay_ro), .list = true, .help = "The same, read-only",
          .text = "As Overlay= (--overlay), but read-only: all directories are lower ones. May be "
                  "given more than once." },

        { .name = "console",
          IN(CONSOLE),
          ARG("MODE"),
          ENUM(console_mode, console),
          .help = "How console and standard streams are wired",
          .text = "With interactive the terminal is the machine's console. With read-only its "
                  "output is shown and nothing typed into it. With passive it gets a console that "
                  "nobody is attached to. With pipe the payload gets the launcher's own standard "
                  "streams. With autopipe, pipe unless on a terminal. Default: interactive on a "
                  "terminal, else read-only." },
        { .letter = 'P',
          .name = "pipe",
          IN(CONSOLE),
          .twin_yes = "pipe",
          .help = "The same as --console=pipe" },
        { .name = "background",
          IN(CONSOLE),
          ARG("COLOR"),
          TYPE(nothing),
          .help = "Accepted; the terminal is never tinted" },

        { KEY("Exec", "SetCredential"), .name = "set-credential", IN(CREDENTIALS), TRUSTED,
          ARG("ID:VALUE"), TYPE(set_credential), .list = true, .secret = true,
          .help = "Pass a credential with this value",
          .text = "Pass a credential to PID 1. C escapes such as \\n and \\x00 stand for any byte. "
                  "A later one of the same ID replaces an earlier one. May be given more than "
                  "once." },
        { KEY("Exec", "LoadCredential"), .name = "load-credential", IN(CREDENTIALS), TRUSTED,
          ARG("ID:PATH"), TYPE(load_credential), .list = true,
          .help = "Pass a credential from a file",
          .text = "Pass a credential to PID 1 that is read from a file or a socket or, if PATH is "
                  "a plain name, from the credential of that name that the launcher itself was "
                  "given. May be given more than once." },
};

const size_t option_count = ELEMENTSOF(option_table);
_Static_assert(ELEMENTSOF(option_table) <= SETTINGS_OPTIONS_MAX, "Settings.set has too few bits");
