# SPDX-License-Identifier: LGPL-2.1-or-later
# Steps that say what they do and how long each took. Sourced by tools/try and tools/check.
# shellcheck shell=bash

# step "What happens" COMMAND [ARG...]: runs it and prints the time; the command's output is shown
# only when it fails, or at once with STEAD_VERBOSE=1.
step() {
        local what=$1 start=$EPOCHREALTIME status=0 log
        shift
        log=$(mktemp "${TMPDIR:-/tmp}/stead-step.XXXXXX")
        printf '== %s\n' "$what"
        if [ "${STEAD_VERBOSE:-0}" = 1 ]; then
                "$@" || status=$?
        else
                "$@" >"$log" 2>&1 || status=$?
        fi
        if [ "$status" -eq 0 ]; then
                printf '   done in %s s\n' "$(since "$start")"
        else
                cat "$log"
                printf '   FAILED with status %d after %s s: %s\n' "$status" "$(since "$start")" "$*"
        fi
        rm -f "$log"
        return "$status"
}

# since EPOCHREALTIME: seconds since then, with one digit.
since() {
        awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'
}
