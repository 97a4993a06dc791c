# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hostile trees, a full disk, an old kernel."""
import os
import pathlib
import re
import subprocess

import pytest

import lab


# --- hostile trees ---------------------------------------------------------------------------------

def fifo(path):
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def device(path):
    path.unlink(missing_ok=True)
    os.mknod(path, 0o020666, os.makedev(1, 5))  # /dev/zero never ends


def huge(path):
    path.unlink(missing_ok=True)
    with open(path, "wb") as f:
        f.truncate(1 << 40)


def dangling(path):
    path.unlink(missing_ok=True)
    path.symlink_to("/nonexistent/../../../../etc/shadow")


def loop(path):
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)


@pytest.mark.parametrize("make", [fifo, device, huge, dangling, loop], ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", ["etc/resolv.conf", "etc/machine-id", "etc/os-release", "etc/passwd", "etc/hostname", "etc/localtime"])
def test_CI_207_hostile_file(own_tree, name, make):
    """A start ends, one way or the other: it never hangs, never fills memory, never reads the host's file."""
    tree = own_tree("busybox")
    make(tree / name)
    shadow = pathlib.Path("/etc/shadow").read_bytes()
    args = [lab.LAUNCH, "-q", "-D", tree, "-M", lab.new_name(), "--console=pipe", "--resolv-conf=copy-host", "--user=root", "/bin/echo", "up"]
    out = subprocess.run(["bash", "-c", 'ulimit -v 2000000; exec "$@"', "sh", *args] if not os.environ.get("ASAN_OPTIONS") else args,
                         stdin=subprocess.DEVNULL, capture_output=True, timeout=lab.PATIENCE, env=lab.clean_environment())
    assert out.returncode == 0 or out.stderr, out
    assert pathlib.Path("/etc/shadow").read_bytes() == shadow
    assert shadow[:20] not in out.stderr + out.stdout


@pytest.mark.parametrize("name", ["dev", "proc", "sys", "run", "tmp", "sys/fs/cgroup", "run/host"])
def test_hostile_mount_point_is_a_file(own_tree, name):
    tree = own_tree("busybox")
    path = tree / name
    if path.is_dir():
        path.rmdir()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("not a folder")
    out = lab.run(tree, "/bin/true", timeout=lab.PATIENCE)
    assert out.returncode == 0 or f"/{name}" in out.stderr, out


def test_hostile_names_and_numbers_in_passwd(own_tree):
    tree = own_tree("busybox")
    (tree / "etc/passwd").write_text("root:*:0:0::/root:/bin/sh\n" + "x" * 100000 + "\nbig:*:99999999999999999999:0::/:/bin/sh\nneg:*:-1:-1::/:/bin/sh\n::::::\n")
    assert lab.run(tree, "/bin/id", "-u", options=["--user=root"]).stdout == "0\n"
    for user in ("big", "neg", "nosuch", "x" * 300):
        out = lab.run(tree, "/bin/id", "-u", options=[f"--user={user}"], timeout=lab.PATIENCE)
        assert out.returncode != 0 and out.stderr, out


def test_hostile_device_nodes_in_the_tree(own_tree):
    """With a user namespace a node in the tree is dead; CI-060 looks at the other case."""
    tree = own_tree("busybox")
    os.mknod(tree / "root/mem", 0o020666, os.makedev(1, 1))
    out = lab.run(tree, "/bin/sh", "-c", "head -c1 /root/mem", userns=True)
    assert out.returncode != 0 and re.search(r"(?i)not permitted|denied", out.stderr), out


def test_hostile_setuid_for_the_host(own_tree):
    """What root of the machine makes setuid is nobody's on the host while it is mapped."""
    tree = own_tree("busybox")
    out = lab.run(tree, "/bin/sh", "-c", "cp /bin/busybox /root/su && chmod 4755 /root/su && stat -c %u:%a /root/su", userns=True)
    assert out.stdout == "0:4755\n", out


# --- full disk -------------------------------------------------------------------------------------

def full(where, tail):
    return ("unshare", "-m", "--propagation", "private", "sh", "-ec",
            f"mkdir -p {where}; mount -t tmpfs -o size=64k,nr_inodes={tail} tmpfs {where}; "
            f"dd if=/dev/zero of={where}/filler bs=1k 2>/dev/null || true; " + 'exec "$@"', "sh")


@pytest.mark.parametrize("inodes", [2, 200], ids=["no-inodes", "no-blocks"])
def test_full_run_is_told(own_tree, inodes):
    """No place for the machine's state: it starts all the same, or says so; nothing is half there."""
    tree = own_tree("busybox")
    out = lab.run(tree, "/bin/echo", "up", prefix=full("/run/stead", inodes), userns=True, timeout=lab.PATIENCE)
    if out.returncode != 0:
        assert re.search(r"/run/stead", out.stderr) and re.search(r"(?i)no space", out.stderr), out
    else:
        assert out.stdout == "up\n"


def test_full_tree_is_told(own_tree):
    """The tree has no room for a mount point that has to be made."""
    tree = own_tree("busybox")
    with lab.folder() as d:
        prefix = ("unshare", "-m", "--propagation", "private", "sh", "-ec",
                  f"mount -t tmpfs -o size=8m tmpfs {d}; cp -a {tree}/. {d}/; rmdir {d}/tmp; dd if=/dev/zero of={d}/filler bs=1k 2>/dev/null || true; "
                  f'i=0; while mkdir {d}/root/$i 2>/dev/null && [ $i -lt 2000 ]; do i=$((i+1)); done; exec "$@"', "sh")
        out = lab.run(d, "/bin/echo", "up", prefix=prefix, userns=True, options=["--bind=/etc:/made/up/point"])
        assert out.returncode == 0 or (re.search(r"(?i)no space", out.stderr) and "/made" in out.stderr), out


# --- old kernels -----------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def blocker():
    path = pathlib.Path(lab.work, "block-syscalls")
    subprocess.run(["cc", "-O1", "-Wall", "-o", path, pathlib.Path(__file__).with_name("block-syscalls.c"), "-lseccomp"], check=True)
    return path


# what a kernel below the floor, or a filter around the launcher, takes away
BLOCKED = ["clone3", "openat2", "mount_setattr", "faccessat2", "pidfd_open", "execveat", "clone3,openat2"]


@pytest.mark.parametrize("calls", BLOCKED)
@pytest.mark.parametrize("userns", [False, True], ids=["nousers", "users"])
def test_blocked_calls(own_tree, blocker, calls, userns):
    """A fall-back that works, or a refusal that names the call or the kernel that is needed."""
    out = lab.run(own_tree("busybox"), "/bin/sh", "-c", "stat -c %u /etc/os-release; cat /proc/self/cgroup | grep ^0:; echo up",
                  prefix=(str(blocker), calls), userns=userns)
    if out.returncode == 0:
        assert out.stdout.endswith("up\n") and out.stdout.startswith("0\n") and "0::/\n" in out.stdout, out
    else:
        assert re.search(calls.replace(",", "|") + r"|(?i:kernel|idmap)", out.stderr), out.stderr
        assert re.search(r"[45]\.\d+|Try:", out.stderr), out.stderr
        assert not re.search(r"(?i)died too early|bad message", out.stderr)


@pytest.mark.parametrize("calls", ["clone3", "openat2", "mount_setattr"])
def test_blocked_calls_with_a_real_boot(own_tree, blocker, calls):
    m = lab.Machine(own_tree(), prefix=(str(blocker), calls), userns=False)
    m.spawn()
    try:
        lab.wait_for(lambda: m.said("READY=1") or m.process.poll() is not None, what="ready or refused")
        if m.process.poll() is None:
            assert m.sh("cat /proc/1/comm") == "systemd"
            assert m.stop() == 0
        else:
            assert re.search(r"[45]\.\d+|Try:", m.output()), m.output()
    finally:
        m.kill()
    m.assert_clean()


@pytest.mark.parametrize("calls", ["mount,move_mount", "capset", "seccomp,prctl"])
def test_CI_071_hardening_that_fails_ends_the_start(own_tree, blocker, calls):
    """A mask, a capability set or a filter that cannot be applied is an error, never a weaker machine."""
    out = lab.run(own_tree("busybox"), "/bin/echo", "up", prefix=(str(blocker), calls), userns=False)
    assert out.returncode != 0 and "up" not in out.stdout and out.stderr, out


def test_inside_another_machine(own_tree):
    """The launcher runs in a machine: a private busybox machine in a Debian one, with what Debian has."""
    outer, inner = own_tree(), lab.copy_tree("static")
    try:
        with lab.Machine(outer, f"--bind-ro={lab.LAUNCH}:/usr/local/bin/stead-launch", f"--bind={inner}:/srv/inner:idmap",
                         "--capability=all", "--bind-ro=/usr/lib/x86_64-linux-gnu:/srv/lib", userns=False) as m:
            out = m.sh("cd /; export LD_LIBRARY_PATH=/srv/lib; stead-launch -D /srv/inner -M inner -b --private-users=no "
                       "--private-network --console=read-only >/tmp/said 2>&1 & "
                       "until grep -q 'static-init: up' /tmp/said || ! kill -0 $!; do sleep 0.1; done; kill $!; wait $!; "
                       "s=$?; cat /tmp/said; echo status $s")
            assert "static-init: up" in out and out.endswith("status 0"), out
    finally:
        lab.remove_tree(inner)
