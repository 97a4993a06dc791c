# SPDX-License-Identifier: LGPL-2.1-or-later
# Configures and builds with meson; an existing build folder is used again. Sourced.
# shellcheck shell=bash

# build_in FOLDER [MESON-OPTION...]: CC chooses the compiler of a new folder.
build_in() {
        local dir=$1
        shift
        if [ ! -f "$dir/build.ninja" ]; then
                rm -rf "$dir"
                meson setup "$dir" "$top" "$@" || return
        fi
        ninja -C "$dir"
}
