# SPDX-License-Identifier: LGPL-2.1-or-later
"""Superblocks without a file system behind them, in a partition or in a file of their own."""
import struct

from . import gpt, mbr
from .sparse import MIB, Image


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82f63b78 * (crc & 1)
    return crc ^ 0xffffffff


def fields(size, *values):
    """(offset, format, value)..."""
    data = bytearray(size)
    for offset, form, value in values:
        struct.pack_into(form, data, offset, value)
    return bytes(data)


def ext(blocks=16384, log=0, more=()):
    return 1024, fields(1024, (0x4, "<I", blocks), (0x18, "<I", log), (0x38, "<H", 0xef53), (0x4c, "<I", 1),
                        (0x58, "<H", 256), (0x5c, "<I", 0x38), (0x60, "<I", 0x2c2), (0x64, "<I", 0x3), *more)


def xfs(groups=1, group=4096, blocks=4096):
    """Version 4, which has no checksum."""
    return 0, fields(512, (0, "4s", b"XFSB"), (4, ">I", 4096), (8, ">Q", blocks), (80, ">I", 1), (84, ">I", group),
                     (88, ">I", groups), (96, ">I", 1000), (100, ">H", 0xb4a4), (102, ">H", 512), (104, ">H", 256),
                     (106, ">H", 16), (120, "B", 12), (121, "B", 9), (122, "B", 8), (123, "B", 4), (124, "B", 16),
                     (127, "B", 25))


def btrfs(size=16 * MIB, devices=1):
    body = fields(4096 - 32, (0x30 - 32, "<Q", 65536), (0x40 - 32, "8s", b"_BHRfS_M"), (0x70 - 32, "<Q", size),
                  (0x88 - 32, "<Q", devices), (0x90 - 32, "<I", 4096), (0x94 - 32, "<I", 16384))
    return 65536, struct.pack("<I28x", crc32c(body)) + body


def squashfs(size=4096):
    return 0, fields(96, (0, "4s", b"hsqs"), (4, "<I", 1), (12, "<I", 131072), (20, "<H", 1), (22, "<H", 17),
                     (28, "<H", 4), (40, "<Q", size))


def erofs(blocks=64, bits=12):
    return 1024, fields(128, (0, "<I", 0xe0f5e1e2), (12, "B", bits), (36, "<I", blocks))


def vfat(small=0, large=32768, sector=512):
    return 0, fields(512, (0, "3s", b"\xeb\x58\x90"), (3, "8s", b"mkfs.fat"), (11, "<H", sector), (13, "B", 4),
                     (14, "<H", 1), (16, "B", 2), (17, "<H", 512), (19, "<H", small), (21, "B", 0xf8), (22, "<H", 32),
                     (32, "<I", large), (38, "B", 0x29), (54, "8s", b"FAT16   "), (510, "<H", 0xaa55))


LUKS = 0, fields(592, (0, "6s", b"LUKS\xba\xbe"), (6, ">H", 1))
LUKS2 = 0, fields(512, (0, "6s", b"LUKS\xba\xbe"), (6, ">H", 2), (8, ">Q", 16384))
SWAP = 4086, b"SWAPSPACE2"


def swap():
    return 0, fields(4096, (1024, "<I", 1), (1028, "<I", 1000), (4086, "10s", b"SWAPSPACE2"))


def lvm():
    body = fields(512, (0, "8s", b"LABELONE"), (8, "<Q", 1), (20, "<I", 32), (24, "8s", b"LVM2 001"),
                  (32, "32s", b"a" * 32))
    crc = 0xf597a6cf  # of lib/misc/crc.c
    for byte in body[20:]:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xedb88320 * (crc & 1)
    return 512, body[:16] + struct.pack("<I", crc) + body[20:]


def raid():
    """Version 1.2, 4 KiB from the start."""
    body = bytearray(fields(256, (0, "<I", 0xa92b4efc), (4, "<I", 1), (72, "<I", 1), (80, "<Q", 8192), (92, "<I", 2),
                            (128, "<Q", 2048), (136, "<Q", 8192), (144, "<Q", 8)))
    total = sum(struct.unpack("<64I", body))
    struct.pack_into("<I", body, 216, (total & 0xffffffff) + (total >> 32) & 0xffffffff)
    return 4096, bytes(body)


def bare(*pieces, size=16 * MIB):
    def write(path):
        image = Image(size)
        for offset, data in pieces:
            image.put(offset, data)
        image.write(path)
    return write


