# SPDX-License-Identifier: LGPL-2.1-or-later
"""A tree with one of everything that a copy has to keep, and what a tree has, to compare."""
import errno
import hashlib
import os
import pathlib
import socket
import stat
import struct

CAP_NET_RAW = 13
ACL_ACCESS, ACL_DEFAULT, CAPABILITY = "system.posix_acl_access", "system.posix_acl_default", "security.capability"


def acl(entries):
    """[(tag, permissions, id)] as the kernel takes it."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", t, p, i & 0xffffffff) for t, p, i in sorted(entries))


def acl_entries(value):
    return [struct.unpack_from("<HHI", value, at) for at in range(4, len(value), 8)]


def capability(bit, root=None):
    """Permitted and effective; version 2, or 3 for the user namespace whose root is this id."""
    words = struct.pack("<IIII", 1 << bit, 0, 0, 0)
    return struct.pack("<I", 0x02000001) + words if root is None else struct.pack("<I", 0x03000001) + words + struct.pack("<I", root)


def make(top, devices=True, trusted=True):
    """Returns @top, which must not exist."""
    top = pathlib.Path(top)
    (top / "dir/sub").mkdir(parents=True)
    (top / "odd\nname\\").mkdir()
    (top / "empty").write_bytes(b"")
    (top / "file").write_bytes(b"content\n" * 1000)
    (top / "big").write_bytes(os.urandom(3 << 20))
    os.link(top / "file", top / "link1")
    os.link(top / "file", top / "dir/sub/link2")
    (top / "dir/first").write_bytes(b"in a directory")
    os.link(top / "dir/first", top / "dir/sub/second")
    os.symlink("../file", top / "dir/symlink")
    os.symlink("/no/where", top / "dangling")
    os.symlink("/etc", top / "absolute")
    os.mkfifo(top / "fifo", 0o640)
    with socket.socket(socket.AF_UNIX) as s:
        here = os.open(top, os.O_PATH)
        s.bind(f"/proc/self/fd/{here}/socket")
        os.close(here)
    with open(top / "sparse", "wb") as f:
        f.truncate(3 << 30)
        f.seek(1 << 20)
        f.write(b"middle")
        f.seek(2 << 30)
        f.write(b"later")
    if devices:
        os.mknod(top / "char", 0o620 | stat.S_IFCHR, os.makedev(1, 3))
        os.mknod(top / "block", 0o600 | stat.S_IFBLK, os.makedev(7, 5))
    (top / "ping").write_bytes(b"\x7fELF")
    (top / "suid").write_bytes(b"#!")
    for path, uid, gid in (("dir", 33, 34), ("dir/sub", 0, 12), ("file", 1000, 1001), ("dangling", 5, 6), ("fifo", 7, 8),
                           ("socket", 9, 10), ("suid", 0, 33), ("empty", 65533, 65533)):
        os.chown(top / path, uid, gid, follow_symlinks=False)
    for path, mode in (("dir", 0o3771), ("dir/sub", 0o000), ("suid", 0o6755), ("file", 0o4640), ("empty", 0o000)):
        (top / path).chmod(mode)
    os.setxattr(top / "file", "user.note", b"some\0value")
    os.setxattr(top / "dir", "user.note", b"x" * 2000)
    os.setxattr(top / "file", ACL_ACCESS, acl([(1, 6, -1), (2, 7, 1000), (4, 4, -1), (8, 1, 33), (16, 7, -1), (32, 0, -1)]))
    os.setxattr(top / "dir", ACL_DEFAULT, acl([(1, 7, -1), (2, 5, 7), (4, 5, -1), (16, 5, -1), (32, 0, -1)]))
    os.setxattr(top / "ping", CAPABILITY, capability(CAP_NET_RAW))
    if trusted:
        os.setxattr(top / "dir", "trusted.note", b"root only")
    for i, (path, _) in enumerate(sorted(entries(top), reverse=True)):
        os.utime(top / path, ns=(10 ** 18 + i, 11 ** 17 + i), follow_symlinks=False)
    return top


def entries(top):
    """(relative path, lstat) of all that is below @top, and of itself as '.'."""
    top = pathlib.Path(top)
    yield ".", top.lstat()
    todo = [top]
    while todo:
        for e in sorted(os.scandir(todo.pop()), key=lambda e: e.name):
            yield str(pathlib.Path(e.path).relative_to(top)), e.stat(follow_symlinks=False)
            if e.is_dir(follow_symlinks=False):
                todo.append(pathlib.Path(e.path))


def shift(base):
    """How the host sees the numbers of a machine."""
    return lambda n: n - base if n >= base else f"host {n}"


def describe(top, ids=lambda n: n, times=True):
    """What a copy has to keep, entry by entry. @ids: from the numbers that we see."""
    top, found, inodes = pathlib.Path(top), {}, {}
    for path, st in entries(top):
        full = top / path
        one = {"type": stat.S_IFMT(st.st_mode), "mode": oct(stat.S_IMODE(st.st_mode)), "owner": (ids(st.st_uid), ids(st.st_gid))}
        if times:
            one["mtime"] = st.st_mtime_ns
        if stat.S_ISREG(st.st_mode):
            one["size"] = st.st_size
            one["names"] = st.st_nlink
            one["first"] = inodes.setdefault(st.st_ino, path)
            if st.st_size < 100 << 20:
                one["content"] = hashlib.sha1(full.read_bytes()).hexdigest()
            else:
                one["sparse"] = st.st_blocks * 512 < 1 << 20
                one["content"] = stretches(full)
        elif stat.S_ISLNK(st.st_mode):
            one["target"] = os.readlink(full)
        elif stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
            one["device"] = st.st_rdev
        one["attributes"] = attributes(full, ids)
        found[path] = one
    return found


def stretches(path):
    """The data between the holes."""
    found, at = [], 0
    with open(path, "rb") as f:
        while True:
            try:
                at = os.lseek(f.fileno(), at, os.SEEK_DATA)
            except OSError as e:
                assert e.errno == errno.ENXIO
                return found
            end = os.lseek(f.fileno(), at, os.SEEK_HOLE)
            f.seek(at)
            found.append((at, hashlib.sha1(f.read(end - at)).hexdigest()))
            at = end


def attributes(path, ids=lambda n: n):
    found = {}
    for name in os.listxattr(path, follow_symlinks=False):
        value = os.getxattr(path, name, follow_symlinks=False)
        if name in (ACL_ACCESS, ACL_DEFAULT):
            value = [(t, p, ids(i) if t in (2, 8) else 0) for t, p, i in acl_entries(value)]
        elif name == CAPABILITY:
            # version 3 with the machine's root is version 2 inside
            root = struct.unpack_from("<I", value, 20)[0] if len(value) == 24 else 0
            value = (value[4:20], ids(root))
        found[name] = value
    return found
