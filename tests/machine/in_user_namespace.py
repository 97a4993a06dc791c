#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""in_user_namespace.py LIMIT COMMAND...: runs the command as root of a user namespace of its own with all
ids mapped to themselves, where the namespace limit LIMIT is 0 ("-": none is). The host's limit stays as it is.
"""
import ctypes
import os
import sys

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000


def main(limit, *command):
    to_parent, to_child = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0:
            os._exit(125)
        os.write(to_parent[1], b"x")
        os.read(to_child[0], 1)
        if limit != "-":
            with open("/proc/sys/" + limit.replace(".", "/"), "w") as f:
                f.write("0")
        os.execvp(command[0], command)
    os.read(to_parent[0], 1)
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/{child}/{name}", "w") as f:
            f.write("0 0 4294967295")
    os.write(to_child[1], b"x")
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
