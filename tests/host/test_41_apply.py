# SPDX-License-Identifier: LGPL-2.1-or-later
"""stead diff and apply on hosts with systemd: limits of units and scopes, keys that are systemd's, what was set while
the machine ran, and what an administrator says to systemd."""
import json

import pytest

import lab


def stead(host, *words, status=0, **more):
    done = host.run("stead", *words, **more)
    assert status in (None, done.returncode), f"stead {' '.join(words)}: {done.returncode}\n{done.stdout}"
    return done.stdout


def diff(host, name, status=1):
    rows = json.loads(stead(host, "diff", "--json", name, status=status))
    return [(r["key"], r["declared"], r["running"], r["how"]) for r in rows]


def apply(host, *words, status=0):
    said = stead(host, "apply", "--json", *words, status=status)
    line = next(line for line in said.splitlines() if line.startswith("["))
    return {r["key"]: r["result"] for r in json.loads(line)}


def shown(host, unit, name):
    return host.ok(f"systemctl show -P {name} {unit!r}")


@pytest.fixture(params=lab.KINDS)
def target(request, host, make):
    """A running machine of its own, of either kind, and a function that writes its definition."""
    name = "apply" + request.param
    guest = make(name, request.param)
    host.write(f"/etc/stead/{name}.machine", "[Exec]\nHostname=first\n")
    host.ok("systemctl daemon-reload")
    guest.start()
    yield guest, lambda text: host.write(f"/etc/stead/{name}.machine", "[Exec]\nHostname=first\n" + text)
    host.run("stead", "stop", "--force", name)
    host.ok(f"rm -rf /etc/stead/{name}.machine /etc/stead/{name}.machine.d /run/systemd/system.control/{guest.unit}.d; "
            "systemctl daemon-reload")


LIMITS = """[Resources]
MemoryMax=1G
CPUQuota=50%
TasksMax=500
MemoryHigh=10%
AllowedCPUs=0
AllowedCPUs=1
IOReadBandwidthMax=/dev/null 5M
IPAddressDeny=any
IPAddressAllow=10.0.0.0/8
IPAddressAllow=localhost
DeviceAllow=/dev/full r
ManagedOOMPreference=avoid
"""


def test_limits_are_live(host, target):
    guest, define = target
    assert diff(host, guest.name, 0) == []
    before = guest.leader
    define(LIMITS)
    rows = diff(host, guest.name)
    assert ("MemoryMax", "1G", "infinity", "live") in rows and ("TasksMax", "500", "16384", "live") in rows
    assert ("AllowedCPUs", "0-1", "", "live") in rows
    assert {r[0] for r in rows} == {"MemoryMax", "CPUQuota", "TasksMax", "MemoryHigh", "AllowedCPUs", "IOReadBandwidthMax",
                                    "IPAddressDeny", "IPAddressAllow", "DeviceAllow", "ManagedOOMPreference"}
    assert set(apply(host, guest.name).values()) == {"done"}
    assert diff(host, guest.name, 0) == []
    for name, expected in [("MemoryMax", str(1 << 30)), ("CPUQuotaPerSecUSec", "500ms"), ("TasksMax", "500"),
                           ("AllowedCPUs", "0-1"), ("IOReadBandwidthMax", "/dev/null 5000000"), ("ManagedOOMPreference", "avoid")]:
        assert shown(host, guest.unit, name) == expected, name
    assert "/dev/full r" in shown(host, guest.unit, "DeviceAllow").splitlines()
    assert guest.leader == before
    # a list that has become shorter, a limit that is gone
    define("[Resources]\nMemoryMax=2G\nIPAddressAllow=10.0.0.0/8\nManagedOOMPreference=avoid\n"
           "DeviceAllow=/dev/full r\n")
    assert ("MemoryMax", "2G", "1G", "live") in diff(host, guest.name)
    assert set(apply(host, guest.name).values()) == {"done"}
    assert diff(host, guest.name, 0) == []
    assert shown(host, guest.unit, "IPAddressAllow") == "10.0.0.0/8"
    assert shown(host, guest.unit, "TasksMax") == "16384" and shown(host, guest.unit, "CPUQuotaPerSecUSec") == "infinity"
    assert guest.leader == before


def test_what_is_gone_from_the_definition_is_taken_back(host, target):
    """Also if nothing else has changed, so that nothing else makes systemd read it again."""
    guest, define = target
    define("[Resources]\nMemoryMax=1G\nIOWeight=300\nManagedOOMPreference=avoid\n")
    assert set(apply(host, guest.name).values()) == {"done"}
    define("")
    rows = {r[0]: r[1:] for r in diff(host, guest.name)}
    assert rows["MemoryMax"] == (None, "1G", "live") and rows["IOWeight"] == (None, "300", "live")
    # systemd alone knows what this one is without a word: a file has to tell it, or a start
    assert rows["ManagedOOMPreference"] == (None, "avoid", "live" if guest.kind == "service" else "restart")
    stead(host, "apply", guest.name)
    assert diff(host, guest.name, 0) == []
    unit = f"stead@{guest.name}.service"  # what a scope is restarted as, too
    assert shown(host, unit, "MemoryMax") == "infinity" and shown(host, unit, "IOWeight") in ("[not set]", "100")
    assert shown(host, unit, "ManagedOOMPreference") == "none"


