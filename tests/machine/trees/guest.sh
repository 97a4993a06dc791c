# SPDX-License-Identifier: LGPL-2.1-or-later
# What the machines on the hosts of tests/host share. Sourced by those recipes.
# shellcheck shell=bash disable=SC2034,SC2154
packages_guest="$packages_systemd $packages_checks libnss-systemd systemd-coredump acl attr"
