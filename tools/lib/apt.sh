# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian packages from the lists in tools/packages. Sourced.
# shellcheck shell=bash

# apt_list LIST...: the names in these lists, without comments.
apt_list() {
        local list
        for list; do
                sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$top/tools/packages/$list"
        done | sort -u
}

# apt_missing LIST...: those of them that are not installed.
apt_missing() {
        local name
        apt_list "$@" | while read -r name; do
                dpkg-query -W -f '${db:Status-Abbrev}\n' "$name" 2>/dev/null | grep -q '^ii' || echo "$name"
        done
}

# apt_install LIST...: installs what is missing, from the sources this machine already has.
apt_install() {
        local missing
        mapfile -t missing < <(apt_missing "$@")
        if [ ${#missing[@]} -eq 0 ]; then
                echo "all packages are there: $*"
                return 0
        fi
        if [ "$(id -u)" -ne 0 ]; then
                echo "Missing packages: ${missing[*]}. Try: sudo apt-get install ${missing[*]}"
                return 1
        fi
        echo "installing ${missing[*]}"
        export DEBIAN_FRONTEND=noninteractive
        # an outdated or partly failing list of packages is no reason to stop: the install says what is missing
        apt-get -q update || true
        apt-get -q -y --no-install-recommends install "${missing[@]}"
}
