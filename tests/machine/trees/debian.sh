# SPDX-License-Identifier: LGPL-2.1-or-later
# What all Debian trees of the tests share. Sourced by tools/tree before the recipe itself, so that a
# change here gives every tree a new hash.
# shellcheck shell=bash disable=SC2034

# Tools that the `in:` checks of the container interface type.
packages_checks="iproute2 procps keyutils util-linux mount passwd login perl-base kmod libcap2-bin netbase"
packages_systemd="systemd systemd-sysv dbus libpam-systemd"