def test_apply_takes_back_what_set_has_said(host, target):
    guest, define = target
    define("[Resources]\nMemoryMax=1G\n")
    apply(host, guest.name)
    stead(host, "set", guest.name, "MemoryMax=3G", "CPUWeight=7")
    assert diff(host, guest.name) == [("CPUWeight", None, "7", "live"), ("MemoryMax", "1G", "3G", "live")]
    assert "stead set" in stead(host, "diff", guest.name, status=1)
    assert apply(host, guest.name) == {"CPUWeight": "done", "MemoryMax": "done"}
    assert shown(host, guest.unit, "MemoryMax") == str(1 << 30) and shown(host, guest.unit, "CPUWeight") in ("[not set]", "100")
    # and the definition has the last word again
    define("[Resources]\nMemoryMax=2G\n")
    assert apply(host, guest.name) == {"MemoryMax": "done"}
    assert shown(host, guest.unit, "MemoryMax") == str(2 << 30)


def test_a_slice_needs_a_restart(host, target):
    guest, define = target
    define("[Resources]\nSlice=machine-apply.slice\nMemoryMax=1G\n")
    assert ("Slice", "machine-apply.slice", None, "restart") in diff(host, guest.name)
    host.ok("systemctl daemon-reload")
    assert ("Slice", "machine-apply.slice", None, "restart") in diff(host, guest.name)
    assert apply(host, "--no-restart", guest.name, status=1)["Slice"] == "left"
    assert apply(host, guest.name) == {"Slice": "restart"}
    assert diff(host, guest.name, 0) == []
    assert "/machine-apply.slice/" in host.ok(f"systemctl show -P ControlGroup stead@{guest.name}")


def test_keys_of_systemd_are_read_again(host, make):
    guest = make("applyunit").start()
    before = guest.leader
    host.write("/etc/stead/applyunit.machine.d/x.conf", "[Unit]\nDescription=The new one\nAfter=remote-fs.target\n[Service]\nRestart=on-failure\n")
    assert {r[0] for r in diff(host, "applyunit")} == {"Description", "After", "Restart"}
    assert set(apply(host, "applyunit").values()) == {"done"}
    assert shown(host, guest.unit, "Description") == "The new one" and shown(host, guest.unit, "Restart") == "on-failure"
    assert diff(host, "applyunit", 0) == [] and guest.leader == before
    host.ok("rm -r /etc/stead/applyunit.machine.d; systemctl daemon-reload")


def test_what_an_administrator_told_systemd_stays(host, make):
    guest = make("applyadmin").start()
    host.write(f"/etc/systemd/system/{guest.unit}.d/own.conf", "[Service]\nMemoryHigh=7G\n")
    host.ok("systemctl daemon-reload")
    assert diff(host, "applyadmin", 0) == []
    host.write("/etc/stead/applyadmin.machine", "[Resources]\nMemoryMax=1G\n")
    apply(host, "applyadmin")
    assert shown(host, guest.unit, "MemoryHigh") == str(7 << 30) and shown(host, guest.unit, "MemoryMax") == str(1 << 30)
    # one that contradicts the definition is told, since it has the last word
    host.ok(f"systemctl set-property {guest.unit} MemoryMax=5G")
    assert diff(host, "applyadmin") == [("MemoryMax", "1G", "5G", "live")]
    said = stead(host, "apply", "applyadmin", status=1)
    assert "MemoryMax= of machine 'applyadmin' stays at '5G'" in said and f"systemctl cat {guest.unit}" in said
    host.ok(f"systemctl revert {guest.unit}; rm /etc/stead/applyadmin.machine; systemctl daemon-reload")


def test_without_names_all_that_run_and_are_defined(host, make):
    one, two, three = [make("applyall" + n) for n in "123"]
    for guest in (one, two, three):
        host.write(f"/etc/stead/{guest.name}.machine", "")
    try:
        stead(host, "start", one.name)
        stead(host, "enable", two.name)
        for guest in (one, two, three):
            host.write(f"/etc/stead/{guest.name}.machine", "[Resources]\nMemoryMax=1G\n")
        rows = json.loads(stead(host, "apply", "--dry-run", "--json"))
        assert [(r["name"], r["key"]) for r in rows if r["name"].startswith("applyall")] == [(one.name, "MemoryMax")]
        stead(host, "apply", "--start")
        active = [host.sh(f"systemctl is-active {guest.unit}") for guest in (one, two, three)]
        assert active == ["active", "active", "inactive"]
        assert shown(host, one.unit, "MemoryMax") == str(1 << 30)
    finally:
        stead(host, "disable", two.name)
        for guest in (one, two, three):
            host.ok(f"rm /etc/stead/{guest.name}.machine")
        host.ok("systemctl daemon-reload")
