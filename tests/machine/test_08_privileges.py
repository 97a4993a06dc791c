# SPDX-License-Identifier: LGPL-2.1-or-later
"""Section 8: capabilities, system calls, limits."""
import pathlib
import re

import lab
import table
from table import row

BASE = 0xfdecafff
SYS_RESOURCE = 1 << 24
NAMES = ("chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service "
         "net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin "
         "sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override "
         "mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore").split()


def own_bounding():
    return int(re.search(r"CapBnd:\s+(\w+)", pathlib.Path("/proc/self/status").read_text())[1], 16)


def sets(text):
    return {k: int(v, 16) for k, v in re.findall(r"^Cap(\w+):\t(\w+)$", text, re.M)}


def assert_capabilities(text, wanted, userns):
    """What the launcher itself lacks (SYS_RESOURCE in the lab) can be there in a user namespace only."""
    got = sets(text)
    if not userns:
        wanted &= own_bounding()
    for name in ("Bnd", "Prm", "Eff"):
        assert got[name] == wanted, f"Cap{name} {got[name]:016x}, wanted {wanted:016x}"
    assert got["Inh"] == got["Amb"] == 0


@table.on_machines()
def test_CI_110_private_network(machine):
    assert_capabilities(machine.sh("cat /proc/1/status"), BASE | 1 << NAMES.index("net_admin"), machine.userns)


@table.on_trees()
def test_CI_109_110_host_network(plain):
    wanted = BASE & ~(1 << NAMES.index("net_bind_service")) if plain.userns else BASE
    assert_capabilities(plain("/bin/cat", "/proc/self/status", net=False).stdout, wanted, plain.userns)


@table.on_machines()
def test_CI_111_dangerous_ones_are_out(machine):
    bounding = sets(machine.sh("cat /proc/1/status"))["Bnd"]
    for name in ("sys_module sys_rawio sys_time syslog ipc_lock sys_pacct mac_override mac_admin wake_alarm block_suspend "
                 "audit_read perfmon bpf checkpoint_restore").split():
        assert not bounding >> NAMES.index(name) & 1, name
    for name in ("sys_admin", "mknod"):
        assert bounding >> NAMES.index(name) & 1, name


@table.on_trees(userns=False)
def test_CI_113_adding_dropping_and_all(plain):
    def bounding(*options):
        return sets(plain("/bin/cat", "/proc/self/status", options=options).stdout)["Bnd"]
    time, chown = 1 << NAMES.index("sys_time"), 1 << NAMES.index("chown")
    default = bounding()
    assert bounding("--capability=CAP_SYS_TIME") == default | time & own_bounding()
    assert bounding("--drop-capability=CAP_CHOWN") == default & ~chown
    assert bounding("--capability=CAP_SYS_TIME", "--drop-capability=CAP_SYS_TIME") == default
    assert bounding("--capability=all") == own_bounding()


@table.on_trees(userns=False, trees=["bookworm"])
def test_CI_113_what_the_launcher_lacks_is_a_warning(plain):
    wrapper = ("setpriv", "--bounding-set=-sys_nice")
    out = plain("/bin/cat", "/proc/self/status", prefix=wrapper)
    assert out.returncode == 0 and not sets(out.stdout)["Bnd"] >> NAMES.index("sys_nice") & 1, out


@table.on_trees(trees=["bookworm"])
def test_CI_114_ambient_for_a_command_only(plain):
    bit = 1 << NAMES.index("net_raw")
    out = plain("/bin/cat", "/proc/self/status", options=["--ambient-capability=CAP_NET_RAW"])
    assert sets(out.stdout)["Amb"] == bit, out
    refused = plain(options=["--ambient-capability=CAP_NET_RAW", "-b"])
    assert refused.returncode != 0 and "ambient" in refused.stderr.lower(), refused


