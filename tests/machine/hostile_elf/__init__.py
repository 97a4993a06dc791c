# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that no linker made: damaged, or meant to keep whoever reads them busy.

CASES: name -> (what the refusal says, function that writes the file to a path); None instead of the
words where the file may as well be taken, as long as that is quick and says nothing strange.
"""
import json
import struct

MIB = 1 << 20
ESCAPE = b"\x1b[2J\x07"  # would clear a screen

PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NEEDED, DT_STRTAB, DT_STRSZ, DT_SONAME, DT_RPATH, DT_RUNPATH = 1, 5, 10, 14, 15, 29
SHT_SYMTAB, SHT_STRTAB, SHT_NOTE, SHT_DYNSYM = 2, 3, 7, 11
EM_X86_64 = 62
HEADER, PROGRAM, SECTION = 64, 56, 64

DAMAGED, NO_ELF = "is a damaged ELF file", "is not an ELF file"


def header(n_programs=0, n_sections=0, sections_at=0, names=0, **wrong):
    h = {"class": 2, "data": 1, "type": 3, "machine": EM_X86_64, "programs_at": HEADER, "program_size": PROGRAM,
         "section_size": SECTION, **wrong}
    return struct.pack("<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", h["class"], h["data"], 1, 0, h["type"], h["machine"], 1, 0,
                       h["programs_at"], sections_at, 0, HEADER, h["program_size"], n_programs, h["section_size"],
                       n_sections, names)


def program(kind, offset, size, address=None):
    address = offset if address is None else address
    return struct.pack("<IIQQQQQQ", kind, 4, offset, address, address, size, size, 8)


def section(kind, offset, size, name=0, link=0, entry=0):
    return struct.pack("<IIQQQQIIQQ", name, kind, 0, 0, offset, size, link, 0, 1, entry)


def tags(*pairs):
    return b"".join(struct.pack("<QQ", *pair) for pair in [*pairs, (0, 0)])


def dynamic(strings, *pairs, segments=(), **wrong):
    """A file with these strings and these tags."""
    n = 2 + len(segments)
    strings_at = HEADER + n * PROGRAM
    body = tags((DT_STRTAB, strings_at), (DT_STRSZ, len(strings)), *pairs)
    at = strings_at + len(strings)
    return (header(n, **wrong) + program(PT_LOAD, 0, at + len(body)) + program(PT_DYNAMIC, at, len(body)) +
            b"".join(segments) + strings + body)


def interpreter(path, size=None):
    at = HEADER + PROGRAM
    return header(1) + program(PT_INTERP, at, len(path) if size is None else size) + path


def is_file(data, size=None):
    def write(path):
        with open(path, "wb") as f:
            f.write(data)
            if size is not None:
                f.truncate(size)
    return write


def with_sections(*sections, data=b"", names=0, size=None):
    """Sections at the end of the head, @data behind them."""
    body = section(0, 0, 0) + b"".join(sections)
    return is_file(header(0, 1 + len(sections), HEADER, names) + body + data, size)


def many_dynamics(path):
    """Four thousand sections of dynamic tags, each of a megabyte, on top of each other."""
    n = 4000
    start = HEADER + n * PROGRAM
    with open(path, "wb") as f:
        f.write(header(n))
        f.write(b"".join(program(PT_DYNAMIC, start + i * 16, MIB) for i in range(n)))
        f.write(struct.pack("<QQ", 0x6000000d, 1) * (MIB // 16 + n))


def unterminated(path):
    """Symbols whose names have no end but far away: whoever looks for it does so half a million times."""
    symbols, names = 15 * MIB, 15 * MIB
    start = HEADER + 4 * SECTION
    with open(path, "wb") as f:
        f.write(header(0, 4, HEADER, 3) + section(0, 0, 0) +
                section(SHT_DYNSYM, start, symbols, link=2, entry=24) +
                section(SHT_STRTAB, start + symbols, names) + section(SHT_STRTAB, HEADER, 64))
        f.write(struct.pack("<IBBHQQ", 1, 0x10, 0, 0, 0, 0) * (symbols // 24))
        f.seek(start + symbols)
        f.write(b"\0a\0" + b"a" * (names - 3))


def many_symbols(path):
    start = HEADER + 4 * SECTION
    with open(path, "wb") as f:
        f.write(header(0, 4, HEADER, 3) + section(0, 0, 0) + section(SHT_DYNSYM, start, 16 * MIB, link=2, entry=24) +
                section(SHT_STRTAB, start, 16 * MIB) + section(SHT_STRTAB, HEADER, 64))
        f.truncate(start + 16 * MIB)


def note(*texts):
    body = b"".join(struct.pack("<III4s", 4, len(text), 0x407c0c0a, b"FDO\0") + text.ljust(-(-len(text) // 4) * 4, b"\0")
                    for text in texts)
    names = b"\0.note.dlopen\0\0\0"
    at = HEADER + 3 * SECTION
    return with_sections(section(SHT_NOTE, at + len(names), len(body), name=1), section(SHT_STRTAB, at, len(names)),
                         data=names + body, names=2)


def script(line):
    return is_file(b"#!" + line + b"\n")


def cached(size, key=None):
    """A program, and what its tree says that ldconfig has found: so many bytes of entries, of the library that is needed
    with a place for each, or with a name that does not end."""
    def write(path):
        is_file(GOOD)(path)
        n = size // 24
        at = 48 + n * 24
        cache = path.parent.parent / "etc/ld.so.cache"
        cache.parent.mkdir()
        with open(cache, "wb") as f:
            f.write(b"glibc-ld.so.cache1.1" + struct.pack("<II20x", n, 64))
            f.write(struct.pack("<iIIIQ", 3, at if key is None else key, at + 14, 0, 0) * n)
            f.write(b"libnowhere.so\0/bin/text\0")
        (path.parent / "text").write_text("text")
    return write


NAMES = b"\0libnowhere.so\0" + b"/" * 64 + b"\0"
GOOD = dynamic(NAMES, (DT_NEEDED, 1))

CASES = {
    "empty": (NO_ELF, is_file(b"")),
    "four-bytes": (NO_ELF, is_file(b"\x7fELF")),
    "half-a-header": (NO_ELF, is_file(header()[:40])),
    "zeros": (NO_ELF, is_file(b"", MIB)),
    "zeros-of-terabytes": (NO_ELF, is_file(b"", 1 << 42)),
    "text": (NO_ELF, is_file(b"hello\n")),
    "archive": (NO_ELF, is_file(b"!<arch>\n" + b"x/".ljust(48) + b"9999999999`\n")),
    "no-class": (NO_ELF, is_file(header(**{"class": 0}))),
    "class-9": (NO_ELF, is_file(header(**{"class": 9}))),
    "no-byte-order": (NO_ELF, is_file(header(data=0))),
    "only-a-header": (None, is_file(header())),
    "64-bit-head-in-32-bit-file": (None, is_file(header(1, **{"class": 1}))),
    "other-byte-order": (None, is_file(header(1, data=2))),
    "programs-behind-the-end": (DAMAGED, is_file(header(1, programs_at=1 << 40))),
    "programs-at-end-of-numbers": (DAMAGED, is_file(header(1, programs_at=(1 << 64) - 1))),
    "programs-overflow": (DAMAGED, is_file(header(2, programs_at=(1 << 64) - PROGRAM))),
    "programs-65535": (DAMAGED, is_file(header(0xffff))),
    "programs-65534": (DAMAGED, is_file(header(0xfffe), 4 * MIB)),
    "programs-cut": (DAMAGED, is_file(GOOD[:HEADER + 70])),
    "cut-in-strings": (DAMAGED, is_file(GOOD[:HEADER + 2 * PROGRAM + 4])),
    "dynamic-behind-the-end": (DAMAGED, is_file(header(1) + program(PT_DYNAMIC, 1 << 40, 64))),
    "dynamic-at-end-of-numbers": (DAMAGED, is_file(header(1) + program(PT_DYNAMIC, (1 << 64) - 8, 64))),
    "dynamic-of-exabytes": (DAMAGED, is_file(header(1) + program(PT_DYNAMIC, 0, 1 << 62), 1 << 42)),
    "dynamic-of-half-a-tag": (None, is_file(header(1) + program(PT_DYNAMIC, HEADER, 9) + b"x" * 9)),
    "dynamic-4000-times": (DAMAGED, many_dynamics),
    "strings-nowhere": (DAMAGED, is_file(dynamic(b"", (DT_STRTAB, 1 << 50), (DT_STRSZ, 99), (DT_NEEDED, 1)))),
    "strings-overflow": (DAMAGED, is_file(dynamic(NAMES, (DT_STRSZ, (1 << 64) - 1), (DT_NEEDED, 1)))),
    "strings-past-segment": (DAMAGED, is_file(dynamic(NAMES, (DT_STRSZ, MIB)))),
    "segment-overflow": (None, is_file(dynamic(NAMES, segments=[program(PT_LOAD, (1 << 64) - 1, (1 << 64) - 1, 0)]))),
    "needed-outside": (DAMAGED, is_file(dynamic(NAMES, (DT_NEEDED, len(NAMES))))),
    "needed-at-end-of-numbers": (DAMAGED, is_file(dynamic(NAMES, (DT_NEEDED, (1 << 64) - 1)))),
    "needed-without-end": (DAMAGED, is_file(dynamic(b"\0" + b"a" * 40, (DT_NEEDED, 1)))),
    "needed-empty": (DAMAGED, is_file(dynamic(NAMES, (DT_NEEDED, 0)))),
    "needed-of-a-megabyte": (DAMAGED, is_file(dynamic(b"\0" + b"a" * MIB + b"\0", (DT_NEEDED, 1)))),
    "needed-60000-times": (DAMAGED, is_file(dynamic(NAMES, *[(DT_NEEDED, 1)] * 60000))),
    "needed-escapes": (DAMAGED, is_file(dynamic(b"\0lib" + ESCAPE + b".so\0", (DT_NEEDED, 1)))),
    "needed-escapes-of-8-bits": (DAMAGED, is_file(dynamic(b"\0lib\xc2\x9b2J.so\0", (DT_NEEDED, 1)))),
    "needed-not-unicode": (DAMAGED, is_file(dynamic(b"\0lib\xff\x9b.so\0", (DT_NEEDED, 1)))),
    "needed-out-of-the-tree": ("Libraries are missing", is_file(dynamic(b"\0../../../../../etc/passwd\0", (DT_NEEDED, 1)))),
    "needed-of-slashes": (None, is_file(dynamic(NAMES, (DT_NEEDED, 15)))),
    "soname-twice": (None, is_file(dynamic(NAMES, (DT_SONAME, 1), (DT_SONAME, 1)))),
    "rpath-twice": (DAMAGED, is_file(dynamic(NAMES, (DT_RPATH, 1), (DT_RPATH, 1)))),
    "rpath-of-a-megabyte": (DAMAGED, is_file(dynamic(b"\0" + b"/a:" * MIB + b"\0", (DT_RPATH, 1)))),
    "runpath-of-1300-places": (DAMAGED, is_file(dynamic(b"\0l.so\0" + b"/a:" * 1300 + b"\0", (DT_NEEDED, 1),
                                                        (DT_RUNPATH, 6)))),
    "needed-500-in-120-places": ("Libraries are missing", is_file(dynamic(
        b"".join(b"\0%03d.so" % i for i in range(500)) + b"\0" + b"/a:" * 120 + b"\0",
        *[(DT_NEEDED, 1 + 7 * i) for i in range(500)], (DT_RUNPATH, 3501)))),
    "note-of-3000-names": (None, note(json.dumps([{"soname": [f"{i}.so"]} for i in range(3000)]).encode())),
    "notes-of-2400-names": (None, note(*[json.dumps([{"soname": [f"{i}.so"]} for i in range(20)]).encode()] * 120)),
    "runpath-of-origins": ("Libraries are missing", is_file(dynamic(b"\0l.so\0" + b"$ORIGIN/" * 500 + b"\0", (DT_NEEDED, 1),
                                                    (DT_RUNPATH, 6)))),
    "cache-of-3-megabytes": ("Libraries are missing", cached(3 * MIB)),
    "cache-of-60-megabytes": ("Libraries are missing", cached(60 * MIB)),
    "cache-of-names-without-end": ("Libraries are missing", cached(3 * MIB, 20)),
    "interpreter-missing": ("/nowhere", is_file(interpreter(b"/nowhere\0"))),
    "interpreter-itself": (None, is_file(interpreter(b"/bin/program\0"))),
    "interpreter-relative": (DAMAGED, is_file(interpreter(b"nowhere\0"))),
    "interpreter-without-end": (DAMAGED, is_file(interpreter(b"/nowhere"))),
    "interpreter-behind-the-end": (DAMAGED, is_file(interpreter(b"/nowhere\0", size=4000))),
    "interpreter-of-a-gigabyte": (DAMAGED, is_file(interpreter(b"/nowhere\0", size=1 << 30), 2 << 30)),
    "interpreter-escapes": (DAMAGED, is_file(interpreter(b"/nowhere" + ESCAPE + b"\0"))),
    "interpreter-out-of-the-tree": ("etc/passwd", is_file(interpreter(b"/../../../../../etc/passwd\0"))),
    "sections-4-billion": (DAMAGED, is_file(header(0, 0, HEADER) + struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 1 << 32, 0, 0,
                                                                               0, 0))),
    "sections-behind-the-end": (None, is_file(header(0, 5, 1 << 40))),
    "sections-at-end-of-numbers": (None, is_file(header(0, 5, (1 << 64) - 1))),
    "section-names-huge": (None, with_sections(section(SHT_STRTAB, 0, 1 << 42), names=1, size=1 << 42)),
    "symbols-half-a-million": (None, many_symbols),
    "symbols-of-petabytes": (None, with_sections(section(SHT_DYNSYM, 0, 1 << 50, link=2, entry=24),
                                                 section(SHT_STRTAB, 0, 64), names=2)),
    "symbols-names-without-end": (None, unterminated),
    "symbols-of-size-0": (None, with_sections(section(SHT_DYNSYM, 0, 4096, link=2, entry=0),
                                              section(SHT_STRTAB, 0, 64), names=2, size=8192)),
    "symbols-linked-to-themselves": (None, with_sections(section(SHT_DYNSYM, 0, 240, link=1, entry=24),
                                                         section(SHT_STRTAB, 0, 64), names=2, size=8192)),
    "note-of-nonsense": (None, note(b"[[[[{{{{")),
    "note-deep": (None, note(b"[" * 60000)),
    "note-of-escapes": (None, note(b'[{"soname":["lib\\u001b[2J.so"],"priority":"suggested"}]')),
    "note-of-paths": (None, note(b'[{"soname":["../../etc/passwd"]}]')),
    "note-of-numbers": (None, note(b'[{"soname":7},{"soname":[]},7,null,{"soname":[null]}]')),
    "script-of-itself": ("without end", script(b"/bin/program")),
    "script-of-nothing": ("without an interpreter", script(b"")),
    "script-relative": ("without an interpreter", script(b"sh")),
    "script-without-end": (None, is_file(b"#!/" + b"a" * MIB)),
    "script-escapes": ("without an interpreter", script(b"/bin/" + ESCAPE)),
    "script-missing": ("/nowhere", script(b"/nowhere")),
    "script-env-of-nothing": ("without end", lambda path: (script(b"/bin/program")(path.with_name("env")),
                                                           script(b"/bin/env nowhere")(path))),
}
