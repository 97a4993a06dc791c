# SPDX-License-Identifier: LGPL-2.1-or-later
"""GUID partition tables: right in every checksum, unless that is what is wrong."""
import struct
import uuid
import zlib

from .sparse import MIB, Image

LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"
ROOT = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"  # x86-64
ROOT_S390X = "5eead9a9-fe09-4a1e-a1d7-520d00531306"
ROOT_RISCV64 = "72ec70a6-cf74-40e6-bd49-4bda08e8f224"
ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
NO_AUTO = 1 << 63
FIRST = 2048  # sector at which the first partition of a case starts


def part(start=FIRST, end=FIRST + 2047, kind=LINUX, label="", flags=0):
    return (uuid.UUID(kind).bytes_le + uuid.uuid5(uuid.NAMESPACE_OID, f"{start}{label}").bytes_le +
            struct.pack("<QQQ", start, end, flags) + label.encode("utf-16-le").ljust(72, b"\0")[:72])


def protective(kind=0xee, size=0xffffffff):
    """The MBR before a GPT."""
    return struct.pack("<446xB3xB3xII48xH", 0, kind, 1, size, 0xaa55)


def header(entries, sectors, own=1, **wrong):
    """@wrong: fields that are to be something else; "crc" is added to the right one."""
    h = {"signature": b"EFI PART", "revision": 0x10000, "header_size": 92, "crc": 0, "own": own,
         "other": sectors - 1 if own == 1 else 1, "first": 34, "last": sectors - 34,
         "entries_at": 2 if own == 1 else sectors - 33, "n": 128, "entry_size": 128,
         "entries_crc": zlib.crc32(entries)}
    crc = wrong.pop("crc", 0)
    h.update(wrong)

    def pack(checksum):
        return struct.pack("<8sIIIIQQQQ16sQIII", h["signature"], h["revision"], h["header_size"], checksum, 0, h["own"],
                           h["other"], h["first"], h["last"], b"stead-test-image", h["entries_at"], h["n"],
                           h["entry_size"], h["entries_crc"])
    return pack((zlib.crc32(pack(0)[:min(h["header_size"], 92)]) + crc) & 0xffffffff)


class Gpt(Image):
    """A table with a backup. @front and @back: what is wrong in each header, @sector: its size."""

    def __init__(self, *parts, size=16 * MIB, sector=512, front=None, back=None, entries=None, **both):
        super().__init__(size)
        sectors = size // sector
        entries = b"".join(parts).ljust(128 * 128, b"\0") if entries is None else entries
        self.put(0, protective())
        self.put(sector, header(entries, sectors, **{**both, **(front or {})}))
        self.put(2 * sector, entries)
        self.put((sectors - 33) * sector, entries)
        self.put((sectors - 1) * sector, header(entries, sectors, own=sectors - 1, **{**both, **(back or {})}))


def cut(size):
    def write(path):
        image = Gpt(part())
        image.size = size
        image.write(path)
    return write


def made(*parts, also=(), **wrong):
    def write(path):
        image = Gpt(*parts, **wrong)
        for offset, data in also:
            image.put(offset, data)
        image.write(path)
    return write


