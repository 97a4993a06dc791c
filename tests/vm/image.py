# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the virtual machine boots from: kernel and root file system, made of the trees vm-host and vm-guest and
the folder image, kept beside the trees under a hash of all that; an initrd of a few modules; and, fresh for
each boot, the build under test as a tar file, which the initrd unpacks over the root.

Run as a program it makes what is missing and prints the folder.
"""
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
MODULES = ["virtio_pci", "virtio_blk", "virtio_console"]
SIZE = "6G"  # sparse

# Everything that init does before systemd; busybox is static.
INIT = """#!/bin/sh
mount -t devtmpfs dev /dev
for m in @MODULES@; do insmod /$m; done
until [ -b /dev/vdb ]; do sleep 0.1; done
mount -t ext4 -o noatime /dev/vda /root
tar -xf /dev/vdb -C /root
umount /dev
exec switch_root /root /lib/systemd/systemd
"""


def trees():
    out = subprocess.run([TOP / "tools/tree", "vm-host", "vm-guest"], check=True, stdout=subprocess.PIPE, text=True)
    found = dict(line.split() for line in out.stdout.splitlines())
    return pathlib.Path(found["vm-host"]), pathlib.Path(found["vm-guest"])


def key(host, guest):
    """Hash of all that the image is made of; the trees carry the hash of their recipes in their names."""
    h = hashlib.sha256(f"{host.name} {guest.name}".encode())
    for path in sorted([pathlib.Path(__file__), *(HERE / "image").rglob("*")]):
        if path.is_file():
            h.update(f"{path.relative_to(HERE)} {path.stat().st_mode:o} ".encode() + path.read_bytes())
    return h.hexdigest()[:12]


def cpio_entry(name, mode, data=b""):
    """One file of an archive in the kernel's "newc" format. Inode numbers matter to hard links only."""
    encoded = name.encode() + b"\0"
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0]
    entry = b"070701" + b"".join(b"%08X" % f for f in fields) + encoded
    entry += b"\0" * (-len(entry) % 4) + data
    return entry + b"\0" * (-len(entry) % 4)


def modules_in_order(folder):
    """Paths of MODULES and of what they need, in the order in which they can be loaded."""
    needs = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[pathlib.Path(path).stem.replace("-", "_")] = [path, *rest.split()]
    order = []
    for name in MODULES:
        order += [p for p in reversed(needs[name]) if p not in order]
    return [folder / p for p in order]


def write_initrd(host, target):
    modules = modules_in_order(next((host / "usr/lib/modules").iterdir()))
    script = INIT.replace("@MODULES@", " ".join(m.name for m in modules))
    archive = [cpio_entry(d, 0o040755) for d in ("bin", "dev", "root")]
    archive.append(cpio_entry("bin/busybox", 0o100755, pathlib.Path("/bin/busybox").read_bytes()))
    archive += [cpio_entry(f"bin/{a}", 0o120777, b"busybox")
                for a in ("sh", "mount", "umount", "insmod", "sleep", "tar", "switch_root", "[")]
    archive += [cpio_entry(m.name, 0o100644, m.read_bytes()) for m in modules]
    archive += [cpio_entry("init", 0o100755, script.encode()), cpio_entry("TRAILER!!!", 0)]
    target.write_bytes(b"".join(archive))


def link_tree(source, target):
    subprocess.run(["cp", "-al", f"{source}/.", target], check=True)


def write_root(host, guest, staging, target):
    """The root file system, from hard links: nothing in the staging folder is written in place."""
    staging.mkdir()
    link_tree(host, staging)
    machines = [staging / "var/lib/machines" / name for name in ("full", "small")]
    for machine in machines:
        machine.mkdir(parents=True)
        link_tree(guest, machine)
    for path in sorted((HERE / "image").rglob("*")):
        place = staging / path.relative_to(HERE / "image")
        if path.is_dir():
            place.mkdir(exist_ok=True)
        else:
            place.unlink(missing_ok=True)
            shutil.copy(path, place)
    subprocess.run(["sh", staging / "usr/lib/stead-vm/prepare", staging, *machines], check=True)
    subprocess.run(["truncate", "-s", SIZE, target], check=True)
    # one fsck and one journal less, both of no use to a file system that is thrown away
    subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-E", "lazy_itable_init=1,nodiscard",
                    "-d", staging, target], check=True)


def make():
    """The folder with kernel, initrd and root.img."""
    host, guest = trees()
    cache = host.parent
    final = cache / f"vm-image-{key(host, guest)}"
    with open(cache / ".vm-image.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if final.is_dir():
            return final
        new = cache / f"{final.name}.new"
        for old in cache.glob("vm-image-*"):
            subprocess.run(["rm", "-rf", "--one-file-system", old], check=True)
        new.mkdir()
        shutil.copy(next((host / "boot").glob("vmlinuz-*")), new / "kernel")
        write_initrd(host, new / "initrd")
        write_root(host, guest, new / "staging", new / "root.img")
        subprocess.run(["rm", "-rf", new / "staging"], check=True)
        new.rename(final)
    return final


def pack_build(build, target):
    """The installed build as a tar file, at a multiple of the block size as a disk wants it."""
    options = json.loads((build / "meson-info/intro-buildoptions.json").read_text())
    prefix = next(o["value"] for o in options if o["name"] == "prefix")
    assert prefix == "/usr", (f"the build in {build} is for prefix {prefix}, a host needs /usr. "
                              f"Try: meson configure {build} --prefix=/usr && ninja -C {build}")
    staging = pathlib.Path(f"{target}.d")
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(staging)
    subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--strip", "--destdir", staging],
                   check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["tar", "-cf", target, "--owner=0", "--group=0", "--format=gnu", "-C", staging, "."], check=True)
    shutil.rmtree(staging)
    os.truncate(target, -(-os.path.getsize(target) // 4096) * 4096)


if __name__ == "__main__":
    print(make())
