# SPDX-License-Identifier: LGPL-2.1-or-later
"""Section 3: file systems present before PID 1 runs."""
import pathlib
import re
import subprocess

import pytest

import lab
import table
from table import row

OPTIONS = "findmnt -no FSTYPE,OPTIONS "
# systemd may remount these at boot, so the launcher's own work is looked at before any init runs
table.in_command(globals(), [
    row("CI-031", "proc of the pid namespace", OPTIONS + "/proc; cat /proc/1/comm",
        r"^proc +rw,nosuid,nodev,noexec.*\n(sh|dash)$"),
    row("CI-032", "sys is read only", "touch /sys/x", r"Read-only file system"),
    row("CI-033", "sys shows little", "ls /sys | tr '\\n' ' '", r"^block bus class dev devices fs kernel *$"),
    row("CI-033", "sys is a small tmpfs", OPTIONS + "/sys; stat -c %a /sys", r"^tmpfs +ro.*size=4096k.*\n555$"),
    row("CI-034", "only own interfaces", "ls /sys/class/net", r"^lo$"),
    row("CI-035", "cgroup mount point is there", OPTIONS + "/sys/fs/cgroup", r"^cgroup2 +rw,nosuid,nodev,noexec"),
    row("CI-037", "dev is a private tmpfs", OPTIONS + "/dev; stat -c %a /dev", r"^tmpfs +rw,nosuid,(?!.*nodev).*size=4096k.*\n755$"),
    row("CI-037", "dev has many inodes", OPTIONS + "/dev", r"nr_inodes=(64k|65536)"),
    row("CI-038", "shared memory", OPTIONS + "/dev/shm; stat -c %a /dev/shm", r"^tmpfs +rw,nosuid,nodev.*size=\d+k.*\n1777$"),
    row("CI-039", "new devpts instance", OPTIONS + "/dev/pts", r"^devpts +rw,nosuid,noexec.*gid=\d+,mode=620,ptmxmode=666"),
    row("CI-039", "terminals belong to tty", "script -qc 'stat -c %g $(tty)' /dev/null </dev/null | tr -d '\\r'", r"^5$"),
    row("CI-040", "message queues", OPTIONS + "/dev/mqueue; stat -c %u /dev/mqueue", r"^mqueue +.*\n0$"),
    row("CI-041", "run", OPTIONS + "/run; stat -c %a /run", r"^tmpfs +rw,nosuid,nodev.*size=\d+k.*nr_inodes=(800k|819200).*\n755$"),
    row("CI-042", "tmp", OPTIONS + "/tmp; stat -c %a /tmp", r"^tmpfs +rw,nosuid,nodev.*size=\d+k.*\n1777$"),
    row("CI-042", "the tree's own tmp stays when told", OPTIONS + "/tmp; echo none", r"^none$",
        env={"SYSTEMD_NSPAWN_TMPFS_TMP": "0"}),
    row("CI-043", "run host", OPTIONS + "/run/host", r"^\w+ +ro,nosuid,nodev,noexec"),
    row("CI-046", "every mount is made once", "awk '{print $5}' /proc/self/mountinfo | sort | uniq -d; echo end", r"\Aend$"),
    row("CI-047", "read only root", "touch /x; touch /dev/x /run/x /tmp/x && echo others", r"Read-only file system\nothers$",
        options=["--read-only"]),
    row("CI-048", "volatile yes", "findmnt -no FSTYPE /; findmnt -no OPTIONS /usr; touch /x && touch /usr/x",
        r"^tmpfs\nro(.|\n)*Read-only", options=["--volatile=yes"], trees=["bookworm", "trixie"]),
    row("CI-048", "volatile yes needs a merged usr", "true", r"--volatile=yes.*/usr(.|\n)*Try: ", options=["--volatile=yes"], trees=["bullseye"]),
    row("CI-048", "volatile state", "findmnt -no FSTYPE /; findmnt -no FSTYPE /var; touch /var/x; touch /x",
        r"^(ext4|xfs|btrfs|tmpfs|overlay)\ntmpfs\n(.|\n)*/x.*Read-only", options=["--volatile=state"]),
    row("CI-048", "volatile overlay", "findmnt -no FSTYPE /; touch /x /usr/x && ls /x", r"^overlay\n/x$",
        options=["--volatile=overlay"]),
    row("CI-048", "volatile overlay keeps owners", "stat -c %u / /etc /usr/bin/id /etc/shadow | sort -u", r"\A0$",
        options=["--volatile=overlay"]),
    row("CI-029", "root is shared before the init", "findmnt -no PROPAGATION /", r"^shared$"),
    row("CI-029", "root is a mount point", "mountpoint /", r"is a mountpoint"),
])

table.in_machine(globals(), [
    row("CI-029", "root is shared", "findmnt -no PROPAGATION /", r"^shared"),
    row("CI-032", "sys is still read only", "touch /sys/x", r"Read-only file system"),
    row("CI-034", "only own interfaces in a machine", "ls /sys/class/net", r"^lo$"),
    row("CI-043", "run host after boot", "findmnt -no OPTIONS /run/host", r"^ro,nosuid,nodev,noexec"),
    row("CI-046", "no doubled mounts after boot",
        "awk '$5 ~ \"^/(proc|sys|dev|run/host)\" {print $5}' /proc/self/mountinfo | grep -v binfmt | sort | uniq -d; echo end", r"\Aend$"),
    row("CI-040", "message queues after boot", "stat -c %u /dev/mqueue", r"^0$"),
])


