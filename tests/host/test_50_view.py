# SPDX-License-Identifier: LGPL-2.1-or-later
"""What list, status and top show of machines that are units of systemd."""
import json
import re


def heads(text):
    """What stands behind each head of a status."""
    return dict(re.findall(r"(?m)^ *(\w+): (.*)$", text))


def test_status_names_unit_and_health(host, machine):
    found = heads(host.ok(f"stead status -n 0 {machine.name}"))
    assert found["Unit"] == machine.unit
    assert found["CGroup"] == f"{machine.cgroup()}/payload"
    state = machine.sh("systemctl is-system-running")
    failed = machine.sh("systemctl list-units --state=failed --plain --no-legend | cut -d' ' -f1 | paste -sd,").replace(",", ", ")
    assert found["Health"] == (f"{state}; failed: {failed}" if failed else state)
    assert re.match(r"[\d.]+% now, [\d.]+ s in all$", found["CPU"])
    assert re.match(r"[\d.]+[KMG]( |$)", found["Memory"]) and int(found["Tasks"].split()[0]) > 2


def test_list_names_the_unit(host, machine):
    row, = json.loads(host.ok(f"stead list --json {machine.name}"))
    assert row["unit"] == machine.unit and row["cpu_percent"] >= 0 and row["tasks"] > 2
    line = host.ok(f"stead list --wide {machine.name}").splitlines()[1]
    assert f" {machine.unit} " in line and f" {machine.leader} " in line


def test_a_failed_unit_inside_is_seen(host, make):
    guest = make("sick").start()
    guest.ok("systemd-run --unit=broken false || true")
    host.wait("stead status -n 0 sick | grep -q 'Health: degraded; failed: .*broken.service'")


def test_top_counts_the_whole_unit(host, service):
    used = [int(re.search(r"usage_usec (\d+)", host.ok(f"cat '{service.cgroup()}/{part}/cpu.stat'"))[1]) for part in ("payload", "supervisor")]
    row, = json.loads(host.ok(f"stead top --once --json -d 200ms {service.name}"))["machines"]
    assert row["name"] == service.name and row["memory"] > 1 << 20
    # the launcher is in the unit's cgroup, and not in the machine's
    assert row["cpu_usec"] >= sum(used)
