# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disk images on the oldest kernel that is supported, where a device mapper checks hashes and a unit has to be
allowed its devices. The images are made outside."""
import gzip
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

import lab

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.append(str(TOP / "tests/machine"))
import disk_image  # noqa: E402
from disk_image import MIB, Part  # noqa: E402

FOLDER = "/var/tmp/images"


@pytest.fixture(scope="module")
def work():
    path = pathlib.Path(tempfile.mkdtemp(prefix="stead-images.", dir="/var/tmp"))
    source = subprocess.run([TOP / "tools/tree", "busybox"], check=True, capture_output=True, text=True).stdout.split()[-1]
    tree = path / "tree"
    subprocess.run(["cp", "-a", source, tree], check=True)
    for name in ("home", "efi"):
        (tree / name).mkdir()
    (tree / "etc/hello").write_text("hello\n")
    (tree / "etc/big").write_bytes(b"stead" * 200_000)
    part = path / "part"
    part.mkdir()
    (part / "file").write_text("from the image\n")
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def host(vm):
    vm.sh(f"mkdir -p {FOLDER}")
    yield vm
    vm.sh(f"rm -rf {FOLDER}")


def send(vm, path, name=None):
    """The file, sparse, in the virtual machine."""
    place = f"{FOLDER}/{name or path.name}"
    vm.ok("sh", "-c", f"gzip -d | cp --sparse=always /dev/stdin {place}", input=gzip.compress(path.read_bytes(), 1))
    return place


def launch(vm, path, script, *options, name="image"):
    return vm.run("stead-launch", "--quiet", "-i", path, "-M", name, "--private-network", "--console=pipe",
                  "--register=no", *options, "/bin/sh", "-c", script)


def ok(r):
    assert r.status == 0, r
    return r.out


def refused(r, *words):
    assert r.status == 1 and all(w in r.err for w in words), r


def clean(vm):
    lab.wait_for(lambda: vm.ok("losetup", "-l", "-n") == "" and vm.sh("ls /dev/dm-* 2>/dev/null; true") == "",
                 what="loop and verity devices to go")


def verity(path):
    """Hashes beside it; the root hash."""
    hashes = path.with_suffix(".verity")
    out = subprocess.run(["veritysetup", "format", path, hashes], check=True, capture_output=True, text=True).stdout
    return hashes, re.search(r"Root hash:\s+(\w+)", out)[1]


def test_partitions(host, work):
    path = disk_image.gpt(work / "gpt.raw", [Part("root", work / "tree", size=24 * MIB), Part("home", work / "part", size=8 * MIB),
                                             Part("esp", work / "part", "vfat")])
    there = send(host, path)
    script = "cat /home/file /efi/file; grep -E ' (/|/home|/efi) ' /proc/mounts; echo x > /home/x; echo y > /y"
    out = ok(launch(host, there, script)).splitlines()
    assert out[:2] == ["from the image"] * 2, out
    assert [re.match(r"\S+ (\S+) (\S+) rw,\S*nodev", line).groups() for line in out[2:]] == \
        [("/", "ext4"), ("/home", "ext4"), ("/efi", "vfat")] and all("idmapped" in line for line in out[2:])
    assert "nosuid" in out[4] and "noexec" in out[4]
    assert ok(launch(host, there, "cat /home/x /y")) == "x\ny\n"
    out = ok(launch(host, there, "echo z > /home/z; cat /home/x /home/z; ls /efi", "--ephemeral"))
    assert out == "x\nz\n"
    clean(host)


@pytest.mark.parametrize("fs", ["xfs", "btrfs", "erofs", "squashfs"])
def test_kinds(host, work, fs):
    there = send(host, disk_image.file_system(work / f"{fs}.raw", work / "tree", fs))
    if fs == "squashfs":  # which 6.2 maps
        refused(launch(host, there, "true"), "cannot be shown through the user range", "--private-users=no")
    users = "--private-users=no" if fs == "squashfs" else "--private-users=pick"
    assert ok(launch(host, there, "cat /etc/hello", users)) == "hello\n"
    # two at once, of which the second must not want the file system's UUID for itself
    first = host.begin("stead-launch", "--quiet", "-i", there, "-M", "first", "--private-network", "--console=pipe",
                       "--register=no", "--read-only", users, "/bin/sh", "-c", "echo up; sleep 1000")
    lab.wait_for(lambda: host.ok("losetup", "-l", "-n") or first.done.is_set(), what="the first")
    assert ok(launch(host, there, "cat /etc/hello", "--read-only", users)) == "hello\n"
    assert len(host.ok("losetup", "-l", "-n").splitlines()) == 1
    if fs != "squashfs" and fs != "erofs":
        refused(launch(host, there, "true", users), "is in use by machine 'first'")
    host.sh(f"cp --sparse=always {there} {there}.copy")
    if fs == "btrfs":  # of which 6.7 mounts two
        refused(launch(host, f"{there}.copy", "true", users), "is a copy of one that is mounted", "btrfstune -u")
    else:
        assert ok(launch(host, f"{there}.copy", "cat /etc/hello", users)) == "hello\n"
    first.kill()
    first.wait()
    clean(host)
    host.sh(f"rm {there} {there}.copy")


def test_blocks_are_checked(host, work):
    path = disk_image.file_system(work / "checked.raw", work / "tree", size=24 * MIB)
    hashes, root = verity(path)
    there = send(host, path)
    send(host, hashes)
    option = f"--root-hash={root}"
    out = ok(launch(host, there, "cat /etc/hello; grep ' / ' /proc/mounts; echo x > /x || true", option)).splitlines()
    assert out[0] == "hello" and out[1].startswith("/dev/dm-") and " ro," in out[1], out
    clean(host)
    # found beside it, and by the attribute
    host.write_file(f"{FOLDER}/checked.roothash", root + "\n")
    assert "/dev/dm-" in ok(launch(host, there, "cat /proc/mounts", "--image-policy=root=verity"))
    assert "/dev/loop" in ok(launch(host, there, "cat /proc/mounts", "--image-policy=root=unprotected"))
    host.sh(f"rm {FOLDER}/checked.roothash")
    refused(launch(host, there, "true", "--image-policy=root=verity"), "not protected", "--root-hash=HEX")
    r = launch(host, there, "true", "--root-hash=" + "0" * 64)
    assert r.status == 1 and "Failed to mount root" in r.err, r
    clean(host)


def test_a_damaged_block_cannot_be_read(host, work):
    path = disk_image.file_system(work / "damaged.raw", work / "tree", size=24 * MIB)
    hashes, root = verity(path)
    data = bytearray(path.read_bytes())
    at = data.index(b"stead" * 1000) + 500_000
    assert data[at:at + 5] in (b"stead", b"teads", b"eadst", b"adste", b"dstea")
    data[at] ^= 1
    path.write_bytes(data)
    there = send(host, path)
    send(host, hashes)
    r = launch(host, there, "cat /etc/hello; cat /etc/big > /dev/null && echo read", f"--root-hash={root}")
    assert r.out == "hello\n" and "/etc/big: I/O error" in r.err or "Input/output error" in r.err, r
    assert "is not what its root hash says" in r.err and there in r.err, r
    assert re.search(rf"verity: .*data block {at // 4096} is corrupted", host.ok("dmesg"))
    clean(host)


def test_hashes_in_a_partition(host, work):
    bare = disk_image.file_system(work / "bare.raw", work / "tree", size=24 * MIB)
    hashes, root = verity(bare)
    ids = [f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}" for h in (root[:32], root[32:])]
    parts = [Part("root", bare, uuid=ids[0]), Part("root-verity", hashes, uuid=ids[1])]
    there = send(host, disk_image.gpt(work / "parts.raw", parts))
    assert "/dev/dm-" in ok(launch(host, there, "cat /proc/mounts", f"--root-hash={root}"))
    assert "/dev/loop" in ok(launch(host, there, "cat /proc/mounts"))
    refused(launch(host, there, "true", "--root-hash=" + "1" * 64), "does not belong to root hash")
    # killed before it could let go; of a process that lives; of somebody else
    for name in ("stead-999999-root", "stead-1-root", "stead-x", "other"):
        host.ok("dmsetup", "create", name, "--notable")
    assert "/dev/dm-" in ok(launch(host, there, "cat /proc/mounts", f"--root-hash={root}"))
    assert sorted(line.split()[0] for line in host.ok("dmsetup", "ls").splitlines()) == ["other", "stead-1-root", "stead-x"]
    for name in ("stead-1-root", "stead-x", "other"):
        host.ok("dmsetup", "remove", name)
    # a killed launcher
    begun = host.begin("stead-launch", "--quiet", "-i", there, "-M", "hashed", "--private-network", "--console=pipe",
                       "--register=no", f"--root-hash={root}", "/bin/sh", "-c", "sleep 1000")
    lab.wait_for(lambda: "stead-" in host.ok("dmsetup", "ls") or begun.done.is_set(), what="the machine")
    assert not begun.done.is_set(), begun.wait()
    begun.kill()
    begun.wait()
    clean(host)


def test_a_unit_boots_an_image(host, machine):
    """Found by its name, with the devices that the generator allows; the machine itself has none of them."""
    place = "/var/lib/machines/ofimage.raw"
    host.sh(f"truncate -s 1G {place} && mkfs.ext4 -q -E lazy_itable_init=1 -d /var/lib/machines/small {place}", timeout=300)
    try:
        m = machine("ofimage")
        host.sh("rm /etc/stead/ofimage.machine")
        r = host.run("stead", "start", "ofimage")
        assert r.status == 0, f"{r}\n{host.run('systemctl', 'status', '-n', '40', m.unit)}"
        assert host.ok("systemctl", "is-active", m.unit).strip() == "active"
        assert m.sh("cat /proc/1/comm; grep -c ' / ext4 ' /proc/mounts") == "systemd\n1"
        assert host.ok("machinectl", "show", "ofimage", "-p", "RootDirectory").strip() == f"RootDirectory={place}"
        host.ok("stead", "stop", "ofimage")
        clean(host)
        m.define("[Image]\nImage=/var/lib/machines/ofimage.raw\n[Exec]\nPrivateUsers=no\n[Network]\nPrivate=yes\n")
        host.ok("stead", "start", "ofimage")
        assert m.sh("mknod /tmp/l b 7 0 2>&1 | grep -c 'not permitted'") == "1", \
            "loop devices are other machines' disks"
        host.ok("stead", "stop", "ofimage")
        clean(host)
    finally:
        host.sh(f"rm -f {place} /etc/stead/ofimage.machine")
