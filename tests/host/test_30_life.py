# SPDX-License-Identifier: LGPL-2.1-or-later
"""stead start, stop, restart, enable: machines that are units are started and stopped by systemd, and who
types stead is told as much as without it."""
import time

import pytest

import lab


def stead(host, *words, status=0, **more):
    done = host.run("stead", *words, **more)
    assert done.returncode == status, f"stead {' '.join(words)}: {done.returncode}\n{done.stdout}"
    return done.stdout


def is_active(host, unit):
    return host.sh(f"systemctl is-active {unit}")


@pytest.fixture
def guest(host, make):
    """A machine of its own, not running, with an empty definition."""
    g = make("life")
    host.write("/etc/stead/life.machine", "")
    yield g
    host.run("stead", "stop", "--force", "life")
    host.run("systemctl", "reset-failed", g.unit)
    host.ok("rm -rf /etc/stead/life.machine /etc/stead/life.machine.d; systemctl daemon-reload")


def test_start_and_stop_are_jobs_of_the_unit(host, guest):
    stead(host, "start", "life")
    assert is_active(host, guest.unit) == "active"
    assert guest.state("State") == "running" and guest.state("Unit") == guest.unit
    assert "running already" in stead(host, "start", "life")
    stead(host, "stop", "life")
    assert is_active(host, guest.unit) == "inactive"
    assert "not running" in stead(host, "stop", "life")


def test_all_are_begun_before_any_is_waited_for(host, guest, make):
    make("life2")
    def between():
        stead(host, "start", "life", "life2")
        begun, up = ([int(host.ok(f"systemctl show -P {what}TimestampMonotonic stead@{name}")) for name in ("life", "life2")]
                     for what in ("InactiveExit", "ActiveEnter"))
        stead(host, "stop", "life*")
        return max(begun) - min(up)
    lab.promised(0, between)
    assert is_active(host, guest.unit) == is_active(host, "stead@life2") == "inactive"


def test_a_failed_start_tells_file_and_line(host, guest):
    host.write("/etc/stead/life.machine.d/x.conf", "[Exec]\nBoot=perhaps\n")
    said = stead(host, "start", "life", status=1)
    assert "life.machine.d/x.conf:2: Boot=perhaps: not a boolean" in said and "Try: stead edit life" in said
    host.ok("rm -r /etc/stead/life.machine.d")
    stead(host, "start", "life")


def test_a_failed_start_is_told_in_the_words_of_the_launcher(host, guest):
    host.ok("mv /var/lib/machines/life /var/lib/machines/elsewhere")
    try:
        said = stead(host, "start", "life", status=1)
    finally:
        host.ok("mv /var/lib/machines/elsewhere /var/lib/machines/life")
    assert "Machine 'life' did not start: There is no tree for machine 'life'" in said, said
    assert "Try: stead create life" in said


def test_a_failed_start_is_told_when_journald_is_late(host, guest):
    """As on a host that is busy."""
    host.ok("mv /var/lib/machines/life /var/lib/machines/elsewhere")
    try:
        host.ok("systemctl kill -s STOP systemd-journald; (sleep 2.5; systemctl kill -s CONT systemd-journald) >/dev/null 2>&1 &")
        said = stead(host, "start", "life", status=1)
    finally:
        host.ok("systemctl kill -s CONT systemd-journald; mv /var/lib/machines/elsewhere /var/lib/machines/life")
    assert "Machine 'life' did not start: There is no tree for machine 'life'" in said, said


def test_a_masked_unit_is_named(host, guest):
    host.ok(f"systemctl mask {guest.unit}")
    try:
        said = stead(host, "start", "life", status=1)
    finally:
        host.ok(f"systemctl unmask {guest.unit}")
    assert "masked" in said and f"Try: systemctl status {guest.unit}" in said


