#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# in-user-namespace.sh LIMIT COMMAND...: runs the command in a user and mount namespace of its own with
# all ids mapped to themselves, where the namespace limit LIMIT is 0. The host's limit stays as it is.
set -e
limit=$1
shift
dir=$(mktemp -d)
mkfifo "$dir/ready" "$dir/go"
unshare -U -m sh -ec '
        echo $$ >"$1/ready"
        read -r _ <"$1/go"
        rm -r "$1"
        echo 0 >"/proc/sys/$2"
        shift 2
        exec "$@"' sh "$dir" "$(echo "$limit" | tr . /)" "$@" &
child=$!
read -r pid <"$dir/ready"
echo '0 0 4294967295' >"/proc/$pid/uid_map"
echo '0 0 4294967295' >"/proc/$pid/gid_map"
echo go >"$dir/go"
wait "$child"
