# SPDX-License-Identifier: LGPL-2.1-or-later
"""How little a tree may hold: one file of less than 1 kB, and no directory."""
import json
import os
import pathlib
import platform
import subprocess
import sys

import lab
import pytest

HERE = pathlib.Path(__file__).resolve().parent
SMALL = ["--check-os-release=no"]
ASK = "import socket, sys; socket.create_connection((sys.argv[1], 80), 5)"

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="its program is written for x86-64")


@pytest.fixture(scope="module")
def program():
    path = lab.work / "tiny-init"
    subprocess.run([os.environ.get("CC", "cc"), "-nostdlib", "-static", "-no-pie", "-s", "-Wl,-n,--build-id=none", "-o", path,
                    HERE / "tiny-init.S"], check=True)
    return path


@pytest.fixture
def tiny(program):
    where = lab.work / lab.new_name("tiny")
    where.mkdir()
    (where / "init").write_bytes(program.read_bytes())
    (where / "init").chmod(0o755)
    yield where
    lab.remove_tree(where)


def size(where):
    """Bytes of all files."""
    return sum(p.stat().st_size for p in where.rglob("*") if p.is_file())


def test_one_file_of_less_than_a_kilobyte(tiny, record_property):
    assert [p.name for p in tiny.iterdir()] == ["init"]
    print(f"\nthe whole tree: {size(tiny)} bytes")
    record_property("tree_bytes", size(tiny))
    assert size(tiny) <= 1024
    m = lab.Machine(tiny, *SMALL, "--network-veth", notify=False, net=False,
                    prefix=("unshare", "-n", "-m", "--propagation", "private", "sh", "-ec", 'ip link set lo up; exec "$@"', "sh"))
    m.spawn()
    with m:
        lab.wait_for(lambda: "up\n" in m.output(), what="the init")
        assert m.state()["INIT"] == "other"
        inside = subprocess.run(["nsenter", "-t", str(m.leader), "-n", "ip", "-j", "-4", "address", "show", "dev", "host0"],
                                capture_output=True, text=True, check=True).stdout
        address = json.loads(inside)[0]["addr_info"][0]["local"]
        # the machine's kernel answers: nobody in it has to
        asked = subprocess.run(["nsenter", "-t", str(m.process.pid), "-n", sys.executable, "-c", ASK, address],
                               capture_output=True, text=True, timeout=lab.PATIENCE)
        assert "ConnectionRefusedError" in asked.stderr, asked
        done = m.exec("/init", "hello")
        assert (done.returncode, done.stdout) == (5, "hello\n"), done
        assert m.exec("init", "hello").returncode == 127, "there is no PATH to find it in"
        assert m.stop() == 7, m.output()
    assert m.output().endswith("down\n"), m.output()
    m.assert_clean()
    assert size(tiny) <= 1024, "what was made to mount on has no bytes"


def test_a_command_of_it(tiny):
    done = lab.run(tiny, "/init", "word", userns=True, options=SMALL)
    assert (done.returncode, done.stdout) == (5, "word\n"), done


@pytest.mark.parametrize("userns", [True, False], ids=["userns", "host-users"])
@pytest.mark.parametrize("option", ["--read-only", "--volatile=state", "--volatile=overlay", "--ephemeral"])
def test_nothing_is_made_in_a_tree_that_must_not_change(tiny, option, userns):
    """The directories to mount on come as a layer above it."""
    m = lab.Machine(tiny, *SMALL, option, notify=False, userns=userns)
    m.spawn()
    with m:
        lab.wait_for(lambda: "up\n" in m.output(), what=f"the init with {option}")
        for place in ("dev", "proc", "sys", "run", "tmp", "var", "root"):
            assert os.path.isdir(f"/proc/{m.leader}/root/{place}"), place
        root = os.statvfs(f"/proc/{m.leader}/root")
        assert bool(root.f_flag & os.ST_RDONLY) == (option in ("--read-only", "--volatile=state"))
        assert os.stat(f"/proc/{m.leader}/root").st_mode == tiny.stat().st_mode
        assert os.stat(f"/proc/{m.leader}/root/var").st_uid == m.base
        assert m.stop() == 7, m.output()
    assert [p.name for p in tiny.iterdir()] == ["init"]
    m.assert_clean()


@pytest.mark.parametrize("option", [None, "--read-only", "--volatile=state", "--volatile=overlay", "--ephemeral"])
def test_on_a_file_system_that_cannot_be_written(tiny, option):
    """squashfs: by itself, and with each way to have something writable."""
    image = lab.work / lab.new_name("image")
    subprocess.run(["mksquashfs", tiny, image, "-quiet", "-no-progress"], check=True, capture_output=True)
    with lab.folder() as place:
        done = subprocess.run(
            ["unshare", "-m", "--propagation", "private", "sh", "-ec", 'mount -t squashfs -o loop "$1" "$2"; shift 2; exec "$@"', "sh", image, place,
             lab.LAUNCH, "-D", place, "-M", lab.new_name("squash"), "--private-network", "--private-users=pick", "--console=pipe", *SMALL,
             *([option] if option else []), "/init", "word"],
            capture_output=True, text=True, timeout=lab.PATIENCE, stdin=subprocess.DEVNULL, env=lab.clean_environment())
    image.unlink()
    assert (done.returncode, done.stdout) == (5, "word\n"), done


def test_what_else_is_missing_is_named(tiny):
    """A place of the definition's own is not made up."""
    done = lab.run(tiny, "/init", "word", userns=True, options=[*SMALL, "--read-only", "--bind-ro=/etc/hostname:/srv/hostname"])
    assert done.returncode == 1 and "is read-only and has no" in done.stderr and "--volatile=overlay" in done.stderr, done


def test_mounts_in_a_tree_are_not_lost(tiny):
    """An overlay would hide them: then it is an error as before, not a machine without its /usr."""
    (tiny / "usr").mkdir()
    done = subprocess.run(
        ["unshare", "-m", "--propagation", "private", "sh", "-ec", 'mount -t tmpfs tmpfs "$1/usr"; shift; exec "$@"', "sh", tiny,
         lab.LAUNCH, "-D", tiny, "-M", lab.new_name("below"), "--private-network", "--console=pipe", "--private-users=no", *SMALL, "--read-only",
         "/init", "word"], capture_output=True, text=True, timeout=lab.PATIENCE, stdin=subprocess.DEVNULL, env=lab.clean_environment())
    assert done.returncode == 1 and "is read-only and has no directory '/dev'" in done.stderr, done


def test_plan_of_it(tiny):
    plan = json.loads(subprocess.run([lab.STEAD, "plan", "--json", *SMALL, "-b", tiny], capture_output=True, text=True, check=True).stdout)
    assert (plan["command"], plan["init"], plan["architecture"]) == (["/init"], "other", "x86-64")