def test_timeout_and_no_block(host, guest):
    said = stead(host, "start", "--timeout=10ms", "life", status=1)
    assert "not ready yet" in said and "Try: stead logs life" in said
    stead(host, "stop", "life")
    assert is_active(host, guest.unit) == "inactive"

    def seconds():
        began = time.monotonic()
        stead(host, "start", "--no-block", "life")
        stead(host, "stop", "--no-block", "life")
        took = time.monotonic() - began
        host.wait(f"systemctl is-active {guest.unit} | grep -q inactive")
        return took
    lab.promised(5, seconds)


def test_force_kills_and_is_no_failure(host, guest):
    stead(host, "start", "life")
    leader = guest.leader
    stead(host, "stop", "--force", "life")
    assert is_active(host, guest.unit) == "inactive"
    assert host.status(f"test -e /proc/{leader}") == 1


def test_force_gets_rid_of_a_launcher_that_hangs(host, guest):
    stead(host, "start", "life")
    host.ok(f"kill -STOP {guest.launcher}")
    stead(host, "stop", "--force", "life")
    assert is_active(host, guest.unit) == "inactive"
    assert host.sh("stead list -q") == "" or "life" not in host.sh("stead list -q").split()


def test_restart_reads_a_changed_definition(host, guest):
    stead(host, "start", "life")
    first = guest.leader
    host.write("/etc/stead/life.machine", "[Unit]\nDescription=Changed since\n[Exec]\nHostname=changed\n")
    stead(host, "restart", "life")
    assert guest.leader != first
    assert host.sh(f"systemctl show -P Description {guest.unit}") == "Changed since"
    assert guest.sh("cat /proc/sys/kernel/hostname") == "changed"


def test_start_reloads_systemd_only_for_a_change(host, guest):
    loaded = "busctl get-property org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager UnitsLoadTimestamp"
    stead(host, "start", "life")
    stead(host, "stop", "life")
    before = host.ok(loaded)
    stead(host, "start", "life")
    stead(host, "restart", "life")
    assert host.ok(loaded) == before
    host.write("/etc/stead/life.machine", "[Unit]\nDescription=Changed\n")
    stead(host, "restart", "life")
    assert host.ok(loaded) != before


def test_a_machine_in_a_scope_is_stopped_by_its_launcher(host, make):
    by_hand = make("lifescope", "scope").start()
    assert by_hand.state("Unit") == by_hand.unit
    stead(host, "stop", "lifescope")
    assert by_hand.wait_end() == 0
    by_hand.wait_gone()


def test_restart_of_a_scope_makes_it_a_unit(host, make):
    by_hand = make("lifescope", "scope").start()
    stead(host, "restart", "lifescope")
    assert by_hand.wait_end() == 0
    assert by_hand.state("Unit") == "stead@lifescope.service"
    stead(host, "stop", "lifescope")


def test_what_is_removed_is_disabled(host):
    host.write("/etc/stead/gone.machine", "")
    host.ok("systemctl daemon-reload")
    stead(host, "enable", "gone")
    stead(host, "remove", "--yes", "--purge", "gone")
    assert host.sh("systemctl is-enabled stead@gone.service") == "disabled"
    assert not host.sh("find /etc/systemd/system -name '*gone*'")


def test_enable_and_disable(host, guest):
    stead(host, "enable", "life")
    assert host.sh(f"systemctl is-enabled {guest.unit}") == "enabled"
    assert guest.unit in host.ok("systemctl show -P Wants machines.target").split()
    stead(host, "enable", "--now", "life")
    assert is_active(host, guest.unit) == "active"
    stead(host, "disable", "--now", "life")
    assert is_active(host, guest.unit) == "inactive"
    assert guest.unit not in host.ok("systemctl show -P Wants machines.target").split()
    assert host.sh(f"systemctl is-enabled {guest.unit}") != "enabled"


def test_without_the_template_a_launcher_of_its_own_is_started(host, guest):
    template = host.ok("systemctl show -P FragmentPath stead@nothing.service")
    host.ok(f"mv {template} /root/template; systemctl daemon-reload")
    try:
        stead(host, "start", "life")
        assert guest.state("Unit") == "machine-life.scope"
        stead(host, "stop", "life")
        assert "no machine" not in host.sh("stead list")
    finally:
        host.ok(f"mv /root/template {template}; systemctl daemon-reload")
