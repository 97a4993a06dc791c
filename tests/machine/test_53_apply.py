# SPDX-License-Identifier: LGPL-2.1-or-later
"""stead diff and apply where there is no systemd on the host: options of a definition, key by key."""
import json
import pathlib

import pytest

import lab
from test_50_verbs import definition, new_machine, stead  # noqa: F401 (fixtures)


@pytest.fixture(params=["busybox", "bookworm"])
def running(request, new_machine):  # noqa: F811
    """A running machine and its definition."""
    name = new_machine(request.param)
    path = pathlib.Path(f"/etc/stead/{name}.machine")
    path.parent.mkdir(exist_ok=True)
    path.write_text("[Exec]\nHostname=first\n")
    stead("start", name)
    yield name, path, request.param
    stead("stop", "--force", name, status=None)
    path.unlink(missing_ok=True)


def diff(name, status=1):
    """(key, declared, running, how) of each row."""
    rows = json.loads(stead("diff", "--json", name, status=status).stdout)
    return [(r["key"], r["declared"], r["running"], r["how"]) for r in rows]


def apply(*words, status=0):
    rows = json.loads(stead("apply", "--json", *words, status=status).stdout)
    return {(r["key"], r["declared"]): r["result"] for r in rows}


def leader(name):
    return stead("show", "--value", "-p", "Leader", name).stdout.strip()


def test_no_difference(running):
    name, path, _ = running
    assert diff(name, 0) == []
    assert stead("diff", name).stdout == ""
    # the same in other words, and defaults written out
    path.write_text("[Exec]\nHostname=first\nEphemeral=off\nStopTimeoutSec=1min 30s\nCPUAffinity=\n[Files]\nReadOnly=no\n")
    assert diff(name, 0) == []
    assert apply(name) == {}


def test_hostname_and_oom_score_are_live(running):
    name, path, _ = running
    path.write_text("[Exec]\nHostname=second\nOOMScoreAdjust=123\nStopTimeoutSec=7\n")
    assert diff(name) == [("StopTimeoutSec", "7s", None, "next start"), ("Hostname", "second", "first", "live"),
                          ("OOMScoreAdjust", "123", None, "live")]
    text = stead("diff", name, status=1).stdout
    assert text.splitlines()[0].split() == ["KEY", "DECLARED", "RUNNING", "ORIGIN", "HOW"]
    assert f"{path}:2" in text
    before = leader(name)
    assert apply(name, "--dry-run") == {("StopTimeoutSec", "7s"): None, ("Hostname", "second"): None, ("OOMScoreAdjust", "123"): None}
    assert len(diff(name)) == 3
    assert apply(name) == {("StopTimeoutSec", "7s"): "waits", ("Hostname", "second"): "done", ("OOMScoreAdjust", "123"): "done"}
    assert leader(name) == before
    assert stead("exec", name, "--", "cat", "/proc/sys/kernel/hostname").stdout == "second\n"
    assert pathlib.Path(f"/proc/{before}/oom_score_adj").read_text() == "123\n"
    assert diff(name) == [("StopTimeoutSec", "7s", None, "next start")]
    path.write_text("")
    assert apply(name) == {("Hostname", None): "done", ("OOMScoreAdjust", None): "done"}
    assert stead("exec", name, "--", "cat", "/proc/sys/kernel/hostname").stdout == name + "\n"
    assert pathlib.Path(f"/proc/{before}/oom_score_adj").read_text() == "0\n"
    assert diff(name, 0) == []


def test_a_reboot_undoes_what_was_applied(running):
    name, path, _ = running
    path.write_text("[Exec]\nHostname=second\n")
    assert apply(name) == {("Hostname", "second"): "done"}
    stead("reboot", name)
    assert diff(name) == [("Hostname", "second", "first", "live")]


