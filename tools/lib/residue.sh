# SPDX-License-Identifier: LGPL-2.1-or-later
# What machines could leave behind on the host. Take it before and after, compare the two. Sourced, or
# run as `bash tools/lib/residue.sh` to see it.
# shellcheck shell=bash

# residue_standing: drops the directories that all machines share; the first one of a host makes them.
residue_standing() {
        # a lock file that nobody holds, of a launcher that was killed, keeps nobody out
        grep -vE '^file /run/systemd/(nspawn/locks|nspawn-uid)/' |
                grep -vxE 'file /run/(stead/(machines|console|ids|log)|systemd/nspawn/(locks|propagate|unix-export))|file /var/lib/stead/ephemeral|file /etc/stead/(keys|remotes)'
}

# residue_snapshot: everything that a stopped machine must not leave, one a line, sorted.
residue_snapshot() {
        local mount
        # ids and peer groups may differ; what is mounted where may not
        awk '{ print "mount " $4 " on " $5 }' /proc/self/mountinfo
        while read -r mount; do
                find "$mount" -mindepth 1 -type d -printf 'cgroup %p\n' 2>/dev/null
        done < <(awk '$0 ~ / - cgroup2 / { print $5 }' /proc/self/mountinfo)
        ip -o link 2>/dev/null | awk -F': ' '{ print "link " $2 }'
        find /run/stead /run/systemd/nspawn /run/systemd/nspawn-uid /run/systemd/machines \
                -mindepth 1 -printf 'file %p\n' 2>/dev/null | residue_standing
        find /var/lib/machines /var/lib/stead /etc/stead -mindepth 1 -maxdepth 2 -printf 'file %p\n' 2>/dev/null |
                residue_standing
        awk '{ print $6 }' /proc/locks | sed 's/.*://' | while read -r mount; do
                find /run/systemd/nspawn/locks /run/systemd/nspawn-uid -inum "$mount" -printf 'lock %p\n' 2>/dev/null
        done
        nft list tables 2>/dev/null | sed 's/^/nftables /'
        sysctl -e kernel.panic user.max_user_namespaces net.ipv4.ip_forward 2>/dev/null
        pgrep -a stead-launch | sed 's/^[0-9]* /process /'
        true
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
        residue_snapshot | LC_ALL=C sort
fi
