# SPDX-License-Identifier: LGPL-2.1-or-later
# Configures and builds with meson; an existing build folder is used again. Sourced.
# shellcheck shell=bash

# build_in FOLDER [MESON-OPTION...] [-- TARGET...]: CC chooses the compiler of a new folder; builds everything,
# or the targets alone.
build_in() {
        local dir=$1 options=()
        shift
        while [ $# -gt 0 ] && [ "$1" != -- ]; do
                options+=("$1")
                shift
        done
        [ $# -eq 0 ] || shift
        if [ ! -f "$dir/build.ninja" ]; then
                rm -rf "$dir"
                meson setup "$dir" "$top" "${options[@]}" || return
        fi
        ninja -C "$dir" "$@"
}
