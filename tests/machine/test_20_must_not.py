# SPDX-License-Identifier: LGPL-2.1-or-later
"""Section 20: what must not happen."""
import os
import re

import pytest

import lab
import table
from table import row

table.in_machine(globals(), [
    row("CI-204", "sys is not writable", "find /sys -maxdepth 3 -writable ! -type l ! -path '/sys/fs/cgroup*' 2>/dev/null | head -3; echo end; "
        "echo 1 >/sys/kernel/x", r"\Aend\n.*Read-only"),
    row("CI-204", "sys cannot be made writable", "mount -o remount,rw /sys && touch /sys/y && echo writable; echo end", r"^end$",
        unless="^writable", userns=True),
    row("CI-205", "no kmsg behind the console", "readlink -f /dev/console; test /dev/console -ef /dev/kmsg && echo same", unless="^same"),
    row("CI-205", "cgroups are there as a whole", "awk '$5 ~ \"^/sys/fs/cgroup\" {print $4, $5}' /proc/self/mountinfo", r"\A/ /sys/fs/cgroup\Z"),
    row("CI-205", "no block devices", "find /dev -type b | head; echo end", r"\Aend$"),
])


@pytest.mark.parametrize("userns", [True, False], ids=["users", "nousers"])
def test_CI_206_the_tree_is_not_written_to(own_tree, userns):
    tree = own_tree()
    before = lab.checksum(tree)
    with lab.Machine(tree, "--read-only", "--resolv-conf=off", "--timezone=off", "--link-journal=no", userns=userns) as m:
        m.sh("true")
    assert lab.checksum(tree) == before


@pytest.mark.parametrize("link, target", [
    ("etc/resolv.conf", "file"), ("etc/localtime", "file"), ("etc/machine-id", "file"), ("root", "dir"), ("var", "dir"), ("etc", "dir"),
    ("run", "dir"), ("proc", "dir"), ("dev", "dir"), ("tmp", "dir"), ("mnt", "dir")])
def test_CI_207_links_out_of_the_tree(own_tree, link, target):
    """Whatever the tree's own names point to, a folder of the host stays as it is."""
    tree = own_tree("busybox")
    with lab.folder() as outside:
        (outside / "file").write_text("outside\n")
        (outside / "dir").mkdir()
        (outside / "dir/os-release").write_text("ID=x\n")
        path = tree / link
        if path.is_dir() and not path.is_symlink():
            path.rename(path.with_name(path.name + ".real"))
        else:
            path.unlink(missing_ok=True)
        path.symlink_to(outside / target)
        before, mounts = lab.checksum(outside), lab.mountinfo()
        for mode in ("copy-host", "replace-host"):
            lab.run(tree, "/bin/true", userns=True, options=[f"--resolv-conf={mode}", "--timezone=copy", "--tmpfs=/mnt/below",
                                                             f"--bind={outside}/file:/root/below"])
        assert lab.checksum(outside) == before
        lab.assert_no_more(lab.mountinfo, mounts)


def test_CI_208_a_settings_file_beside_the_tree_gains_nothing(own_tree):
    """Trusted keys in an untrusted file are refused or passed over, key by key."""
    tree = own_tree("busybox")
    beside = tree.with_name(tree.name + ".nspawn")
    name = tree.name
    for section, text, probe in (
            ("Exec", "Capability=CAP_SYS_TIME", "grep CapBnd /proc/self/status"),
            ("Exec", "PrivateUsers=no", "cat /proc/self/uid_map"),
            ("Exec", "SystemCallFilter=keyctl", "grep -c . /proc/self/status"),
            ("Files", "Bind=/etc:/mnt", "ls /mnt"),
            ("Files", "PrivateUsersOwnership=chown", "cat /proc/self/uid_map"),
            ("Network", "Private=no", "readlink /proc/self/ns/net")):
        beside.write_text(f"[{section}]\n{text}\n")
        try:
            out = lab.subprocess.run(
                [lab.LAUNCH, "-q", "-D", tree, "-M", name, "--console=pipe", "--settings=override", "--private-network",
                 "--private-users=pick", "--resolv-conf=off", "/bin/sh", "-c", probe],
                capture_output=True, text=True, timeout=lab.PATIENCE, stdin=lab.subprocess.DEVNULL, env=lab.clean_environment())
        finally:
            beside.unlink()
        if out.returncode == 0:
            if "Capability" in text:
                assert not int(out.stdout.split()[1], 16) >> 25 & 1, text
            elif "PrivateUsers" in text:
                assert re.search(r"\b65536\b", out.stdout), (text, out)
            elif "Bind" in text:
                assert "passwd" not in out.stdout, text
            elif "Private=" in text:
                assert out.stdout.strip() != lab.os.readlink("/proc/self/ns/net"), text
        else:
            assert text.split("=")[0] in out.stderr, out


def everything():
    """Folders of the host that a machine could leave something in."""
    found = set()
    for top in ("/run/stead", "/run/systemd", "/run/lock", "/tmp", "/var/lib/machines", "/var/lib/stead"):
        found |= {f"{where}/{name}" for where, folders, files in os.walk(top) for name in folders + files}
    return found


@pytest.mark.parametrize("userns", [True, False], ids=["users", "nousers"])
def test_CI_209_nothing_is_left(own_tree, userns):
    tree = own_tree()
    first = lab.Machine(tree, "--set-credential=a:b", "--tmpfs=/data", userns=userns)
    with first:
        pass
    before, links, mounted = everything(), lab.links(), lab.mountinfo()
    with lab.Machine(tree, "--set-credential=a:b", "--tmpfs=/data", userns=userns, name=first.name) as m:
        m.sh("true")
    m.assert_clean()
    lab.assert_no_more(lab.mountinfo, mounted)
    lab.assert_no_more(lab.links, links)
    assert {p for p in everything() - before if m.name in p} == set()


@table.on_machines()
def test_CI_209_mounts_of_the_host_do_not_change_while_it_runs(machine):
    """The root is a detached mount: the host's table does not grow by one line."""
    lab.assert_no_more(lab.mountinfo, machine.before)


def test_CI_189_a_network_namespace_by_path(own_tree):
    holder = lab.subprocess.Popen(["unshare", "-n", "sh", "-c", "echo up; exec sleep 1000"], stdout=lab.subprocess.PIPE)
    try:
        holder.stdout.readline()
        path = f"/proc/{holder.pid}/ns/net"
        out = lab.run(own_tree("busybox"), "/bin/readlink", "/proc/self/ns/net", net=False, options=[f"--network-namespace-path={path}"])
        assert out.stdout.strip() == lab.os.readlink(path) != lab.os.readlink("/proc/self/ns/net"), out
    finally:
        holder.kill()
        holder.wait()