table.in_machine(globals(), [
    row("CI-112", "audit is off", "perl -MSocket -e 'socket(S,16,3,9) or print \"$!\\n\"'", r"^Address family not supported by protocol$"),
    row("CI-115", "no new privileges is off", "awk '/NoNewPrivs/{print $2}' /proc/1/status", r"^0$"),
    row("CI-116", "a filter is active", "awk '/^Seccomp:/{print $2}' /proc/1/status", r"^2$"),
    row("CI-117", "keyring calls are denied", "keyctl show; echo $?", r"^[1-9]\d*$"),
    row("CI-117", "swap is denied", "perl -e 'my $f = \"/etc/hostname\"; syscall(167, $f, 0); print 0+$!'", r"^1$"),
    row("CI-119", "new calls work for services", "systemd-run -q --wait -pPrivateTmp=yes -pProtectSystem=strict -pPrivateDevices=yes true; echo $?", r"^0$"),
])

# number, arguments: a call must not be denied; what it answers to nonsense is its own business
ALLOWED = {"clone3": (435, "0, 0"), "openat2": (437, "-100, 0, 0, 0"), "mount_setattr": (442, "-1, 0, 0, 0, 0"),
           "open_tree": (428, "-1, 0, 0"), "move_mount": (429, "-1, 0, -1, 0, 0"), "fsopen": (430, "0, 0"), "fsconfig": (431, "-1, 0, 0, 0, 0"),
           "fsmount": (432, "-1, 0, 0"), "fspick": (433, "-1, 0, 0"), "pidfd_open": (434, "-1, 0"), "pidfd_send_signal": (424, "-1, 0, 0, 0"),
           "close_range": (436, "9, 8, 0"), "statx": (332, "-1, 0, 0, 0, 0"), "faccessat2": (439, "-1, 0, 0, 0")}
DENIED = {"add_key": 248, "request_key": 249, "keyctl": 250, "kexec_load": 246, "kexec_file_load": 320, "swapon": 167, "swapoff": 168,
          "quotactl": 179, "perf_event_open": 298, "open_by_handle_at": 304, "fanotify_init": 300, "lookup_dcookie": 212, "pkey_alloc": 330,
          "settimeofday": 164, "init_module": 175, "finit_module": 313, "delete_module": 176, "iopl": 172, "ioperm": 173, "acct": 163,
          "syslog": 103, "mlock": 149, "mlockall": 151, "bpf": 321, "userfaultfd": 323, "vm86old": 113}
LATER = {name: DENIED.pop(name) for name in ("userfaultfd", "vm86old")}


@table.on_trees()
def test_CI_119_new_calls_are_allowed(plain):
    script = "".join(f"$! = 0; syscall({n}, {args}); print '{name} ', 0+$!, qq(\\n);" for name, (n, args) in ALLOWED.items())
    out = plain("/usr/bin/perl", "-e", script)
    answers = dict(line.split() for line in out.stdout.splitlines())
    assert set(answers) == set(ALLOWED), out
    assert not [name for name, error in answers.items() if error in ("1", "38")], answers


@table.on_trees()
def test_CI_117_denied_calls(plain):
    script = "".join(f"$! = 0; syscall({n}, 0, 0, 0, 0, 0); print '{name} ', 0+$!, qq(\\n);" for name, n in DENIED.items())
    out = plain("/usr/bin/perl", "-e", script)
    answers = dict(line.split() for line in out.stdout.splitlines())
    assert set(answers) == set(DENIED), out
    assert {name: e for name, e in answers.items() if e not in ("1", "38")} == {}


@table.on_trees(trees=["bookworm"])
def test_CI_116_unknown_calls_do_not_exist(plain):
    out = plain("/usr/bin/perl", "-e", "syscall(999, 0); print 0+$!")
    assert out.stdout == "38", out


@table.on_trees(userns=False, trees=["bookworm"])
def test_CI_117_a_granted_capability_opens_its_calls(plain):
    ask = ("/usr/bin/perl", "-e", "syscall(149, 0, 0); print 0+$!")
    assert plain(*ask).stdout == "1"
    assert plain(*ask, options=["--capability=CAP_IPC_LOCK"]).stdout == "0"


@table.on_trees(trees=["bookworm"])
def test_CI_117_user_filters(plain):
    ask = ("/usr/bin/perl", "-e", "syscall(250, 0, -3, 0); print 0+$!; mkdir '/tmp/x'; print ' ', 0+$!")
    assert plain(*ask, options=["--system-call-filter=@keyring"]).stdout.split()[0] != "1"
    assert plain(*ask, options=["--system-call-filter=~mkdir"]).stdout == "1 1"