def inside(*pieces, kind=gpt.ROOT):
    """In a root of two megabytes: in less than that of a floppy disk libblkid believes the first it finds."""
    return gpt.made(gpt.part(end=gpt.FIRST + 4095, kind=kind), also=[(gpt.FIRST * 512 + offset, data) for offset, data in pieces])


def inside_mbr(*pieces):
    def write(path):
        image = Image().put(0, mbr.sector(mbr.entry()))
        for offset, data in pieces:
            image.put(2048 * 512 + offset, data)
        image.write(path)
    return write


CUT = "file-system-cut"
CASES = {
    "ext4-one-block-too-many": (CUT, bare(ext(16385))),
    "ext4-4-billion-blocks": (CUT, bare(ext(0xffffffff))),
    "ext4-64-bit-blocks": (CUT, bare(ext(more=[(0x150, "<I", 0xffffffff)]))),
    "ext4-blocks-of-2-to-the-99": (CUT, bare(ext(log=89))),
    "ext4-blocks-of-2-to-the-4-billion": ("file-system-cut unknown", bare(ext(log=0xffffffff))),
    "ext4-larger-than-its-partition": (CUT, inside(ext(2049))),
    "ext4-larger-than-its-mbr-partition": (CUT, inside_mbr(ext(1025))),
    "xfs-of-petabytes": (CUT, bare(xfs(groups=1 << 20, group=1 << 30, blocks=1 << 50))),
    "xfs-over-64-bits": (CUT, bare(xfs(groups=0xffffffff, group=0xffffffff, blocks=0xfffffffe00000001))),
    "xfs-no-groups": ("unknown", bare(xfs(groups=0))),
    "btrfs-of-exabytes": (CUT, bare(btrfs(1 << 63))),
    "btrfs-of-8-devices": ("devices-many", bare(btrfs(devices=8))),
    "btrfs-of-2-to-the-64-devices": ("devices-many", bare(btrfs(devices=(1 << 64) - 1))),
    "btrfs-wrong-checksum": (None, bare((65536, btrfs()[1][:-1] + b"x"))),
    "squashfs-of-exabytes": (CUT, bare(squashfs((1 << 64) - 1))),
    "squashfs-one-byte-too-many": (CUT, bare(squashfs(16 * MIB + 1))),
    "erofs-4-billion-blocks": (CUT, bare(erofs(0xffffffff))),
    "erofs-blocks-of-2-to-the-255": ("file-system-cut unknown", bare(erofs(bits=255))),
    "vfat-as-root": ("no-file-system", bare(vfat(large=32768))),
    "vfat-of-100-megabytes": (CUT, bare(vfat(large=200000))),
    "vfat-4-billion-sectors": ("no-root", bare(vfat(large=0xffffffff))),
    "vfat-sectors-of-64-kilobytes": ("no-root", bare(vfat(sector=0xffff))),
    "ext4-and-btrfs": ("ambiguous", bare(ext(), btrfs())),
    "ext4-and-squashfs": ("ambiguous", bare(ext(), squashfs())),
    "squashfs-and-erofs": ("ambiguous", bare(squashfs(), erofs())),
    "xfs-and-ext4-in-a-partition": ("ambiguous", inside(xfs(blocks=512, group=512), ext(1024))),
    "ext4-beside-mbr": ("ambiguous", bare(ext(), (0, mbr.sector(mbr.entry())))),
    "btrfs-beside-gpt": ("ambiguous", gpt.made(gpt.part(), also=[btrfs()])),
    "luks": ("encrypted", bare(LUKS)),
    "luks2": ("encrypted", bare(LUKS2)),
    "luks-in-root": ("encrypted", inside(LUKS)),
    "luks-in-home": ("encrypted", gpt.made(
        gpt.part(kind=gpt.ROOT), gpt.part(8192, 12000, "933ac7e1-2eb4-4f13-b844-0e14e2aef915"),
        also=[(gpt.FIRST * 512 + 1024, ext(1024)[1]), (8192 * 512, LUKS[1])])),
    "lvm": ("lvm", bare(lvm())),
    "lvm-in-root": ("lvm", inside(lvm())),
    "raid": ("raid", bare(raid())),
    "raid-in-root": ("raid", inside(raid())),
    "swap": ("swap", bare(swap())),
    "swap-in-root": ("swap", inside(swap())),
}
