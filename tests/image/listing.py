# SPDX-License-Identifier: LGPL-2.1-or-later
"""All that makes two trees equal, as text: each path with type, mode, owner, size, time, device, link, extended
attributes and contents. Run as a program it prints the listing of a folder, for diff(1)."""
import hashlib
import os
import stat
import sys

TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "link", stat.S_IFCHR: "char", stat.S_IFBLK: "block",
         stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}


def contents(path, st):
    if stat.S_ISREG(st.st_mode):
        with open(path, "rb") as f:
            return hashlib.file_digest(f, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else \
                hashlib.sha256(f.read()).hexdigest()
    if stat.S_ISLNK(st.st_mode):
        return os.readlink(path)
    return f"{st.st_rdev:x}" if stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode) else "-"


def attributes(path):
    return ",".join(f"{name}={os.getxattr(path, name, follow_symlinks=False).hex()}"
                    for name in sorted(os.listxattr(path, follow_symlinks=False)))


def listing(top, exact=True):
    """path -> what is there; if not exact, without times and hard links."""
    found = {}
    first = {}  # hard links: inode -> first path
    for folder, folders, files in os.walk(top):
        folders.sort()
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            st = os.lstat(path)
            shown = os.path.relpath(path, top)
            fields = [TYPES[stat.S_IFMT(st.st_mode)], f"{stat.S_IMODE(st.st_mode):04o}", f"{st.st_uid}:{st.st_gid}"]
            if exact:
                fields.append(str(st.st_mtime_ns))
            if exact and st.st_nlink > 1 and not stat.S_ISDIR(st.st_mode):
                fields.append(f"same-as={first.setdefault((st.st_dev, st.st_ino), shown)}")
            found[shown] = " ".join([*fields, contents(path, st), attributes(path)]).rstrip()
    return found


def differences(one, other):
    """Lines for people: what only one has, and what is not the same."""
    for path in sorted({*one, *other}):
        if one.get(path) != other.get(path):
            yield f"{path}\n  - {one.get(path, 'not there')}\n  + {other.get(path, 'not there')}"


if __name__ == "__main__":
    for where, what in sorted(listing(sys.argv[1]).items()):
        print(where, what)