@table.on_machines()
def test_CI_030_no_propagation_either_way(machine):
    def mounts():
        return [line for line in lab.mountinfo() if str(machine.where) in line or "st-inside" in line]

    host = pathlib.Path(machine.where, "mnt")
    before = mounts()
    assert machine.sh("mount -t tmpfs st-inside /mnt && echo ok") == "ok"
    try:
        assert mounts() == before
    finally:
        machine.sh("umount /mnt")
    subprocess.run(["mount", "-t", "tmpfs", "st-outside", host], check=True)
    try:
        assert "st-outside" not in machine.sh("cat /proc/self/mountinfo")
    finally:
        subprocess.run(["umount", host], check=True)
    assert mounts() == before


@table.on_machines()
def test_CI_036_selinux_is_hidden_or_read_only(machine):
    if pathlib.Path("/sys/fs/selinux/status").exists():
        assert re.search(r"^ro", machine.sh("findmnt -no OPTIONS /sys/fs/selinux"))
    else:
        assert machine.sh("ls /sys/fs/selinux 2>/dev/null | wc -l") == "0"


@pytest.mark.parametrize("where", ["proc", "sys", "dev"])
def test_CI_044_tree_with_api_mounts_in_it(own_tree, where):
    tree = own_tree("busybox")
    kind = {"proc": "proc", "sys": "sysfs", "dev": "tmpfs"}[where]
    subprocess.run(["mount", "-t", kind, kind, tree / where], check=True)
    try:
        out = lab.run(tree, "/bin/true")
    finally:
        subprocess.run(["umount", tree / where], check=True)
    assert out.returncode != 0
    assert f"/{where}" in out.stderr and re.search(r"Try: .*umount", out.stderr), out.stderr


@pytest.mark.parametrize("userns", [True, False], ids=["users", "nousers"])
def test_CI_045_missing_directories_are_made(own_tree, userns):
    tree = own_tree()
    for name in ("dev", "proc", "sys", "run", "tmp", "root"):
        lab.remove_tree(tree / name)
    for name in ("bin", "sbin", "lib", "lib64"):
        assert (tree / name).is_symlink()
        (tree / name).unlink()
    out = lab.run(tree, "/usr/bin/stat", "-c", "%n %u:%g", "/dev", "/run", "/root", "/var", "/bin", "/lib",
                  userns=userns)
    assert out.returncode == 0, out.stderr
    owners = dict(line.split() for line in out.stdout.splitlines())
    assert set(owners.values()) == {"0:0"}, owners
    assert (tree / "bin").is_symlink() and str((tree / "bin").readlink()) == "usr/bin"


@pytest.mark.parametrize("mode", ["yes", "state", "overlay"])
@pytest.mark.parametrize("userns", [True, False], ids=["users", "nousers"])
def test_CI_048_tree_is_unchanged_after_volatile(own_tree, mode, userns):
    tree = own_tree()
    before = lab.checksum(tree)
    out = lab.run(tree, "/bin/sh", "-c", "touch /var/x /x /etc/x; rm -f /etc/passwd; echo done", userns=userns,
                  options=[f"--volatile={mode}"])
    assert "done" in out.stdout, out
    assert lab.checksum(tree) == before


def test_CI_049_volatile_overlay_copies_nothing(own_tree):
    """With a user namespace the lower layer is mapped, so nothing is copied into memory."""
    tree = own_tree()
    with lab.Machine(tree, "--volatile=overlay", userns=True) as m:
        assert int(m.sh("df --output=used -k / | tail -n 1")) < 64 * 1024  # an overlay counts its upper layer
        assert m.sh("findmnt -no FSTYPE /") == "overlay"
        assert m.sh("stat -c %u /etc/shadow") == "0"


def test_a_first_boot_asks_nobody(own_tree):
    """systemd-firstboot would wait for a key at the console, and nobody is there."""
    tree = own_tree(links=False)
    (tree / "etc/machine-id").write_text("uninitialized\n")
    for name in ("locale.conf", "default/locale", "localtime", "timezone"):
        (tree / "etc" / name).unlink(missing_ok=True)
    with lab.Machine(tree, userns=True) as m:
        assert "systemd.firstboot=no" in m.sh("tr '\\0' ' ' </proc/1/cmdline")
        assert m.sh("systemctl show -P ConditionResult systemd-firstboot") == "yes", "it was no first boot"
        assert len(m.sh("cat /etc/machine-id")) == 32
    with lab.Machine(tree, userns=True) as m:
        assert "firstboot" not in m.sh("tr '\\0' ' ' </proc/1/cmdline")


@pytest.mark.parametrize("mode", ["yes", "state"])
def test_CI_048_a_systemd_boots_volatile(own_tree, mode):
    with lab.Machine(own_tree(), f"--volatile={mode}", userns=True) as m:
        assert m.sh("cat /proc/1/comm") == "systemd"
