# SPDX-License-Identifier: LGPL-2.1-or-later
"""DiskMax= on btrfs with quotas: the state of a machine is a subvolume, whose group has the limit. On a kernel that does
not remove groups by itself: tests/vm/test_80_layers.py."""
import os
import pathlib
import signal

import pytest

import btrfs_quotas
import lab
from btrfs_quotas import BtrfsSite
from lab import new_name, wait_for
from test_94_machines import BASE, DEFINITIONS, sh

MIB = 1 << 20
FILL = "dd if=/dev/zero of=/root/big bs=64k count=2048 2>&1 | head -1; wc -c < /root/big"

if "btrfs" not in pathlib.Path("/proc/filesystems").read_text():
    pytest.skip("this kernel has no btrfs", allow_module_level=True)


@pytest.fixture(params=["full", "simple"])
def site(request):
    try:
        s = BtrfsSite(lab.work / new_name("site"), request.param)
    except OSError as e:
        pytest.skip(f"this kernel has no {request.param} quotas of btrfs: {e}")
    s.base(1)
    yield s
    s.remove()


@pytest.fixture
def plain_site():
    s = BtrfsSite(lab.work / new_name("site"))
    s.base(1)
    yield s
    s.remove()


def create(site, *words):
    """A machine and the number of its group."""
    before = site.groups()
    name = site.create(*words)
    [group] = site.groups() - before
    assert site.is_subvolume(name) and (site.states / name).stat().st_mode & 0o7777 == 0o700
    return name, group


def has_image(site, name):
    return (site.states / name / "state.img").exists()


def test_a_limit_holds_and_a_full_machine_goes_on(site):
    name, group = create(site)
    site.stead("set", "--persist", name, "DiskMax=32M")
    site.stead("start", name)
    assert site.group(group)[1] == 32 * MIB and not has_image(site, name)
    said, size = sh(site, name, FILL).splitlines()
    assert "quota exceeded" in said and 24 * MIB < int(size) <= 32 * MIB, "a machine sees EDQUOT"
    assert 24 * MIB < site.group(group)[0] <= 32 * MIB
    # an overlay that finds no room for its work is read-only
    site.stead("restart", name)
    assert site.group(group)[1] == 32 * MIB
    assert sh(site, name, "rm /root/big && sync && echo x > /root/x && cat /root/x") == "x\n"


def test_a_limit_changes_while_the_machine_runs(site):
    name, group = create(site)
    site.stead("start", name)
    assert site.group(group)[1] is None
    assert site.stead("set", name, "DiskMax=32M").stdout == "DiskMax=32M\n"
    said, size = sh(site, name, FILL).splitlines()
    assert "quota exceeded" in said and int(size) <= 32 * MIB
    refused = site.stead("set", name, "DiskMax=16M", status=1).stderr
    assert "more than DiskMax= would allow" in refused and site.group(group)[1] == 32 * MIB
    assert site.stead("set", name, "DiskMax=96M").stdout == "DiskMax=96M\n"
    assert int(sh(site, name, "cat /root/big > /root/more; wc -c < /root/more")) == int(size)
    assert site.stead("set", name, "DiskMax=").stdout == "DiskMax=infinity\n"
    assert site.group(group)[1] is None


def test_a_start_does_not_go_below_what_is_used(site):
    name, group = create(site)
    (site.upper(name) / "root").mkdir(exist_ok=True)
    (site.upper(name) / "root/big").write_bytes(os.urandom(20 * MIB))
    site.stead("set", "--persist", name, "DiskMax=16M")
    refused = site.stead("start", name, status=1).stderr
    assert "more than DiskMax= would allow" in refused and "DiskMax=21M" in refused, refused
    site.stead("set", "--persist", name, "DiskMax=40M")
    site.stead("start", name)
    assert site.group(group)[1] == 40 * MIB


def test_a_definition_without_create(site):
    name, before = new_name("lm"), site.groups()
    site.names.append(name)
    DEFINITIONS.mkdir(exist_ok=True)
    (DEFINITIONS / f"{name}.machine").write_text(f"[Image]\nLayers={BASE}\n[Exec]\nBoot=yes\n[Network]\nPrivate=yes\n"
                                                 "[Resources]\nDiskMax=32M\n")
    site.stead("start", name)
    [group] = site.groups() - before
    assert site.is_subvolume(name) and site.group(group)[1] == 32 * MIB
    assert (site.states / name).stat().st_mode & 0o7777 == 0o700


