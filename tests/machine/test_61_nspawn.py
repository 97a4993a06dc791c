# SPDX-License-Identifier: LGPL-2.1-or-later
"""The launcher called as systemd-nspawn, as a link in PATH makes it: what scripts, builders and units
written for that program rely on."""
import re
import subprocess

import pytest

import lab


@pytest.fixture(scope="module")
def nspawn(tmp_path_factory):
    link = tmp_path_factory.mktemp("bin") / "systemd-nspawn"
    link.symlink_to(lab.LAUNCH)
    return link


def call(nspawn, *args, **more):
    return subprocess.run([nspawn, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=lab.PATIENCE, env=lab.clean_environment(), **more)


def in_tree(nspawn, *args):
    where = lab.tree("bookworm")
    return call(nspawn, "--quiet", "-D", where, "--read-only", "--register=no", "--resolv-conf=off", "--timezone=off",
                "--console=pipe", "-M", lab.new_name("n"), *args)


def test_version_is_read_as_a_number(nspawn):
    # as mkosi 14 does
    assert int(call(nspawn, "--version").stdout.strip().split()[1]) == 257


def test_unknown_options_are_told_as_getopt_does(nspawn):
    # builders look for these words to find out what there is
    assert "unrecognized option '--no-such'" in call(nspawn, "--no-such", "-D", "/dev/null").stderr
    assert "unrecognized option" not in call(nspawn, "--rlimit=RLIMIT_CORE=0", "-D", "/dev/null").stderr


def test_identity_and_defaults(nspawn):
    out = in_tree(nspawn, "sh", "-c", "tr '\\0' '\\n' </proc/1/environ; cat /run/host/container-manager /proc/self/uid_map")
    assert out.returncode == 0, out
    assert "container=systemd-nspawn" in out.stdout.splitlines()
    assert "systemd-nspawn" in out.stdout.splitlines()
    assert re.search(r"^ *0 +0 +4294967295$", out.stdout, re.M), "a user namespace that nobody asked for"


def test_the_environment_wins_over_its_defaults(nspawn):
    env = lab.clean_environment(SYSTEMD_NSPAWN_CONTAINER_SERVICE="mine")
    out = subprocess.run([nspawn, "--dry-run", "-D", lab.tree("bookworm"), "true"], env=env, capture_output=True, text=True)
    assert "container=mine" in out.stdout, out


@pytest.mark.parametrize("command, status", [("exit 0", 0), ("exit 7", 7), ("exit 133", 133), ("kill -9 $$", 137)])
def test_exit_statuses(nspawn, command, status):
    assert in_tree(nspawn, "--as-pid2", "sh", "-c", command).returncode == status


def test_a_command_ended_by_a_signal_fails(nspawn):
    # PID 1 itself can only be killed from outside
    m = lab.Machine(lab.tree("bookworm"), "--read-only", "--as-pid2", boot=False, argv=["sleep", "60"])
    m.args[0] = str(nspawn)
    m.start()
    subprocess.run(["kill", "-9", str(m.leader)], check=True)
    assert m.process.wait(lab.PATIENCE) == 1


def test_the_unit_is_asked_for_a_fresh_start(nspawn):
    # SIGINT to the stub is what ctrl-alt-del is to an init
    m = lab.Machine(lab.tree("bookworm"), "--read-only", "--as-pid2", "--keep-unit", boot=False, argv=["sleep", "60"])
    m.args[0] = str(nspawn)
    m.start()
    subprocess.run(["kill", "-INT", str(m.leader)], check=True)
    assert m.process.wait(lab.PATIENCE) == 133
    out = in_tree(nspawn, "--keep-unit", "--as-pid2", "sh", "-c", "exit 133")
    assert out.returncode == 1, "133 is the unit's word for a reboot"
