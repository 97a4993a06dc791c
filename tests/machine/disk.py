# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disk images for tests: a tree as the one partition of a GPT, made without mounting anything."""
import subprocess

import lab

MEGABYTE = 1 << 20
ROOT = {"x86_64": "4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "aarch64": "b921b045-1df0-41c3-af44-4c6f280d3fae"}


def make(path, tree, megabytes=48):
    """@path holds @tree as Discoverable Partitions Specification wants it."""
    machine = subprocess.run(["uname", "-m"], text=True, capture_output=True, check=True).stdout.strip()
    with open(path, "wb") as f:
        f.truncate((megabytes + 2) * MEGABYTE)
    subprocess.run(["sfdisk", "-q", path], text=True, check=True, capture_output=True,
                   input=f"label: gpt\nstart=1MiB, size={megabytes}MiB, type={ROOT[machine]}\n")
    subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-E", f"offset={MEGABYTE}", "-d", lab.tree(tree), path,
                    f"{megabytes}m"], check=True, capture_output=True)
    return path
