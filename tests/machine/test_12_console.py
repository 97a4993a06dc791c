# SPDX-License-Identifier: LGPL-2.1-or-later
"""Section 12: console start-up. The getty itself is looked at in test_04_devices.py."""
import pathlib

import pytest

import lab
import table
from table import row

table.in_machine(globals(), [
    row("CI-149", "no getty on virtual terminals", "systemctl list-units --no-legend 'getty@*' | wc -l", r"^0$"),
    row("CI-151", "argv zero is the path", "tr '\\0' '\\n' </proc/1/cmdline | head -1", r"^/(usr/)?lib/systemd/systemd$"),
])


def test_CI_150_arguments_reach_the_init(own_tree):
    with lab.Machine(own_tree(), argv=["systemd.unit=rescue.target", "systemd.log_level=debug"], notify=False) as m:
        lab.wait_for(lambda: "systemd.unit=rescue.target systemd.log_level=debug" in m.sh("tr '\\0' ' ' </proc/1/cmdline"),
                     what="the words in its command line")
        lab.wait_for(lambda: m.sh("systemctl is-active rescue.target") == "active", what="rescue.target")


@pytest.mark.parametrize("have, expect", [
    (["usr/lib/systemd/systemd", "lib/systemd/systemd", "sbin/init"], "/usr/lib/systemd/systemd"),
    (["lib/systemd/systemd", "sbin/init"], "/lib/systemd/systemd"), (["sbin/init"], "/sbin/init")])
def test_CI_151_search_order(own_tree, have, expect):
    tree = own_tree("static")
    init = (tree / "sbin/init").read_bytes()
    (tree / "sbin/init").unlink()
    for path in have:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(init)
        (tree / path).chmod(0o755)
    with lab.Machine(tree, "--kill-signal=SIGTERM", notify=False) as m:
        lab.wait_for(lambda: pathlib.Path(f"/proc/{m.leader}/cmdline").read_bytes().split(b"\0")[0].decode() == expect, what="argv[0]")


@pytest.mark.parametrize("shell, have, expect", [("/bin/ash", ["/bin/ash", "/bin/sh"], "-ash"), ("/bin/none", ["/bin/bash", "/bin/sh"], "bash: applet not found"),
                                                 ("/bin/none", ["/bin/sh"], "-sh")])
def test_CI_152_a_shell_when_there_is_no_command(own_tree, shell, have, expect):
    """The user's shell first, as a login shell (its argv[0] starts with a dash), then bash, then sh.
    busybox asks argv[0] which program to be and knows no bash: its complaint shows who was called."""
    tree = own_tree("busybox")
    for path in ("/bin/bash", "/bin/sh", "/bin/ash"):
        (tree / path[1:]).unlink(missing_ok=True)
    for path in have:
        (tree / path[1:]).symlink_to("busybox")
    (tree / "etc/passwd").write_text(f"root:*:0:0:root:/root:{shell}\n")
    out = lab.run(tree, input="tr '\\0' ' ' </proc/$$/cmdline\n", userns=True)
    assert expect in (out.stdout.split() or [""])[0] + out.stderr, out


# --- stub init -------------------------------------------------------------------------------------

def test_CI_153_stub_passes_the_exit_status_on(own_tree):
    tree = own_tree("busybox")
    assert lab.run(tree, "/bin/sh", "-c", "exit 42", options=["-a"]).returncode == 42
    assert lab.run(tree, "/bin/true", options=["-a"]).returncode == 0


def test_CI_153_stub_reaps_orphans(own_tree):
    out = lab.run(own_tree("busybox"), "/bin/sh", "-c", "for i in 1 2 3; do (sleep 0.1 &) ; done; i=0; "
                  "while [ $i -lt 400 ] && grep -qsE '^Name:.sleep|^State:.*Z' /proc/[0-9]*/status; do sleep 0.05; i=$((i+1)); done; "
                  "grep -hs '^State:.*Z' /proc/[0-9]*/status | wc -l", options=["-a"])
    assert out.stdout.strip() == "0", out


@pytest.mark.parametrize("number, ends", [("+3", True), ("+4", True), ("+13", True), ("+14", True)])
def test_CI_153_stub_powers_off_by_signal(own_tree, number, ends):
    import os
    import signal
    m = lab.Machine(own_tree("busybox"), "-a", boot=False, argv=["/bin/sh", "-c", "trap 'exit 3' TERM; echo up; while :; do sleep 0.1; done"])
    m.spawn()
    lab.wait_for(lambda: "up" in m.output(), what="the command")
    os.kill(m.leader, signal.SIGRTMIN + int(number))
    m.wait()
    m.assert_clean()
    assert ends