def test_limits_of_pid_1(running):
    name, path, tree = running
    path.write_text("[Exec]\nHostname=first\nLimitCORE=0:1M\nLimitNOFILE=2000\n")
    systemd = tree == "bookworm"
    assert diff(name) == [("LimitCORE", "0:1048576", None, "live"),
                          ("LimitNOFILE", "2000", None, "restart" if systemd else "live")]
    apply(name, "--no-restart", status=1 if systemd else 0)
    limits = pathlib.Path(f"/proc/{leader(name)}/limits").read_text()
    assert [line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core file")] == [["0", "1048576"]]
    assert ("Max open files            2000 " in limits) != systemd


def test_environment_is_told_to_systemd(running):
    name, path, tree = running
    path.write_text('[Exec]\nHostname=first\nEnvironment=A=1 "B=2 3"\n')
    how = "reload" if tree == "bookworm" else "restart"
    assert diff(name) == [("Environment", "A=1", None, how), ("Environment", '"B=2 3"', None, how)]
    before = leader(name)
    assert set(apply(name).values()) == {"done" if tree == "bookworm" else "restart"}
    assert (leader(name) == before) == (tree == "bookworm")
    assert diff(name, 0) == []
    if tree != "bookworm":
        assert b"\0B=2 3\0" in pathlib.Path(f"/proc/{leader(name)}/environ").read_bytes()
        return
    path.write_text("[Exec]\nHostname=first\nEnvironment=A=2\n")
    apply(name)
    shown = stead("exec", name, "--", "systemctl", "show-environment").stdout.splitlines()
    assert "A=2" in shown and not any(line.startswith("B=") for line in shown)
    assert diff(name, 0) == [] and leader(name) == before


def test_mounts_come_and_go(running, tmp_path):
    name, path, _ = running
    (tmp_path / "file").write_text("here")
    tmp_path.chmod(0o755)
    path.write_text(f"[Exec]\nHostname=first\n[Files]\nBind={tmp_path}:/run/bound:idmap\nBind=/dev/null:/run/null\n")
    assert [(r[0], r[3]) for r in diff(name)] == [("Bind", "live"), ("Bind", "restart")]
    path.write_text(f"[Exec]\nHostname=first\n[Files]\nBind={tmp_path}:/run/bound:idmap\n")
    before = leader(name)
    assert list(apply(name).values()) == ["done"]
    assert stead("exec", name, "--", "cat", "/run/bound/file").stdout == "here"
    assert diff(name, 0) == []
    # one of a person's is no difference
    stead("bind", "--mkdir", name, tmp_path, "/run/other:idmap")
    assert diff(name, 0) == []
    path.write_text("[Exec]\nHostname=first\n")
    assert [(r[0], r[1], r[3]) for r in diff(name)] == [("Bind", None, "live")]
    assert list(apply(name).values()) == ["done"]
    assert stead("exec", name, "--", "ls", "/run/bound").stdout == ""
    assert stead("exec", name, "--", "cat", "/run/other/file").stdout == "here"
    assert diff(name, 0) == [] and leader(name) == before
    stead("unbind", name, "/run/other")
    # one that the machine was started with goes with a restart
    path.write_text(f"[Exec]\nHostname=first\n[Files]\nBind={tmp_path}:/run/bound:idmap\n")
    stead("restart", name)
    path.write_text("[Exec]\nHostname=first\n")
    assert [(r[0], r[1], r[3]) for r in diff(name)] == [("Bind", None, "restart")]


def test_restart_once_for_what_needs_it(running):
    name, path, _ = running
    path.write_text("[Exec]\nHostname=second\nMachineID=c4b5d8f0a1e24c3f8d6b7a9e0f1c2d3e\n[Files]\nTemporaryFileSystem=/mnt\n")
    assert [r[3] for r in diff(name)] == ["live", "restart", "restart"]
    before = leader(name)
    said = stead("apply", "--no-restart", name, status=1)
    assert "stead restart" in said.stderr and leader(name) == before
    assert [r[3] for r in diff(name)] == ["restart", "restart"]
    said = stead("apply", name)
    assert f"Machine '{name}' is restarted." in said.stderr and leader(name) != before
    assert diff(name, 0) == []
    assert "tmpfs /mnt " in stead("exec", name, "--", "cat", "/proc/mounts").stdout


def test_no_restart_into_a_definition_that_cannot_start(running):
    name, path, _ = running
    before = leader(name)
    path.write_text("[Exec]\nUser=nosuchuser\nBoot=no\nParameters=/bin/true\n")
    said = stead("apply", name, status=1)
    assert "no user 'nosuchuser'" in said.stderr and f"Machine '{name}' is not restarted" in said.stderr
    assert leader(name) == before
    path.write_text("[Exec]\nBoot=perhaps\n")
    said = stead("apply", name, status=1)
    assert f"{path}:2: Boot=perhaps" in said.stderr and leader(name) == before
    stead("diff", name, status=2)


def test_secrets_are_not_shown(running):
    name, path, _ = running
    path.write_text("[Exec]\nHostname=first\nSetCredential=one:geheimnis\n")
    said = stead("diff", name, status=1).stdout + stead("apply", "-n", name).stdout
    assert "geheimnis" not in said and "(secret)" in said
    stead("apply", name)
    path.write_text("[Exec]\nHostname=first\nSetCredential=one:geheimnis2\n")
    assert [(r[0], r[1], r[2]) for r in diff(name)] == [("SetCredential", "(secret)", None), ("SetCredential", None, "(secret)")]
    record = pathlib.Path(f"/run/stead/machines/{name}/settings")
    assert record.stat().st_mode & 0o777 == 0o600


def test_machines_that_do_not_run(definition):  # noqa: F811
    name, path = definition
    path.write_text("[Exec]\nHostname=x\n")
    said = stead("diff", name, status=2)
    assert "is not running" in said.stderr and f"stead start {name}" in said.stderr
    assert "counts from its next start on" in stead("apply", name).stderr
    assert f"Machine '{name}' would be started." in stead("apply", "-n", "--start", name).stderr
    assert name not in stead("list", "-q").stdout.split()
    stead("apply", "--start", name)
    assert name in stead("list", "-q").stdout.split()


def test_a_launcher_by_hand_has_the_last_word(definition, tmp_path):  # noqa: F811
    name, path = definition
    path.write_text("[Exec]\nHostname=x\n")
    m = lab.Machine(f"/var/lib/machines/{name}", f"--bind={tmp_path}:/mnt", "--hostname=y", name=name)
    m.start()
    try:
        assert diff(name, 0) == []
        path.write_text("[Exec]\nHostname=z\nOOMScoreAdjust=5\n")
        assert diff(name) == [("OOMScoreAdjust", "5", None, "live")]
    finally:
        m.stop()
