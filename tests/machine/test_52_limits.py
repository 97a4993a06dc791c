# SPDX-License-Identifier: LGPL-2.1-or-later
"""Limits where there is no systemd on the host: what the definition says, what `stead set` changes, and what is said
about that which this host cannot do. That limits hold is tested in virtual machines."""
import json
import pathlib

import pytest

import lab
from test_50_verbs import definition, new_machine, stead, web  # noqa: F401 (fixtures)


def controllers():
    top = lab.cgroup_mount()
    return (top / "cgroup.controllers").read_text().split() if top else []


@pytest.fixture
def limited(definition):  # noqa: F811
    """A machine with a definition that a test fills, and its drop-in directory."""
    name, path = definition
    yield name, path, path.with_suffix(".machine.d")
    lab.remove_tree(path.with_suffix(".machine.d"))


def test_plan_shows_what_is_in_force(limited):
    name, path, folder = limited
    path.write_text("[Resources]\nMemoryMax=1G\nCPUQuota=50%\nAllowedCPUs=0\nIPAddressDeny=any\n")
    folder.mkdir()
    (folder / "x.conf").write_text("[Resources]\nMemoryMax=2G\nAllowedCPUs=1\nIPAddressDeny=\n")
    plan = json.loads(stead("plan", "--json", name).stdout)
    assert plan["resources"] == ["CPUQuota=50%", "AllowedCPUs=0 1", "MemoryMax=2G"]
    assert "resources: CPUQuota=50%" in stead("plan", name).stdout


def test_check_names_the_line(limited):
    name, path, _ = limited
    path.write_text("[Resources]\nMemoryMax=1X\nMemoryMx=1G\nSlice=a.service\n")
    said = stead("check", name, status=1).stdout
    assert f"{path}:2: MemoryMax=1X: not a size" in said
    assert f"{path}:3:" in said and "MemoryMax=" in said
    assert f"{path}:4: Slice=a.service" in said


@pytest.mark.skipif("memory" in controllers(), reason="this host has the memory controller")
def test_a_limit_that_cannot_be_is_one_warning(limited):
    name, path, _ = limited
    path.write_text("[Resources]\nMemoryMax=1G\nIPAddressDeny=any\n")
    stead("start", name)
    lines = pathlib.Path("/run/stead/log", name).read_text().splitlines()
    about = [line for line in lines if "without a limit" in line]
    assert len(about) == 2, lines
    memory = next(line for line in about if "MemoryMax=" in line)
    assert "no memory.max here" in memory and "controller" in memory
    assert "cgroup_no_v1=memory" in lines[lines.index(memory) + 1]
    assert "IPAddressDeny= needs systemd" in about[0] + about[1]


@pytest.mark.skipif("memory" in controllers(), reason="this host has the memory controller")
def test_set_says_what_is_missing(limited):
    name, _, folder = limited
    stead("start", name)
    said = stead("set", name, "MemoryMax=64M", status=1).stderr
    assert "there is no memory.max here" in said and "Try:" in said
    assert "IPAddressDeny= needs systemd" in stead("set", name, "IPAddressDeny=any", status=1).stderr
    assert not folder.exists()


@pytest.mark.parametrize("words, text", [
    (["MemoryMx=1G"], "Try: MemoryMax="), (["MemoryMax=1X"], "MemoryMax=1X: not a size"),
    (["MemoryMax"], "'MemoryMax' is not KEY=VALUE"), (["=1"], "is not KEY=VALUE"),
    (["Slice=a.slice"], "Slice= cannot change while"), (["Hostname=x"], "key of section [Exec]"),
    (["Delegate=yes"], "Delegate="), (["MemoryAccounting="], "no empty value")])
def test_set_refuses(web, words, text):  # noqa: F811
    before = stead("show", web).stdout
    assert text in stead("set", web, *words, status=1).stderr
    assert stead("show", web).stdout.split("MemoryCurrent")[0] == before.split("MemoryCurrent")[0]


def test_set_needs_a_machine_and_a_key():
    assert "stead set --help" in stead("set", "x", status=2).stderr
    assert "There is no machine 'nosuch'" in stead("set", "nosuch", "MemoryMax=1G", status=1).stderr


def test_set_of_a_machine_that_does_not_run(limited):
    name, path, folder = limited
    said = stead("set", name, "MemoryMax=64M", status=1).stderr
    assert "is not running" in said and f"stead set --persist {name} MemoryMax=64M" in said
    said = stead("set", "--persist", name, "MemoryMax=64M", "Slice=a.slice").stdout
    assert "MemoryMax=64M (from the next start on)" in said and "Slice=a.slice (from the next start on)" in said
    assert stead("set", "-pq", name, "MemoryMax=32M", "IPAddressDeny=10.0.0.0/8").stdout == ""
    file = folder / "50-set.conf"
    assert file.read_text().splitlines()[1:] == ["[Resources]", "Slice=a.slice", "MemoryMax=32M", "IPAddressDeny=10.0.0.0/8"]
    assert file.stat().st_mode & 0o777 == 0o644 and sorted(p.name for p in folder.iterdir()) == ["50-set.conf"]
    plan = json.loads(stead("plan", "--json", name).stdout)
    assert plan["resources"] == ["Slice=a.slice", "MemoryMax=32M", "IPAddressDeny=10.0.0.0/8"]
    stead("set", "-p", name, "MemoryMax=", "IPAddressDeny=::/0")
    assert file.read_text().splitlines()[1:] == ["[Resources]", "Slice=a.slice", "IPAddressDeny=10.0.0.0/8",
                                                 "MemoryMax=", "IPAddressDeny=::/0"]
    assert json.loads(stead("plan", "--json", name).stdout)["resources"] == [
        "Slice=a.slice", "IPAddressDeny=10.0.0.0/8", "IPAddressDeny=::/0"]


def test_nothing_is_written_of_a_mistake(limited):
    name, _, folder = limited
    stead("set", "-p", name, "MemoryMax=64M", "CPUQuota=lots", status=1)
    assert not folder.exists()


def test_persist_leaves_what_a_person_wrote(limited):
    name, _, folder = limited
    folder.mkdir()
    (folder / "50-set.conf").write_text("# about the host name\n[Exec]\nHostname=x\n\n[Resources]\n# half\nCPUQuota=50%\n")
    stead("set", "-p", name, "CPUQuota=70%")
    assert (folder / "50-set.conf").read_text() == ("# about the host name\n[Exec]\nHostname=x\n\n[Resources]\n# half\n"
                                                    "CPUQuota=70%\n")


def test_persist_does_not_hide_a_nspawn_file(new_machine):  # noqa: F811
    name = new_machine("busybox")
    nspawn = pathlib.Path(f"/etc/systemd/nspawn/{name}.nspawn")
    made = not nspawn.parent.exists()
    nspawn.parent.mkdir(parents=True, exist_ok=True)
    nspawn.write_text("[Exec]\nHostname=x\n")
    try:
        said = stead("set", "-p", name, "MemoryMax=64M", status=1).stderr
        assert str(nspawn) in said and f"cp {nspawn} /etc/stead/{name}.machine" in said
        assert not pathlib.Path(f"/etc/stead/{name}.machine.d").exists()
    finally:
        nspawn.unlink()
        if made:
            nspawn.parent.rmdir()
