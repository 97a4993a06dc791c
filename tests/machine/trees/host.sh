# SPDX-License-Identifier: LGPL-2.1-or-later
# What the hosts of tests/host and the machines on them share. Sourced by those recipes.
# shellcheck shell=bash disable=SC2034,SC2154

packages_host="systemd systemd-sysv systemd-container systemd-resolved systemd-coredump dbus polkitd"
packages_host="$packages_host libnss-mymachines libnss-systemd libpam-systemd nftables $packages_checks"
# what our own programs link
packages_host="$packages_host libjansson4 libsystemd0"
# what tests type
packages_host="$packages_host python3 openssh-client acl attr"
packages_guest="$packages_systemd $packages_checks libnss-systemd systemd-coredump acl attr"

# On a host: an ordinary user, the place for machines, and no timer that works on its own.
finish_host() {
        chroot "$tree" useradd --create-home --shell /bin/bash --uid 1000 user
        install -d -m 0700 "$tree/var/lib/machines"
        ln -sf /dev/null "$tree/etc/systemd/system/apt-daily.timer"
        ln -sf /dev/null "$tree/etc/systemd/system/apt-daily-upgrade.timer"
        ln -sf /dev/null "$tree/etc/systemd/system/dpkg-db-backup.timer"
        ln -sf /dev/null "$tree/etc/systemd/system/e2scrub_all.timer"
}