def big_entries(path):
    """A hundred megabytes of entries, the checksum of which is right."""
    n = 819200
    entries = part().ljust(n * 128, b"\0")
    Gpt(entries=entries, size=256 * MIB, n=n, first=n // 4 + 2, back={"crc": 1, "n": 128}).write(path)


def many(n, entries=512):
    parts = [part(FIRST + i * 8, FIRST + i * 8 + 7) for i in range(n)]
    return made(entries=b"".join(parts).ljust(entries * 128, b"\0"), n=entries, first=entries // 4 + 2,
                back={"crc": 1})


def two_sizes(path):
    """For those who think in sectors of 4096 bytes another root than for the others."""
    image = Gpt(part(kind=ROOT))
    entries = part(300, 400, ROOT).ljust(128 * 128, b"\0")
    image.put(4096, header(entries, image.size // 4096)).write(path)


NONSENSE = "\x1b[2J\x07\r\n"  # would clear a screen
LAST = 16 * MIB // 512 - 34

CASES = {
    "gpt-cut-in-half": ("table-cut", cut(8 * MIB)),
    "gpt-cut-in-entries": ("table-cut", cut(4096)),
    "gpt-cut-by-one-sector": ("table-cut", cut((LAST - 1) * 512)),
    "gpt-front-damaged": ("table-backup", made(part(), front={"crc": 1})),
    "gpt-front-gone": ("table-backup", made(part(), also=[(512, bytes(512))])),
    "gpt-both-damaged": ("table-damaged", made(part(), crc=1)),
    "gpt-front-entries-damaged": ("table-backup", made(part(), also=[(1024 + 40, b"\x01")])),
    "gpt-all-entries-damaged": ("table-damaged", made(part(), entries_crc=0)),
    "gpt-entries-4-billion": ("table-damaged", made(part(), n=0xffffffff)),
    "gpt-entries-overflow": ("table-damaged", made(part(), n=0x02000001)),
    "gpt-entries-4-gigabytes": ("table-damaged", made(part(), n=0x01ffffff, size=5 << 30)),
    "gpt-entries-100-megabytes": ("table-damaged", big_entries),
    "gpt-entries-none": ("table-damaged", made(part(), n=0)),
    "gpt-entry-size-0": ("table-damaged", made(part(), entry_size=0)),
    "gpt-entry-size-64": ("table-damaged", made(part(), entry_size=64)),
    "gpt-entry-size-huge": ("table-damaged", made(part(), entry_size=0xffffff80)),
    "gpt-header-size-0": ("table-damaged", made(part(), header_size=0)),
    "gpt-header-size-huge": ("table-damaged", made(part(), header_size=0xffffffff)),
    "gpt-own-sector-wrong": ("table-backup", made(part(), front={"own": 7})),
    "gpt-entries-past-end": ("table-damaged", made(part(), entries_at=1 << 40)),
    "gpt-entries-at-end-of-numbers": ("table-damaged", made(part(), entries_at=(1 << 64) - 1)),
    "gpt-first-after-last": ("table-damaged", made(part(), first=9999, last=5000)),
    "gpt-last-huge": ("table-damaged", made(part(), last=(1 << 64) - 1)),
    "gpt-last-large": ("table-cut", made(part(), last=1 << 40)),
    "gpt-overlap": ("overlap", made(part(), part(FIRST + 2047, FIRST + 4000))),
    "gpt-inside": ("overlap", made(part(FIRST, LAST), part(FIRST + 100, FIRST + 200))),
    "gpt-twice": ("overlap", made(part(kind=ROOT), part(kind=ROOT))),
    "gpt-end-before-start": ("empty", made(part(FIRST, FIRST - 100))),
    "gpt-end-of-numbers": ("no-root", made(part(FIRST, (1 << 64) - 1))),
    "gpt-start-of-numbers": ("empty", made(part((1 << 64) - 1, FIRST))),
    "gpt-on-the-table": ("no-root", made(part(0, 100))),
    "gpt-past-last": ("no-root", made(part(FIRST, LAST + 1))),
    "gpt-300-partitions": ("table-long", many(300)),
    "gpt-256-partitions": ("linux-many", many(256)),
    "gpt-mbr-says-nothing": ("table-two", made(part(), also=[(0, protective(kind=0))])),
    "gpt-mbr-says-linux": ("table-two", made(part(), also=[(0, protective(0x83, 4096))])),
    "gpt-two-sector-sizes": ("table-damaged", two_sizes),
    "gpt-empty": ("no-root", made()),
    "gpt-only-esp": ("no-root", made(part(kind=ESP))),
    "gpt-no-auto": ("no-root", made(part(kind=ROOT, flags=NO_AUTO))),
    "gpt-two-linux": ("linux-many", made(part(), part(8192, 9000))),
    "gpt-two-foreign": ("foreign-many", made(part(kind=ROOT_S390X), part(8192, 9000, ROOT_RISCV64))),
    "gpt-label-of-escapes": ("no-file-system", made(part(kind=ROOT, label=NONSENSE))),
    "gpt-label-not-unicode": ("no-file-system", made(
        part(kind=ROOT)[:56] + b"\x00\xd8" * 36)),
}
