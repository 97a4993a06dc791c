# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines of layers on a btrfs of their own, with quotas or without. Whoever works on them enters the mount namespace
of a process that holds it, so that the host's mounts stay as they are.

Knows the ioctls of quotas, and what /sys/fs/btrfs tells of groups; it needs mkfs.btrfs and no more of its programs.
"""
import fcntl
import os
import pathlib
import struct
import subprocess
import uuid

import lab
from test_94_machines import Site

QUOTA_CTL = 0xC0109428  # BTRFS_IOC_QUOTA_CTL
SUBVOL_CREATE = 0x5000940E
SYNC = 0x9408
RESCAN_WAIT = 0x942E
ENABLE, DISABLE, ENABLE_SIMPLE = 1, 2, 4
MODES = {"full": ENABLE, "simple": ENABLE_SIMPLE}
ROOT_INODE = 256  # of every subvolume


def control(path, command, argument=b""):
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, command, bytearray(argument))
    finally:
        os.close(fd)


def quotas(path, command):
    """OSError: this kernel has no such quotas."""
    control(path, QUOTA_CTL, struct.pack("QQ", command, 0))
    if command == ENABLE:
        control(path, RESCAN_WAIT)


def make_subvolume(path):
    control(path.parent, SUBVOL_CREATE, struct.pack("q4088s", 0, path.name.encode()))


def make(path, megabytes=400):
    """A new file system in a file; its UUID."""
    name = str(uuid.uuid4())
    with open(path, "wb") as f:
        f.truncate(megabytes << 20)
    subprocess.run(["mkfs.btrfs", "-q", "-U", name, path], check=True, capture_output=True)
    return name


class BtrfsSite(Site):
    def __init__(self, where, mode=None):
        super().__init__(where)
        self.states.mkdir()
        image = self.where / "disk"
        self.uuid = make(image)
        script = f"mount -o loop {image} {self.states} && echo mounted && exec sleep 10000"
        self.holder = subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", "-ec", script],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "mounted\n"
        self.enter = ["nsenter", "-m", "-t", str(self.holder.pid)]
        self.states = pathlib.Path(f"/proc/{self.holder.pid}/root{self.states}")
        if mode:
            quotas(self.states, MODES[mode])

    def stead(self, *words, status=0, **more):
        p = subprocess.run([*self.enter, lab.STEAD, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, timeout=lab.PATIENCE, stdin=subprocess.DEVNULL,
                           env=lab.clean_environment(**self.env), **more)
        assert status is None or p.returncode == status, f"stead {words}: {p.returncode}\n{p.stdout}\n{p.stderr}"
        return p

    def spawn(self, *words):
        return super().spawn(*self.enter, *words)

    def switch(self, name, status=0, prefix=()):
        return super().switch(name, status, [*self.enter, *prefix])

    def sync(self):
        """The kernel counts when it writes, and this wakes up who removes subvolumes."""
        control(self.states, SYNC)

    def groups(self):
        """Numbers of the groups of subvolumes."""
        return {int(p.name[2:]) for p in pathlib.Path(f"/sys/fs/btrfs/{self.uuid}/qgroups").glob("0_*")}

    def group(self, number):
        """Bytes in it, and its limit or None."""
        self.sync()
        where = pathlib.Path(f"/sys/fs/btrfs/{self.uuid}/qgroups/0_{number}")
        used, most, flags = (int((where / f).read_text(), 0) for f in ("referenced", "max_referenced", "limit_flags"))
        return used, most if flags & 1 else None

    def is_subvolume(self, name):
        return (self.states / name).stat().st_ino == ROOT_INODE

    def remove(self):
        for name in self.names:
            self.forget(name)
        self.holder.kill()
        self.holder.wait()
        super().remove()
