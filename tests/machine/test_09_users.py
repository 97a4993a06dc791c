# SPDX-License-Identifier: LGPL-2.1-or-later
"""Section 9: user ids."""
import contextlib
import fcntl
import os
import pathlib
import re

import pytest

import lab
import table
from table import row

LOCKS = pathlib.Path("/run/systemd/nspawn-uid")

table.in_machine(globals(), [
    row("CI-129", "files have the right owner", "stat -c %u:%g / /etc/shadow; ls -ln /etc/shadow | awk '{print $3}'", r"^0:0\n0:\d+\n0$"),
    row("CI-130", "the root is mapped", "findmnt -no OPTIONS /", r"idmapped", userns=True),
    row("CI-133", "what the launcher makes belongs to root", "stat -c '%u:%g %n' /dev /dev/shm /run /run/host /tmp /dev/null /run/host/notify /dev/pts /proc/1 /sys/fs/cgroup "
        "| grep -v '^0:[0-5] '; echo end", r"\Aend$"),
])


@table.on_machines(userns=True)
def test_CI_124_range(machine):
    uid = pathlib.Path(f"/proc/{machine.leader}/uid_map").read_text().split()
    gid = pathlib.Path(f"/proc/{machine.leader}/gid_map").read_text().split()
    base = int(uid[1])
    assert uid == gid and uid[0] == "0" and uid[2] == "65536" and len(uid) == 3
    assert base % 65536 == 0 and 524288 <= base <= 1878982656
    assert machine.sh("cat /proc/self/uid_map").split() == uid
    assert machine.state()["UID_BASE"] == str(base)


@table.on_machines(userns=False)
def test_CI_128_no_user_namespace(machine):
    assert machine.sh("cat /proc/self/uid_map").split() == pathlib.Path("/proc/self/uid_map").read_text().split()


@table.on_machines(userns=True)
def test_CI_126_range_is_locked_for_life(machine):
    path = LOCKS / str(machine.base)
    assert path.exists()
    with open(path, "r+") as f, pytest.raises(BlockingIOError):
        fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)


def base_of(tree, *options, **more):
    out = lab.run(tree, "/bin/cat", "/proc/self/uid_map", options=options, **more)
    assert out.returncode == 0, out
    return int(out.stdout.split()[1])


