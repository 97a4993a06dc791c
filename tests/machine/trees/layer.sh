# SPDX-License-Identifier: LGPL-2.1-or-later
# What the bases and apps of the tests of layers share. Sourced by those recipes: a Debian as it was
# released, the same one with all updates since, and real apps installed on the first.
# shellcheck shell=bash disable=SC2034,SC2154
suite=bookworm
packages="$packages_systemd systemd-resolved nftables iproute2 ca-certificates python3-minimal perl openssl debconf"

# @1...: what comes after the mirror in each line of sources.list
make_base() {
        local lines=() line
        for line; do
                lines+=("deb $line main")
        done
        # lists, logs and caches are of no use below an app
        mmdebstrap --quiet --mode=root --variant=minbase \
                --include="${packages// /,}" \
                --aptopt='Apt::Install-Recommends "false"' \
                --aptopt='Acquire::Languages "none"' \
                --dpkgopt='path-exclude=/usr/share/man/*' \
                --dpkgopt='path-exclude=/usr/share/doc/*' \
                --dpkgopt='path-exclude=/usr/share/locale/*' \
                --customize-hook='rm -rf "$1"/var/cache/apt/*.bin "$1"/var/lib/apt/lists/* "$1"/var/log/* "$1"/var/cache/ldconfig' \
                "$suite" "$tree" "${lines[@]}"
}