@table.on_trees(trees=["bookworm"])
def test_CI_118_filter_for_every_abi(plain):
    """x32 numbers of a denied call are as closed as the native ones."""
    out = plain("/usr/bin/perl", "-e", "syscall(0x40000000 | 250, 0, -3, 0); print 0+$!")
    assert out.stdout in ("1", "38"), out


def limits(text):
    return {m[1].strip(): (m[2], m[3]) for m in re.finditer(r"^(Max .{22})\s*(\S+)\s+(\S+)", text, re.M)}


@table.on_trees()
def test_CI_120_limits_are_the_kernels(plain):
    """Seen by a plain command: systemd itself raises some of its own at once."""
    host = limits(pathlib.Path("/proc/1/limits").read_text())
    got = limits(plain("/bin/cat", "/proc/self/limits").stdout)
    own = limits(pathlib.Path("/proc/self/limits").read_text())
    inf = "unlimited"

    def close(name, soft, hard):
        # without CAP_SYS_RESOURCE a hard limit cannot go above the launcher's own (CI-121)
        def least(a, b):
            return a if b == inf else b if a == inf else str(min(int(a), int(b)))
        wanted = (soft, hard)
        if not own_bounding() & SYS_RESOURCE:
            wanted = (least(soft, own[name][1]), least(hard, own[name][1]))
        assert got[name] == wanted, f"{name}: {got[name]}, wanted {wanted}"
    close("Max stack size", str(8 << 20), inf)
    close("Max core file size", "0", inf)
    close("Max msgqueue size", "819200", "819200")
    close("Max nice priority", "0", "0")
    close("Max realtime priority", "0", "0")
    nr_open = int(pathlib.Path("/proc/sys/fs/nr_open").read_text())
    assert got["Max open files"][1] == str(min(nr_open, 524288, int(own["Max open files"][1]) if not own_bounding() & SYS_RESOURCE else 524288))
    assert got["Max processes"] == host["Max processes"] or not own_bounding() & SYS_RESOURCE


@table.on_trees(trees=["bookworm"])
def test_CI_120_limits_of_the_launcher_do_not_matter(plain):
    import resource

    def spoil():
        resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))
    got = limits(plain("/bin/cat", "/proc/self/limits", preexec_fn=spoil).stdout)
    assert got["Max core file size"][0] == "0" and got["Max stack size"][0] == str(8 << 20), got


@table.on_trees(trees=["bookworm"])
def test_CI_121_limits_as_close_as_possible(plain):
    """Lowered hard limit, no CAP_SYS_RESOURCE: the start works with what can be had."""
    import resource

    def lower():
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, 4096))
    wrapper = ("setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource") if own_bounding() & SYS_RESOURCE else ()
    out = plain("/bin/sh", "-c", "ulimit -Hn; ulimit -Sn", preexec_fn=lower, prefix=wrapper)
    assert out.returncode == 0 and out.stdout in ("4096\n1024\n", "4096\n4096\n"), out


@table.on_trees(trees=["bookworm"])
def test_CI_122_limits_affinity_and_oom_score_as_configured(plain):
    out = plain("/bin/sh", "-c", "ulimit -n; nproc; cat /proc/self/oom_score_adj; cat /proc/self/oom_score_adj",
                options=["--rlimit=RLIMIT_NOFILE=256:512", "--cpu-affinity=0", "--oom-score-adjust=123"])
    assert out.stdout.split() == ["256", "1", "123", "123"], out


@table.on_trees(trees=["bookworm"])
def test_CI_122_oom_score_is_inherited(plain):
    own = pathlib.Path("/proc/self/oom_score_adj").read_text()
    assert plain("/bin/cat", "/proc/self/oom_score_adj").stdout == own


@table.on_trees(trees=["bookworm"])
def test_CI_115_no_new_privileges_on_demand(plain):
    out = plain("/bin/grep", "NoNewPrivs", "/proc/self/status", options=["--no-new-privileges=yes"])
    assert out.stdout.split()[-1] == "1", out
