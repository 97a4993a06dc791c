# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files that are no images at all, or images of something else."""
import os
import random

from .sparse import MIB, Image


def begins(data, offset=0, size=MIB):
    return lambda path: Image(size).put(offset, data).write(path)


def noise(size):
    return lambda path: Image(size).put(0, random.Random(size).randbytes(size)).write(path)


CASES = {
    "empty": ("small", begins(b"", size=0)),
    "one-byte": ("small", begins(b"x", size=1)),
    "4095-bytes": ("small", begins(b"", size=4095)),
    "zeros": ("unknown", begins(b"")),
    "zeros-of-8-terabytes": ("unknown", begins(b"", size=(1 << 43) - 4096)),
    "ones": ("unknown", begins(b"\xff" * MIB)),
    "noise": ("unknown", noise(MIB)),
    "more-noise": ("unknown", noise(4096)),
    "text": ("unknown", begins(b"#!/bin/sh\necho hello\n" * 400)),
    "qcow2": ("format", begins(b"QFI\xfb\0\0\0\3")),
    "vmdk": ("format", begins(b"KDMV\1\0\0\0")),
    "vmdk-descriptor": ("format", begins(b"# Disk DescriptorFile\nversion=1\n")),
    "vdi": ("format", begins(b"\x7f\x10\xda\xbe", 64)),
    "vhd": ("format", begins(b"conectix\0\0\0\2")),
    "vhdx": ("format", begins(b"vhdxfile")),
    "xz": ("packed", begins(b"\xfd7zXZ\0")),
    "gzip": ("packed", begins(b"\x1f\x8b\x08\0")),
    "zstd": ("packed", begins(b"\x28\xb5\x2f\xfd")),
    "bzip2": ("packed", begins(b"BZh9")),
    "lz4": ("packed", begins(b"\x04\x22\x4d\x18")),
    "tar": ("archive", begins(b"ustar\0", 257)),
    "zip": ("archive", begins(b"PK\3\4")),
    "iso": ("iso", begins(b"\1CD001\1", 32768)),
    "pipe": ("no-disk", os.mkfifo),
    "directory": ("no-disk", os.mkdir),
    "terminal": ("no-disk", lambda path: os.symlink("/dev/null", path)),
}
