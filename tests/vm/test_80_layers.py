# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines of layers on the oldest kernel that is supported, whose mount options have other limits, and with
project quotas, which kernels for tests lack and which a launcher with all rights could write past."""
import contextlib
import gzip
import hashlib
import pathlib
import re
import subprocess
import tempfile
import uuid

import pytest

import lab

STORE = "/var/lib/stead/store/checkouts"
STATES = "/var/lib/stead/machines"


def tree(name):
    return f"{STORE}/{hashlib.sha256(name.encode()).hexdigest()}"


def stack(vm, machine, *names):
    lines = ["stead-stack 1", "generation 1", *(f"lower {pathlib.Path(tree(n)).name} {n}" for n in names)]
    vm.write_file(f"{STATES}/{machine}/stack", "\n".join(lines) + "\n")
    vm.write_file(f"{STATES}/{machine}/wanted", "1\n")


def command(vm, machine, names, script, *options):
    return vm.run("stead-launch", "--quiet", "--layers=" + " ".join(names), "-M", machine, "--private-network",
                  "--console=pipe", "--register=no", *options, "/bin/sh", "-c", script)


def ok(r):
    assert r.status == 0, r
    return r.out


@pytest.fixture(scope="module")
def store(vm):
    vm.sh(f"mkdir -p {STORE} && chmod 700 /var/lib/stead/store && cp -al /var/lib/machines/small {tree('base')} && "
          f"mkdir -p {tree('top')}/etc && chmod 755 {tree('top')} {tree('top')}/etc && echo hello > {tree('top')}/etc/hello")
    yield vm
    vm.sh("rm -rf /var/lib/stead/store /var/lib/stead/machines")


def test_a_service_boots_from_layers_and_keeps_what_it_writes(store, machine):
    vm = store
    stack(vm, "floor-layers", "base", "top")
    m = machine("floor-layers")
    m.define("[Image]\nLayers=base top\n[Network]\nPrivate=yes\n")
    m.start()
    assert m.sh("cat /etc/hello; cat /proc/1/comm; stat -c %u:%g:%a / /usr/bin/env") == "hello\nsystemd\n0:0:755\n0:0:755"
    assert int(m.sh("cat /proc/self/uid_map").split()[1]) >= 1 << 16
    m.sh("echo mine > /root/x; chown 7:8 /root/x; rm /etc/hello; chmod 4755 /root/x")
    assert STATES not in vm.ok("cat", "/proc/self/mountinfo") and STORE not in vm.ok("cat", "/proc/self/mountinfo")
    assert vm.ok("machinectl", "show", "floor-layers", "-p", "RootDirectory") == f"RootDirectory={STATES}/floor-layers"
    m.stop()
    upper = f"{STATES}/floor-layers/upper"
    assert vm.ok("stat", "-c", "%u:%g:%a %F", f"{upper}/root/x", f"{upper}/etc/hello") == \
        "7:8:4755 regular file\n0:0:0 character special file"
    m.start()
    assert m.sh("stat -c %u:%g /root/x; test -e /etc/hello || echo gone") == "7:8\ngone"
    m.stop()


def test_fifty_layers_in_one_option(store):
    names = ["base", *(f"n{i}" for i in range(49))]
    store.sh("\n".join(f"mkdir -p {tree(n)}/n; chmod 755 {tree(n)} {tree(n)}/n; echo {n} > {tree(n)}/n/{n}; echo {n} > {tree(n)}/which"
                       for n in names[1:]))
    stack(store, "many", *names)
    assert ok(command(store, "many", names, "ls /n | wc -l; cat /which; echo x > /y; cat /y")).split() == ["49", "n48", "x"]


@contextlib.contextmanager
def mounted(vm, kind):
    """States on a file system with project quotas, mounted as long as this lasts."""
    with tempfile.TemporaryDirectory() as where:
        image = pathlib.Path(where, "disk")
        with open(image, "wb") as f:
            f.truncate(400 << 20)
        how = ["mkfs.ext4", "-q", "-O", "quota,project", "-E", "quotatype=prjquota"] if kind == "ext4" else ["mkfs.xfs", "-q"]
        subprocess.run([*how, image], check=True, capture_output=True)
        vm.ok("sh", "-c", "gzip -d | cp --sparse=always /dev/stdin /var/tmp/disk", input=gzip.compress(image.read_bytes(), 1))
    vm.sh(f"modprobe -a loop {kind}; modprobe quota_v2; mkdir -p {STATES} && "
          f"mount -o loop,{'prjquota' if kind == 'ext4' else 'pquota'} /var/tmp/disk {STATES}")
    try:
        yield
    finally:
        vm.sh(f"umount -l {STATES}; rm -f /var/tmp/disk")


FILL = "dd if=/dev/zero of=/root/big bs=64k count=4096 2>&1 | head -1; wc -c < /root/big"


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_project_quota(store, machine, kind):
    vm, names = store, ["base", "top"]
    with mounted(vm, kind):
        stack(vm, "quota", *names)
        ok(command(vm, "quota", names, "echo before > /root/x"))
        out = ok(command(vm, "quota", names, FILL, "--disk-max=32M")).splitlines()
        assert re.search("No space left|quota exceeded", out[0]), out
        assert 24 << 20 < int(out[1]) <= 32 << 20, "root of the host, who has mounted it, must be bound, too"
        assert vm.run("test", "-e", f"{STATES}/quota/state.img").status == 1
        r = command(vm, "quota", names, "true", "--disk-max=16M")
        assert r.status == 1 and "more than DiskMax=" in r.err, r
        # another machine has a project of its own
        stack(vm, "quota2", *names)
        out = ok(command(vm, "quota2", names, FILL, "--disk-max=64M")).splitlines()
        assert 48 << 20 < int(out[1]) <= 64 << 20, out
        vm.sh(f"rm -r {STATES}/quota2")
        # without the machine's restart
        m = machine("quota")
        m.define("[Image]\nLayers=base top\n[Network]\nPrivate=yes\n[Resources]\nDiskMax=40M\n")
        m.start()
        assert m.run("sh", "-c", "cat /root/big > /root/big2").status != 0
        assert vm.ok("stead", "set", "quota", "DiskMax=100M") == "DiskMax=100M"
        m.sh("cat /root/big > /root/big2; cat /root/x; rm /root/big /root/big2")
        r = vm.run("stead", "set", "quota", "DiskMax=")
        assert r.status == 0 and r.out == "DiskMax=infinity\n", r
        m.stop()


@contextlib.contextmanager
def on_btrfs(vm):
    """States on a btrfs with quotas, which the host turns on: there are no btrfs-progs inside."""
    name = str(uuid.uuid4())
    with tempfile.TemporaryDirectory() as where:
        image = pathlib.Path(where, "disk")
        with open(image, "wb") as f:
            f.truncate(400 << 20)
        subprocess.run(["mkfs.btrfs", "-q", "-U", name, image], check=True, capture_output=True)
        subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-ec",
                        f"mkdir {where}/m && mount -o loop {image} {where}/m && btrfs quota enable {where}/m && "
                        f"btrfs quota rescan -w {where}/m && umount {where}/m"], check=True, capture_output=True)
        vm.ok("sh", "-c", "gzip -d | cp --sparse=always /dev/stdin /var/tmp/disk", input=gzip.compress(image.read_bytes(), 1))
    vm.sh(f"modprobe -a loop btrfs; mkdir -p {STATES} && mount -o loop /var/tmp/disk {STATES}")
    try:
        yield f"/sys/fs/btrfs/{name}/qgroups"
    finally:
        vm.sh(f"umount -l {STATES}; rm -f /var/tmp/disk")


def test_quota_group(store, machine):
    """On a kernel that does not remove groups by itself."""
    vm, names = store, ["base", "top"]
    with on_btrfs(vm) as groups:
        before = set(vm.sh(f"ls {groups}").split())
        # the launcher makes the directory, and then has no stack
        assert command(vm, "group", names, "true").status != 0
        [group] = set(vm.sh(f"ls {groups}").split()) - before
        assert vm.sh(f"stat -c %i:%a {STATES}/group") == "256:700"
        stack(vm, "group", *names)
        out = ok(command(vm, "group", names, FILL, "--disk-max=32M")).splitlines()
        assert "quota exceeded" in out[0] and 24 << 20 < int(out[1]) <= 32 << 20, out
        assert vm.sh(f"cat {groups}/{group}/max_referenced") == str(32 << 20)
        assert vm.run("test", "-e", f"{STATES}/group/state.img").status == 1
        assert ok(command(vm, "group", names, "rm /root/big && sync && echo x > /root/x && cat /root/x", "--disk-max=32M")) == "x\n"
        m = machine("group")
        m.define("[Image]\nLayers=base top\n[Network]\nPrivate=yes\n[Resources]\nDiskMax=32M\n")
        m.start()
        assert m.run("sh", "-c", "dd if=/dev/zero of=/root/big bs=1M count=48").status != 0
        assert vm.ok("stead", "set", "group", "DiskMax=100M") == "DiskMax=100M"
        m.sh("dd if=/dev/zero of=/root/big bs=1M count=48; sync")
        r = vm.run("stead", "set", "group", "DiskMax=16M")
        assert r.status == 1 and "more than DiskMax=" in r.err, r
        m.stop()
        vm.ok("stead", "remove", "--yes", "group")
        assert vm.sh(f"ls -A {STATES}") == "" and set(vm.sh(f"ls {groups}").split()) == before


def test_image_grows_while_the_machine_runs(store, machine):
    vm = store
    stack(vm, "image", "base", "top")
    m = machine("image")
    m.define("[Image]\nLayers=base top\n[Network]\nPrivate=yes\n[Resources]\nDiskMax=32M\n")
    m.start()
    assert vm.run("test", "-e", f"{STATES}/image/state.img").status == 0, "the root file system has no quotas"
    assert m.run("sh", "-c", "dd if=/dev/zero of=/root/big bs=1M count=60").status != 0
    assert vm.ok("stead", "set", "--persist", "image", "DiskMax=128M") == "DiskMax=128M"
    m.sh("dd if=/dev/zero of=/root/big bs=1M count=60; sync")
    r = vm.run("stead", "set", "image", "DiskMax=64M")
    assert r.status == 1 and "only become larger" in r.err, r
    m.stop()
    assert vm.ok("losetup", "-l", "-n") == ""
    m.start()
    assert int(m.sh("df -m / | tail -1 | awk '{print $2}'")) > 96
    m.stop()
