# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sections 10 and 11, and what of 17 and 18 needs no systemd: identity, time zone, resolver, journal."""
import os
import pathlib
import re

import pytest

import lab
import table
from table import row

ID = "0123456789abcdef0123456789abcdef"

table.in_machine(globals(), [
    row("CI-135", "machine id is the container uuid",
        "test $(cat /etc/machine-id) = $(tr '\\0' '\\n' </proc/1/environ | sed -n 's/container_uuid=//p' | tr -d -) && echo same", r"^same$"),
    row("CI-180", "loopback is up", "ip -br link show lo", r"LOWER_UP"),
    row("CI-139", "the tree's host name wins", "hostname", r"^(bullseye|bookworm|trixie)$"),
])


def test_CI_135_id_of_the_tree_wins(own_tree):
    tree = own_tree("busybox")
    (tree / "etc/machine-id").write_text(ID + "\n")
    out = lab.run(tree, "/bin/sh", "-c", "echo $container_uuid", options=["--uuid=ffffffffffffffffffffffffffffffff"])
    assert out.stdout.replace("-", "").strip() == ID, out


@pytest.mark.parametrize("content", ["", "uninitialized\n", None, "not an id\n"])
def test_CI_136_no_id_in_the_tree(own_tree, content):
    tree = own_tree("busybox")
    path = tree / "etc/machine-id"
    path.unlink()
    if content is not None:
        path.write_text(content)
    out = lab.run(tree, "/bin/sh", "-c", "echo $container_uuid", options=[f"--uuid={ID}"])
    assert out.stdout.replace("-", "").strip() == ID, out


def test_CI_139_host_name_is_preset(own_tree):
    tree = own_tree("busybox")
    assert lab.run(tree, "/bin/hostname", options=["-M", f"st{os.getpid()}-host"]).stdout == f"st{os.getpid()}-host\n"
    assert lab.run(tree, "/bin/hostname", options=["--hostname=other"]).stdout == "other\n"


@pytest.mark.parametrize("name", ["a b", "-a", "a-", "a..b", ".a", "a.", "x" * 65, "a/b", "ü"])
def test_CI_141_bad_names_are_refused(own_tree, name):
    out = lab.run(own_tree("static"), "/sbin/init", options=[f"--machine={name}"], timeout=lab.PATIENCE)
    assert out.returncode != 0 and "name" in out.stderr.lower(), out


@pytest.mark.parametrize("name", ["a", "a-b_c.d", "x" * 64, "A1.2"])
def test_CI_141_good_names_are_taken(own_tree, name):
    try:
        with lab.fixed_names():
            assert lab.run(own_tree("busybox"), "/bin/true", options=[f"--machine={name}"]).returncode == 0
    finally:
        pathlib.Path("/run/stead/console", name).unlink(missing_ok=True)


def test_CI_141_default_name_is_the_folder(own_tree):
    tree = own_tree("busybox")
    out = lab.subprocess.run([lab.LAUNCH, "-q", "-D", tree, "--console=pipe", "/bin/hostname"], capture_output=True, text=True,
                             stdin=lab.subprocess.DEVNULL, timeout=lab.PATIENCE, env=lab.clean_environment())
    assert out.stdout.strip() == tree.name, out


@pytest.mark.parametrize("boot", [True, False], ids=["boot", "command"])
def test_CI_142_a_tree_without_os_release(own_tree, boot):
    tree = own_tree("busybox")
    (tree / "etc/os-release").unlink()
    out = lab.run(tree, *([] if boot else ["/bin/true"]), options=["-b"] if boot else [])
    if boot:
        assert out.returncode != 0 and "os-release" in out.stderr and "Try:" in out.stderr, out
    tree = own_tree("busybox")
    (tree / "etc/os-release").unlink()
    again = lab.run(tree, "/bin/true", env={"SYSTEMD_NSPAWN_CHECK_OS_RELEASE": "0"})
    assert again.returncode == 0, again


def test_CI_143_one_writer_for_each_tree(own_tree):
    tree = own_tree()
    with lab.Machine(tree) as m:
        second = lab.run(tree, "/bin/true")
        assert second.returncode != 0 and re.search("(?i)busy|in use", second.stderr) and "Try:" in second.stderr, second
        info = tree.stat()
        locks = [pathlib.Path(f"/run/systemd/nspawn/locks/inode-{info.st_dev}:{info.st_ino}"), tree.with_name(f".#{tree.name}.lck")]
        for lock in locks:
            assert lock.exists(), lock
        assert m.exec("/bin/true").returncode == 0
    for lock in locks:
        lock.unlink(missing_ok=True)


def test_CI_143_readers_share(own_tree):
    tree = own_tree("busybox")
    with lab.Machine(tree, "--read-only", boot=False, argv=["/bin/sleep", "1000"]) as m:
        assert lab.run(tree, "/bin/true", options=["--read-only"]).returncode == 0
        m.kill()


def host_zone():
    path = pathlib.Path("/etc/localtime")
    return os.readlink(path).split("zoneinfo/")[-1] if path.is_symlink() else None


