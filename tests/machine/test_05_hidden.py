# SPDX-License-Identifier: LGPL-2.1-or-later
"""Section 5: kernel interfaces hidden or frozen."""
import pathlib

import lab
import table
from table import row

MASKED = "/proc/kallsyms /proc/kcore /proc/keys /proc/sysrq-trigger /proc/timer_list"
FROZEN = "acpi apm asound bus fs irq scsi"

CHECKS = [
    row("CI-068", "proc sys is read only", "echo 1 >/proc/sys/kernel/panic", r"Read-only file system"),
    row("CI-068", "network settings are writable", "echo 1 >/proc/sys/net/ipv4/ip_forward && cat /proc/sys/net/ipv4/ip_forward", r"^1$"),
    row("CI-070", "masked files have no mode", f"for f in {MASKED}; do [ ! -e $f ] || stat -c '%a %n' $f; done; echo end",
        r"end$", unless=r"^[1-9]"),
    row("CI-070", "masked files are empty", f"for f in {MASKED}; do [ ! -e $f ] || timeout 2 head -c 16 $f 2>/dev/null | wc -c; done; echo end",
        r"end$", unless=r"^[1-9]"),
    row("CI-070", "masked files are masked by mounts",
        f"for f in {MASKED}; do [ ! -e $f ] || grep -q \" $f \" /proc/self/mountinfo || echo open $f; done; echo end", r"^end$", unless="open"),
    row("CI-072", "directories are read only",
        f"for d in {FROZEN}; do [ ! -d /proc/$d ] || findmnt -no OPTIONS /proc/$d | grep -q '^ro' || echo open $d; done; echo end",
        r"^end$", unless="open"),
    row("CI-073", "more is masked",
        "for f in /proc/latency_stats /proc/timer_stats; do [ ! -e $f ] || [ -z \"$(head -c 16 $f 2>/dev/null)\" ] || echo open $f; done; "
        "for d in /sys/firmware /sys/kernel/security /sys/kernel/debug /sys/kernel/tracing; do "
        "[ ! -d $d ] || [ -z \"$(ls $d 2>/dev/null)\" ] || echo open $d; done; echo end", r"^end$", unless="open"),
    row("CI-075", "the clock is out of reach", "perl -e 'print syscall(227, 0, pack(\"qq\", time, 0)), \" \", 0+$!'", r"^-1 1$"),
    row("CI-075", "modules are out of reach", "perl -e 'print syscall(175, my $x = \"\", 0, my $y = \"\"), \" \", 0+$!'", r"^-1 (1|38)$"),
    row("CI-075", "swap is out of reach", "swapon /etc/hostname; echo status $?", r"^status [1-9]"),
    row("CI-077", "kernel log is refused", "dmesg 2>&1 | head -3", r"(?i)not permitted"),
]
table.in_machine(globals(), CHECKS)
table.in_command(globals(), [r._replace(title="command " + r.title) for r in CHECKS if r.item in ("CI-068", "CI-070", "CI-072")])


@table.on_trees()
def test_CI_076_boot_id_is_fresh(plain):
    first, second = (plain("/bin/cat", "/proc/sys/kernel/random/boot_id").stdout for _ in range(2))
    host = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text()
    assert len({first, second, host}) == 3 and len(first) == 37, (first, second, host)


@table.on_machines()
def test_CI_076_boot_id_in_a_machine(machine):
    boot_id = machine.sh("cat /proc/sys/kernel/random/boot_id; cat /proc/sys/kernel/random/boot_id").split()
    assert boot_id[0] == boot_id[1] != pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert machine.sh("journalctl -q --list-boots -n1 | head -1 | grep -c " + boot_id[0].replace("-", "")) in ("1", "0")


@table.on_trees(userns=True, trees=["bookworm"])
def test_CI_069_proc_sys_may_be_left_writable(plain):
    """With every namespace private the kernel itself keeps the host's settings from the machine's root."""
    out = plain("/bin/sh", "-c", "echo 5 >/proc/sys/kernel/sem; findmnt -no OPTIONS /proc/sys; echo 1 >/proc/sys/kernel/panic",
                options=["--nesting=yes"])
    assert "not permitted" in out.stderr or "denied" in out.stderr or "Read-only" in out.stderr, out


@table.on_trees(userns=True, trees=["bookworm"])
def test_CI_074_nested_containers_on_demand(plain):
    script = "unshare -Urpf --mount-proc true && echo nested"
    assert plain("/bin/sh", "-c", script, options=["--nesting=yes"]).stdout == "nested\n"


@table.on_machines()
def test_CI_075_the_host_was_not_touched(machine):
    """The machine's own reboot(2) with an unknown command reaches nobody."""
    uptime = float(pathlib.Path("/proc/uptime").read_text().split()[0])
    machine.sh("perl -e 'syscall(169, 0xfee1dead, 672274793, 0, 0)'")  # disable Ctrl-Alt-Del: EINVAL inside
    assert float(pathlib.Path("/proc/uptime").read_text().split()[0]) >= uptime
    assert machine.exec("/bin/true").returncode == 0
