# SPDX-License-Identifier: LGPL-2.1-or-later
"""Faults made on purpose. Each start fails with a message of its own that names the object and the
cause, and a line "Try: ..." with the next command to type; nothing is left behind."""
import contextlib
import fcntl
import os
import pathlib
import re
import subprocess

import pytest

import lab

COMMAND = r"Try: *\S+ +\S"


def refuse(tree, *options, expect, boot=True, prefix=(), userns=True, command=(), says_try=COMMAND):
    """Starts, expects a failure whose message matches all of @expect; returns the message."""
    m = lab.Machine(tree, *options, boot=boot, userns=userns, prefix=prefix, argv=command)
    m.spawn()
    status = m.wait()
    text = m.output()
    assert status not in (0, 133), text
    for pattern in (*expect, says_try):
        assert re.search(pattern, text, re.M), f"no {pattern!r} in:\n{text}"
    assert not re.search(r"(?i)\bassert|sanitizer|died too early|unknown error", text), text
    m.assert_clean()
    MESSAGES[re.sub(r"st\d+-\w+|/\S+", "", text)] = True
    return text


MESSAGES = {}


def test_fault_tree_without_init(own_tree):
    tree = own_tree("busybox")
    (tree / "sbin/init").unlink()
    refuse(tree, expect=[r"(?i)no init", r"/sbin/init", re.escape(str(tree))])


def test_fault_proc_already_mounted(own_tree):
    tree = own_tree("busybox")
    subprocess.run(["mount", "-t", "proc", "proc", tree / "proc"], check=True)
    try:
        m = lab.Machine(tree)
        m.spawn()
        assert m.wait() != 0
        assert re.search(r"(?i)mounted.*/proc\b", m.output()) and re.search(r"Try: .*umount", m.output()), m.output()
    finally:
        subprocess.run(["umount", tree / "proc"], check=True)
    m.assert_clean()


def test_fault_missing_tree():
    refuse("/nonexistent/st-tree", expect=[r"/nonexistent/st-tree", r"(?i)no such|not exist|not found"])


def test_fault_unreadable_tree(own_tree):
    """Root without DAC capabilities, as in a service with a small bounding set."""
    tree = own_tree("busybox")
    os.chown(tree, 1, 1)
    tree.chmod(0)
    refuse(tree, prefix=("setpriv", "--bounding-set=-dac_override,-dac_read_search"),
           expect=[re.escape(str(tree)), r"(?i)permission|denied|read"])


def test_fault_read_only_tree_without_a_mount_point(own_tree):
    """What every machine needs is made up (test_99_tiny.py); a place of the definition's own is not."""
    refuse(tree := own_tree("busybox"), "--read-only", "--tmpfs=/srv/web",
           expect=[r"/srv/web\b", r"(?i)read-only", re.escape(str(tree))], says_try=r"Try: mkdir -p .*--volatile=overlay")


def test_fault_init_is_not_executable(own_tree):
    tree = own_tree("static")
    (tree / "sbin/init").chmod(0o644)
    refuse(tree, expect=[r"/sbin/init", r"(?i)not executable|executable bit|permission"], says_try=r"Try: .*chmod")


def test_fault_init_of_another_architecture(own_tree):
    tree = own_tree("static")
    data = bytearray((tree / "sbin/init").read_bytes())
    data[18:20] = (183).to_bytes(2, "little")  # e_machine: aarch64
    (tree / "sbin/init").write_bytes(bytes(data))
    refuse(tree, expect=[r"/sbin/init", r"(?i)architecture|aarch64|arm64|format"])


def test_fault_tree_is_busy(own_tree):
    tree = own_tree()
    with lab.Machine(tree) as m:
        text = refuse(tree, expect=[re.escape(str(tree)), r"(?i)busy|in use"])
        assert m.name in text, "the message should say which machine has it"


def test_fault_missing_bind_source(own_tree):
    refuse(own_tree("static"), "--bind=/nonexistent/st-source:/mnt", expect=[r"/nonexistent/st-source", r"(?i)no such|not exist"])


def test_fault_user_range_is_taken(own_tree):
    base = 0x5BBB0000
    folder = pathlib.Path("/run/systemd/nspawn-uid")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / str(base)
    with open(path, "a") as f:
        fcntl.lockf(f, fcntl.LOCK_EX)
        fcntl.flock(f, fcntl.LOCK_EX)
        try:
            refuse(own_tree("static"), f"--private-users={base}", userns=None, expect=[str(base), r"(?i)taken|in use|busy|locked"])
        finally:
            path.unlink(missing_ok=True)


@pytest.mark.parametrize("limit", ["user.max_user_namespaces", "user.max_mnt_namespaces"])
def test_fault_limit_of_namespaces_is_zero(own_tree, limit):
    """The limit is set in a user namespace of its own, which is the only one that it holds for."""
    tree = own_tree("static")
    prefix = (str(pathlib.Path(__file__).with_name("in_user_namespace.py")), limit)
    refuse(tree, prefix=prefix, expect=[limit.split(".")[1], r"(?i)limit|namespace"], says_try=r"Try: .*sysctl")


def test_fault_not_root(own_tree):
    tree = own_tree("static")
    lab.work.chmod(0o755)
    out = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", lab.LAUNCH, "-D", tree, "-b"],
                         capture_output=True, text=True, timeout=lab.PATIENCE, stdin=subprocess.DEVNULL)
    assert out.returncode != 0 and "root" in out.stderr, out
    assert re.search(r"Try: .*(sudo|run0|root)", out.stderr), out


def test_fault_messages_all_differ():
    """Whatever of the above ran, no two faults were told in the same words."""
    with contextlib.suppress(KeyError):
        assert len(MESSAGES) == len(set(MESSAGES))


@pytest.mark.parametrize("option", ["--nonsense", "--private-users=x", "--volatile=maybe", "--console=none", "--bind=relative/path",
                                    "--rlimit=RLIMIT_NOTHING=1", "--capability=CAP_NOTHING", "--cpu-affinity=x", "--uuid=xyz",
                                    "--uuid=00000000000000000000000000000000", "--kill-signal=NOTHING", "--system-call-filter=@nothing",
                                    "--resolv-conf=x", "--tmpfs=relative", "--setenv=1A=x", "--oom-score-adjust=5000", "--chdir=relative"])
def test_fault_bad_option_names_itself(own_tree, option):
    out = subprocess.run([lab.LAUNCH, "-D", lab.tree("static"), "--read-only", option, "-b"], capture_output=True, text=True, timeout=lab.PATIENCE,
                         stdin=subprocess.DEVNULL)
    assert out.returncode not in (0, 133), out
    assert option.split("=")[0] in out.stderr or option.split("=")[-1] in out.stderr, out.stderr
    assert "Try:" in out.stderr or len(out.stderr.splitlines()) <= 3


@pytest.mark.parametrize("pair", [("-b", "-a"), ("--private-network", "--network-namespace-path=/proc/1/ns/net"),
                                  ("--private-users-ownership=chown", "--read-only"), ("--ambient-capability=CAP_NET_RAW", "-b")])
def test_fault_options_that_exclude_each_other(pair):
    out = subprocess.run([lab.LAUNCH, "-D", lab.tree("static"), "--read-only", *pair], capture_output=True, text=True, timeout=lab.PATIENCE,
                         stdin=subprocess.DEVNULL)
    assert out.returncode not in (0, 133), out
    names = [word.split("=")[0] for word in pair]
    long = {"-b": "--boot", "-a": "--as-pid2"}
    assert any(n in out.stderr or long.get(n, n) in out.stderr for n in names), out.stderr