def test_CI_144_time_zone_modes(own_tree):
    tree = own_tree()
    zone = tree / "etc/localtime"
    zone.unlink(missing_ok=True)

    def with_mode(mode):
        return lab.subprocess.run([lab.LAUNCH, "-q", "-D", tree, "--console=pipe", "--private-network", "-M", lab.new_name(),
                                   f"--timezone={mode}", "/bin/true"], capture_output=True, text=True,
                                  stdin=lab.subprocess.DEVNULL, timeout=lab.PATIENCE, env=lab.clean_environment())
    assert with_mode("off").returncode == 0 and not zone.is_symlink() and not zone.exists()
    assert with_mode("symlink").returncode == 0
    if host_zone():
        assert os.readlink(zone) == f"../usr/share/zoneinfo/{host_zone()}"
    assert with_mode("delete").returncode == 0
    assert not zone.is_symlink() and not zone.exists()


def resolv(tree, mode, net=False):
    args = [lab.LAUNCH, "-q", "-D", tree, "--console=pipe", "-M", lab.new_name(), f"--resolv-conf={mode}", "--timezone=off"]
    return lab.subprocess.run([*args, *(["--private-network"] if net else []), "/bin/cat", "/etc/resolv.conf"], capture_output=True,
                              text=True, stdin=lab.subprocess.DEVNULL, timeout=lab.PATIENCE, env=lab.clean_environment())


def test_CI_145_resolver_auto(own_tree):
    tree = own_tree("busybox")
    path = tree / "etc/resolv.conf"
    path.write_text("# mine\n")
    assert resolv(tree, "auto", net=True).stdout == "# mine\n"
    assert resolv(tree, "auto").stdout == pathlib.Path("/etc/resolv.conf").read_text()


def test_CI_146_resolver_modes(own_tree):
    tree = own_tree("busybox")
    path, host = tree / "etc/resolv.conf", pathlib.Path("/etc/resolv.conf").read_text()
    path.write_text("# mine\n")
    assert resolv(tree, "off").stdout == "# mine\n"
    assert resolv(tree, "bind-host").stdout == host and path.read_text() == "# mine\n"
    assert resolv(tree, "copy-host").stdout == host and path.read_text() == host
    path.unlink()
    path.symlink_to("/etc/hostname")
    resolv(tree, "copy-host")
    assert path.is_symlink(), "a copy mode must leave a symlink alone"
    assert resolv(tree, "replace-host").stdout == host and not path.is_symlink()
    resolv(tree, "delete")
    assert not path.exists() and not path.is_symlink()


def test_CI_147_everything_is_resolved_inside_the_tree(own_tree):
    tree = own_tree("busybox")
    with lab.folder() as outside:
        (outside / "resolv.conf").write_text("# outside\n")
        (outside / "os-release").write_text("ID=outside\n")
        (outside / "machine-id").write_text("")
        before = lab.checksum(outside)
        (tree / "etc").rename(tree / "etc.real")
        (tree / "etc").symlink_to(outside)
        for mode in ("copy-host", "replace-host", "delete"):
            out = resolv(tree, mode)
            assert "outside" not in out.stdout
            assert lab.checksum(outside) == before, f"--resolv-conf={mode} wrote outside the tree"
        lab.run(tree, "/bin/true", options=["--timezone=copy", "--link-journal=auto"])
        assert lab.checksum(outside) == before
        assert not re.search("outside", lab.run(tree, "/bin/sh", "-c", "echo $container_uuid").stdout)


def test_CI_138_the_same_id_twice(own_tree):
    """A second machine with the id of a running one is warned of or refused, by name."""
    one, two = own_tree("busybox"), own_tree("busybox")
    for tree in (one, two):
        (tree / "etc/machine-id").write_text(ID + "\n")
    with lab.Machine(one, boot=False, argv=["/bin/sleep", "1000"]) as m:
        m.said("READY=1")
        args = [lab.LAUNCH, "-D", two, "-M", lab.new_name(), "--console=pipe", "--private-network", "/bin/true"]
        out = lab.subprocess.run(args, capture_output=True, text=True, stdin=lab.subprocess.DEVNULL, timeout=lab.PATIENCE, env=lab.clean_environment())
        assert m.name in out.stderr and "id" in out.stderr, out
        m.kill()


@pytest.mark.parametrize("mode, linked", [("no", False), ("guest", True), ("host", True), ("try-guest", False), ("auto", False)])
def test_CI_148_journal_linking(own_tree, mode, linked):
    """The host's journal folder is a private tmpfs here; the try modes do nothing where there is none."""
    tree = own_tree("busybox")
    (tree / "etc/machine-id").write_text(ID + "\n")
    (tree / "var/log/journal").mkdir(parents=True)
    with lab.folder() as d:
        prefix = ("unshare", "-m", "--propagation", "private", "sh", "-ec",
                  "mkdir -p /var/log/journal; mount -t tmpfs tmpfs /var/log/journal; "
                  f'"$@" || touch {d}/failed; ls -lA /var/log/journal >{d}/seen', "sh")
        out = lab.run(tree, "/bin/true", prefix=prefix, options=[f"--link-journal={mode}"])
        seen = (d / "seen").read_text()
        assert not (d / "failed").exists(), out.stderr
        if mode == "no":
            assert ID not in seen
        if linked:
            assert ID in seen, seen
        assert seen.count("->") == (1 if "guest" in mode and ID in seen else 0)


def test_CI_199_no_bus_costs_at_most_one_line(own_tree):
    out = lab.subprocess.run([lab.LAUNCH, "-D", own_tree("busybox"), "-M", lab.new_name(), "--console=pipe", "--private-network", "/bin/true"],
                             capture_output=True, text=True, stdin=lab.subprocess.DEVNULL, timeout=lab.PATIENCE, env=lab.clean_environment())
    assert out.returncode == 0, out
    assert len([line for line in out.stderr.splitlines() if "bus" in line or "machined" in line]) <= 1
