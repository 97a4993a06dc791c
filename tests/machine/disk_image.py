# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disk images for tests, made without mounting anything: file systems from folders, put at their places in
a partition table."""
import dataclasses
import json
import os
import pathlib
import subprocess
import uuid

TYPES = {
    "root": "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", "usr": "8484680C-9521-48C6-9C11-B0720656F69E",
    "home": "933AC7E1-2EB4-4F13-B844-0E14E2AEF915", "srv": "3B8F8425-20E0-4F3B-907F-1A25A76F98E8",
    "var": "4D21B016-B534-45C2-A9FB-5C16E091FD2D", "tmp": "7EC6F557-3BC5-4ACA-B293-16EF5DF639D1",
    "esp": "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "xbootldr": "BC13C2FF-59E6-4262-A352-B275FD6F7172",
    "root-verity": "2C7357ED-EBD2-46D9-AEC1-23D437EC2BF5", "usr-verity": "77FF5F63-E7B6-4633-ACF4-1565B864C0E6",
}
MIB = 1 << 20
SIZES = {"xfs": 300 * MIB, "btrfs": 120 * MIB, "vfat": 8 * MIB}  # mkfs takes no less


@dataclasses.dataclass
class Part:
    role: str
    content: pathlib.Path  # a folder, or a file that is the partition
    fs: str = "ext4"
    size: int = 0
    uuid: str = ""
    flags: str = ""  # "60": read-only


def tool(*argv, **more):
    subprocess.run([str(a) for a in argv], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **more)


def sparse(path, size):
    with open(path, "wb") as f:
        f.truncate(size)


def file_system(path, content, fs="ext4", size=0):
    """A bare file system with what is in the folder @content."""
    path = pathlib.Path(path)
    path.unlink(missing_ok=True)
    if fs not in ("squashfs", "erofs"):
        sparse(path, size or SIZES.get(fs, 64 * MIB))
    if fs == "ext4":
        tool("mkfs.ext4", "-q", "-F", "-b", "4096", "-d", content, path)
    elif fs == "xfs":
        proto = path.with_suffix(".proto")
        proto.write_text(protofile(content))
        tool("mkfs.xfs", "-q", "-f", "-p", proto, path)
        proto.unlink()
    elif fs == "btrfs":
        tool("mkfs.btrfs", "-q", "--rootdir", content, path)
    elif fs == "squashfs":
        tool("mksquashfs", content, path, "-noappend", "-quiet", "-no-progress")
    elif fs == "erofs":
        tool("mkfs.erofs", path, content)
    elif fs == "vfat":
        tool("mkfs.vfat", path)
        for entry in sorted(pathlib.Path(content).iterdir()):
            tool("mcopy", "-s", "-i", path, entry, "::")
    return path


def protofile(top):
    """What mkfs.xfs makes a tree from."""
    lines = ["/dev/null", "0 0"]

    def entry(path, name, depth):
        st = path.lstat()
        mode = f"{'u' if st.st_mode & 0o4000 else '-'}{'g' if st.st_mode & 0o2000 else '-'}{st.st_mode & 0o777:03o}"
        head, tail = "  " * depth + name, f"{mode} {st.st_uid} {st.st_gid}"
        if path.is_symlink():
            lines.append(f"{head} l{tail} {path.readlink()}")
        elif path.is_dir():
            lines.append(f"{head} d{tail}" if name else f"d{tail}")
            for child in sorted(path.iterdir()):
                entry(child, child.name, depth + 1)
            lines.append("  " * depth + "$")
        elif path.is_char_device():
            lines.append(f"{head} c{tail} {os.major(st.st_rdev)} {os.minor(st.st_rdev)}")
        elif path.is_file():
            lines.append(f"{head} -{tail} {path}")
    entry(pathlib.Path(top), "", 0)
    return "\n".join(lines) + "\n"


def partitions(path):
    """[(offset, size)] of the table."""
    out = subprocess.run(["sfdisk", "--json", path], check=True, capture_output=True, text=True).stdout
    table = json.loads(out)["partitiontable"]
    return [(p["start"] * 512, p["size"] * 512) for p in table["partitions"]]


def place(path, files):
    """Each of @files into the partition at its number."""
    for file, (offset, _) in zip(files, partitions(path)):
        tool("dd", f"if={file}", f"of={path}", "bs=1M", "conv=notrunc,sparse", f"seek={offset}", "oflag=seek_bytes")


def made_parts(path, parts):
    files = []
    for i, part in enumerate(parts):
        content = pathlib.Path(part.content)
        if content.is_dir():
            content = file_system(path.with_name(f"{path.name}.{i}"), content, part.fs, part.size)
        files.append(content)
    return files


def gpt(path, parts):
    path = pathlib.Path(path)
    files = made_parts(path, parts)
    sizes = [-(-f.stat().st_size // MIB) for f in files]
    sparse(path, (sum(sizes) + 4) * MIB)
    lines = ["label: gpt"]
    for part, size in zip(parts, sizes):
        line = f"size={size}M, type={TYPES[part.role]}, uuid={part.uuid or uuid.uuid4()}"
        lines.append(line + (f', attrs="GUID:{part.flags}"' if part.flags else ""))
    tool("sfdisk", "-q", path, input="\n".join(lines).encode())
    place(path, files)
    remove(path, files, parts)
    return path


def mbr(path, content, fs="ext4"):
    """One small partition of another type, and an active one of type 83."""
    path = pathlib.Path(path)
    file = file_system(path.with_name(path.name + ".0"), content, fs)
    other = path.with_name(path.name + ".1")
    sparse(other, MIB)
    sparse(path, file.stat().st_size + 6 * MIB)
    tool("sfdisk", "-q", path,
         input=f"label: dos\nsize=1M, type=82\nsize={-(-file.stat().st_size // MIB)}M, type=83, bootable\n".encode())
    place(path, [other, file])
    file.unlink()
    other.unlink()
    return path


def remove(path, files, parts):
    for file, part in zip(files, parts):
        if pathlib.Path(part.content).is_dir():
            file.unlink()