@contextlib.contextmanager
def taken(base):
    """Holds the range as nspawn would."""
    LOCKS.mkdir(parents=True, exist_ok=True)
    path = LOCKS / str(base)
    with open(path, "a") as f:
        fcntl.lockf(f, fcntl.LOCK_EX)
        fcntl.flock(f, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def test_CI_125_picking_order(own_tree):
    """Same name, same base; a taken one gives another; the owner of the tree's root goes first."""
    tree = own_tree("busybox")
    first = base_of(tree, "-M", f"st{os.getpid()}-picking", userns=True)
    assert base_of(tree, "-M", f"st{os.getpid()}-picking", userns=True) == first
    assert base_of(tree, "-M", f"st{os.getpid()}-picking-other", userns=True) != first
    with taken(first):
        assert base_of(tree, "-M", f"st{os.getpid()}-picking", userns=True) != first


def test_CI_125_owner_of_the_tree_goes_first(own_tree):
    tree = own_tree("busybox")
    owner = 0x5AAA0000
    for path in [tree, *tree.rglob("*")]:
        os.lchown(path, owner, owner)
    assert base_of(tree, userns=True) == owner
    assert lab.run(tree, "/bin/stat", "-c", "%u", "/", "/etc/os-release", userns=True).stdout == "0\n0\n"


def test_CI_126_range_known_to_the_user_database_is_taken(own_tree):
    """A host user with the base's id makes the range taken; seen through a private /etc/passwd."""
    tree = own_tree("busybox")
    base = base_of(tree, "-M", f"st{os.getpid()}-nss", userns=True)
    with lab.folder() as d:
        (d / "passwd").write_text(pathlib.Path("/etc/passwd").read_text() + f"clash:x:{base + 65534}:1::/:/bin/false\n")
        prefix = ("unshare", "-m", "--propagation", "private", "sh", "-ec",
                  f'mount --bind {d}/passwd /etc/passwd; exec "$@"', "sh")
        assert base_of(tree, "-M", f"st{os.getpid()}-nss", userns=True, prefix=prefix) != base


@pytest.mark.parametrize("option, expect", [
    ("1114112", "0 1114112 65536"), ("1114112:1000", "0 1114112 1000"), ("identity", "0 0 65536"), ("no", None), ("pick", r"0 \d+ 65536")])
def test_CI_128_modes(own_tree, option, expect):
    tree = own_tree("busybox")
    out = lab.run(tree, "/bin/cat", "/proc/self/uid_map", options=[f"--private-users={option}"])
    got = " ".join(out.stdout.split())
    if expect is None:
        expect = " ".join(pathlib.Path("/proc/self/uid_map").read_text().split())
    assert re.fullmatch(expect, got), out


def test_CI_128_a_bare_number_is_a_base(own_tree):
    out = lab.run(own_tree("busybox"), "/bin/cat", "/proc/self/uid_map", options=["--private-users=1"])
    assert out.returncode != 0 or out.stdout.split() == ["0", "1", "65536"], out


@pytest.mark.parametrize("tree_name", ["busybox", "bookworm"])
def test_CI_130_131_the_tree_on_disk_is_not_changed(own_tree, tree_name):
    tree = own_tree(tree_name)
    before = lab.checksum(tree)
    out = lab.run(tree, "/bin/sh", "-c", "exit 0", userns=True, options=["--read-only", "--link-journal=no"])
    assert out.returncode == 0, out
    assert lab.checksum(tree) == before


def test_CI_130_what_the_machine_writes_is_root_on_disk(own_tree):
    tree = own_tree("busybox")
    assert lab.run(tree, "/bin/touch", "/root/mine", userns=True).returncode == 0
    assert (tree / "root/mine").stat().st_uid == 0


def test_CI_131_where_mapping_is_impossible_it_is_refused(own_tree):
    """proc cannot be idmapped; nothing is chowned instead of it."""
    tree = own_tree("busybox")
    with lab.folder() as d:
        prefix = ("unshare", "-m", "--propagation", "private", "sh", "-ec",
                  f"mkdir -p {d}/u {d}/w {d}/m; mount -t overlay overlay -o lowerdir={tree},upperdir={d}/u,workdir={d}/w {d}/m; "
                  'exec "$@"', "sh")
        out = lab.run(d / "m", "/bin/true", userns=True, prefix=prefix)
        assert out.returncode != 0, "an overlay cannot be idmapped, so this start has to be refused"
        assert str(d / "m") in out.stderr and "Try:" in out.stderr, out.stderr


@pytest.mark.parametrize("option, owner", [("noidmap", "65534"), ("idmap", "1000"), ("rootidmap", "0")])
def test_CI_132_bind_mounts(own_tree, option, owner):
    with lab.folder() as d:
        (d / "file").write_text("x")
        for path in (d, d / "file"):
            os.chown(path, 1000, 1000)
        d.chmod(0o755)
        out = lab.run(own_tree("busybox"), "/bin/stat", "-c", "%u", "/mnt/file", userns=True, options=[f"--bind={d}:/mnt:{option}"])
        assert out.stdout.strip() == owner, out


@pytest.mark.parametrize("options, ids", [
    ("rootidmap", "0:0 65534:65534"),  # user and group, each from its own
    ("map=1000:33,map=100:34", "33:34 65534:65534"),
    ("umap=1000:33,gmap=100:44", "33:44 65534:65534"),
    ("umap=1000:33", "33:100 65534:7"),
    ("map=999:20:5,gmap=100:1000", "21:1000 65534:65534"),
    ("idmap,map=1000:33", "33:100 5:7"),
    ("idmap,map=1000:5", "5:100 65534:7"),
])
@pytest.mark.parametrize("userns", [True, False], ids=["users", "nousers"])
def test_CI_132_free_maps(own_tree, options, ids, userns):
    if options == "rootidmap" and not userns:
        ids = "1000:100 5:7"  # without a user namespace owners are the host's
    with lab.folder() as d:
        for name, uid, gid in (("one", 1000, 100), ("two", 5, 7)):
            (d / name).write_text("x")
            os.chown(d / name, uid, gid)
        os.chown(d, 1000, 100)
        d.chmod(0o755)
        out = lab.run(own_tree("busybox"), "/bin/stat", "-c", "%u:%g", "/mnt/one", "/mnt/two", userns=userns,
                      options=[f"--bind={d}:/mnt:{options}"])
        assert out.stdout.split() == ids.split(), out


def test_CI_132_writing_through_a_free_map(own_tree):
    """Owners go both ways, and who is in no map makes nothing."""
    with lab.folder() as d:
        d.chmod(0o777)
        script = "chown 33:33 /mnt/x 2>/dev/null; touch /mnt/mine; chown 33:33 /mnt/mine; touch /mnt/root && echo made"
        out = lab.run(own_tree("busybox"), "/bin/sh", "-c", script, userns=True, options=[f"--bind={d}:/mnt:map=1000:33,map=0:0"])
        assert "made" in out.stdout, out
        assert {p.name: p.stat().st_uid for p in d.iterdir()} == {"mine": 1000, "root": 0}
        out = lab.run(own_tree("busybox"), "/bin/sh", "-c", "touch /mnt/other || echo refused", userns=True,
                      options=[f"--bind={d}:/mnt:map=1000:33"])
        assert "refused" in out.stdout and not (d / "other").exists(), out


def test_CI_132_a_map_beyond_the_range_is_refused(own_tree):
    with lab.folder() as d:
        out = lab.run(own_tree("busybox"), "/bin/true", userns=True, options=[f"--bind={d}:/mnt:map=0:65530:10"])
        assert out.returncode != 0 and "from 0 to 65535" in out.stderr, out


def test_CI_132_owneridmap(own_tree):
    tree = own_tree("busybox")
    (tree / "mnt").mkdir()
    os.chown(tree / "mnt", 33, 33)
    with lab.folder() as d:
        (d / "file").write_text("x")
        for path in (d, d / "file"):
            os.chown(path, 1000, 1000)
        d.chmod(0o755)
        out = lab.run(tree, "/bin/stat", "-c", "%u", "/mnt/file", userns=True, options=[f"--bind={d}:/mnt:owneridmap"])
        assert out.stdout.strip() == "33", out


@pytest.mark.parametrize("userns", [True, False], ids=["users", "nousers"])
def test_CI_133_mount_points_that_are_made(own_tree, userns):
    tree = own_tree("busybox")
    with lab.folder() as d:
        out = lab.run(tree, "/bin/stat", "-c", "%u", "/made/up", "/made", "/cache", userns=userns,
                      options=[f"--bind={d}:/made/up/point", "--tmpfs=/cache"])
        assert out.stdout.split() == ["0", "0", "0"], out
    assert (tree / "made").stat().st_uid == 0


def test_CI_134_ids_of_a_tmpfs_are_shifted(own_tree):
    out = lab.run(own_tree("busybox"), "/bin/stat", "-c", "%u:%g %a", "/data", userns=True, options=["--tmpfs=/data:uid=33,gid=34,mode=0750"])
    assert out.stdout == "33:34 750\n", out