def test_update_try_and_copy(site):
    name, group = create(site)
    before = site.snapshot(name)
    site.base(2)
    site.stead("update", name)
    site.switch(name)
    assert site.snapshot(name) != before
    site.stead("rollback", name)
    site.switch(name)
    assert site.snapshot(name) == before, "what a switch took away and gave back was renamed within the subvolume"
    site.stead("try", name, "--", "/bin/sh", "-c", "echo tried > /srv/x")
    site.stead("commit", name, "test/tried", "-m", "a try")
    site.stead("discard", name, status=None)
    groups, copy = site.groups(), new_name("lm")
    site.names.append(copy)
    site.stead("create", "-q", copy, f"--from={name}")
    assert site.is_subvolume(copy) and (site.upper(copy) / "etc/mine").read_text() == "mine\n"
    assert len(site.groups() - groups) == 1 and group in site.groups()


def gone(site, group):
    wait_for(lambda: site.sync() or group not in site.groups(), 40, f"the end of group 0/{group}")


def test_remove_leaves_neither_subvolume_nor_group(site):
    name, group = create(site)
    site.stead("start", name)
    site.stead("set", name, "DiskMax=32M")
    sh(site, name, "dd if=/dev/zero of=/root/big bs=1M count=8")
    site.stead("stop", name)
    site.stead("remove", "--yes", name)
    assert list(site.states.iterdir()) == []
    gone(site, group)
    again = site.create(name=name)
    assert site.is_subvolume(again) and group not in site.groups(), "a number is never given twice"


def test_remove_of_one_that_holds_another(site):
    """Nothing of ours makes them, but people do: a snapshot, say."""
    name, group = create(site)
    inner = site.upper(name) / "srv/inner"
    inner.parent.mkdir(exist_ok=True)
    btrfs_quotas.make_subvolume(inner)
    (inner / "x").write_text("x\n")
    site.stead("remove", "--yes", name)
    assert list(site.states.iterdir()) == []
    gone(site, group)


@pytest.mark.parametrize("call", ["ioctl", "renameat2", "syncfs", "fsync"])
def test_kill_at_each_step_of_create_and_remove(site, call):
    n = 0
    while True:
        n += 1
        codes = []
        name = new_name("lm")
        site.names.append(name)
        for words in (["create", "-q", name, BASE], ["remove", "--yes", name]):
            p = site.spawn("strace", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}",
                           lab.STEAD, *words)
            p.communicate()
            codes.append(p.returncode)
            if p.returncode and words[0] == "create":
                site.stead("remove", "--yes", "--purge", name, status=None)
                site.stead("create", "-q", name, BASE)
        site.stead("remove", "--yes", "--purge", name, status=None)
        if codes == [0, 0]:
            break
    assert n > 1
    last = site.create()  # sweeps
    assert [p.name for p in site.states.iterdir()] == [last]
    wait_for(lambda: site.sync() or len(site.groups()) == 2, 60, "the end of groups")


def test_kill_of_a_launcher(site):
    name, group = create(site)
    site.stead("set", "--persist", name, "DiskMax=32M")
    site.stead("start", name)
    state = dict(line.split("=", 1) for line in pathlib.Path(f"/run/stead/machines/{name}/state").read_text().splitlines())
    os.kill(int(state["LAUNCHER"]), signal.SIGKILL)
    wait_for(lambda: not pathlib.Path(f"/proc/{state['LEADER']}").exists(), 10, "the end of PID 1")
    site.stead("start", name)
    assert site.group(group)[1] == 32 * MIB
    site.stead("stop", name)


def test_without_quotas_it_is_a_file(plain_site):
    site = plain_site
    name = site.create()
    site.stead("set", "--persist", name, "DiskMax=32M")
    site.stead("start", name)
    site.stead("stop", name)
    assert has_image(site, name) and not site.is_subvolume(name) and site.groups() == set()


def test_quotas_that_come_and_go(plain_site):
    """What was there before is a plain directory and stays one."""
    site = plain_site
    old, idle = site.create(), site.create()
    btrfs_quotas.quotas(site.states, btrfs_quotas.ENABLE)
    site.stead("set", "--persist", old, "DiskMax=32M")
    site.stead("start", old)
    assert has_image(site, old), "no subvolume, no group"
    site.stead("start", idle)
    assert sh(site, idle, "cat /etc/mine") == "mine\n"
    refused = site.stead("set", idle, "DiskMax=32M", status=1).stderr
    assert "only a start can do" in refused
    site.stead("stop", old, idle)
    new, group = create(site)
    btrfs_quotas.quotas(site.states, btrfs_quotas.DISABLE)
    site.stead("set", "--persist", new, "DiskMax=32M")
    site.stead("start", new)
    assert has_image(site, new) and sh(site, new, "cat /etc/mine") == "mine\n"
    site.stead("stop", new)
    site.stead("remove", "--yes", new)
    assert not (site.states / new).exists()
