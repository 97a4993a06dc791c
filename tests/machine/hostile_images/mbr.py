# SPDX-License-Identifier: LGPL-2.1-or-later
"""Partition tables in the first sector, and the chains of those behind it."""
import struct

from .sparse import MIB, Image

LINUX, EXTENDED, OTHER = 0x83, 0x05, 0x07
SECTORS = 16 * MIB // 512


def entry(kind=LINUX, start=2048, size=2048, active=False):
    return struct.pack("<B3xB3xII", 0x80 if active else 0, kind, start, size)


def sector(*entries):
    return bytes(446) + b"".join(entries).ljust(64, b"\0") + b"\x55\xaa"


def made(*entries, chain=()):
    """@chain: (sector, entries) of extended boot records."""
    def write(path):
        image = Image().put(0, sector(*entries))
        for where, more in chain:
            image.put(where * 512, sector(*more))
        image.write(path)
    return write


def frame(size=SECTORS - 2048):
    return entry(EXTENDED, 2048, size)


def links(n, step=8):
    """A chain of @n, with one partition each."""
    return [(2048 + i * step, (entry(LINUX, 1, step - 1), entry(EXTENDED, (i + 1) * step, step)))
            for i in range(n)]


def nothing(n, step=8):
    """A chain of @n without a partition."""
    return [(2048 + i * step, (entry(EXTENDED, (i + 1) * step, step),)) for i in range(n)]


CASES = {
    "mbr-empty": ("no-root", made()),
    "mbr-protective-alone": ("table-damaged", made(entry(0xee, 1, 0xffffffff))),
    "mbr-no-linux": ("no-root", made(entry(OTHER))),
    "mbr-overlap": ("overlap", made(entry(), entry(OTHER, 3000, 2048))),
    "mbr-past-end": ("past-end", made(entry(size=SECTORS))),
    "mbr-end-of-numbers": ("past-end", made(entry(start=0xffffffff, size=0xffffffff))),
    "mbr-at-0": ("empty", made(entry(start=0, size=4096))),
    "mbr-two-linux": ("active-many", made(entry(), entry(start=4096))),
    "mbr-two-active": ("active-many", made(entry(active=True), entry(start=4096, active=True))),
    "mbr-loop-to-itself": ("no-file-system", made(frame(), chain=[(2048, (entry(LINUX, 8, 8), entry(EXTENDED, 0, 8)))])),
    "mbr-loop-of-two": ("active-many", made(frame(), chain=[
        (2048, (entry(LINUX, 1, 4), entry(EXTENDED, 100, 8))), (2148, (entry(LINUX, 1, 4), entry(EXTENDED, 0, 8)))])),
    "mbr-chain-of-1000": ("table-long", made(frame(), chain=links(1000))),
    "mbr-chain-of-nothing": ("no-root", made(frame(), chain=nothing(3000))),
    "mbr-chain-past-end": ("no-file-system", made(frame(), chain=[(2048, (entry(LINUX, 1, 4), entry(EXTENDED, 0xfffffff0, 8)))])),
    "mbr-frame-past-end": ("active-many", made(frame(0xfffffff0), chain=links(3))),
    "mbr-logical-past-frame": ("past-end no-root", made(entry(EXTENDED, 2048, 16), chain=[(2048, (entry(LINUX, 1, 0xfffffff0),))])),
    "mbr-logical-over-primary": ("overlap", made(frame(4096), entry(LINUX, 2050, 100),
                                                 chain=[(2048, (entry(LINUX, 1, 50),))])),
    "mbr-three-frames": ("active-many", made(frame(100), entry(EXTENDED, 2048, 100), entry(EXTENDED, 2048, 100),
                                    chain=links(3))),
}
