# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trees of other architectures: the 32-bit side of this kernel, and what only a handler of binfmt_misc
runs. The host's handlers are never touched: a user namespace has handlers of its own.
"""
import contextlib
import http.server
import json
import os
import pathlib
import platform
import shutil
import subprocess
import threading

import lab
import pytest

HERE = pathlib.Path(__file__).resolve().parent
IN_NAMESPACE = HERE / "in_user_namespace.py"
HANDLERS = "/proc/sys/fs/binfmt_misc"
QEMU = "/usr/bin/qemu-aarch64-static"
# as Debian registers it
HANDLER = pathlib.Path("/usr/lib/binfmt.d/qemu-aarch64.conf")

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="its trees are for a host of x86-64")

# Calls that no machine may make. What is said without a filter (third) is not what the filter says.
GATES = {  # build: (options, {number: name})
    "32": (["-m32"], {150: "mlock", 152: "mlockall", 288: "keyctl", 286: "add_key", 336: "perf_event_open", 381: "pkey_alloc",
                      128: "init_module", 283: "kexec_load", 87: "swapon", 79: "settimeofday", 25: "stime", 404: "clock_settime64",
                      110: "iopl", 101: "ioperm", 51: "acct", 131: "quotactl", 342: "open_by_handle_at", 338: "fanotify_init",
                      357: "bpf", 166: "vm86"}),
    "64": (["-m64"], {149: "mlock", 151: "mlockall", 250: "keyctl", 248: "add_key", 298: "perf_event_open", 330: "pkey_alloc",
                      175: "init_module", 246: "kexec_load", 167: "swapon", 164: "settimeofday", 321: "bpf"}),
}
GATES["64-through-32"] = (["-m64", "-DGATE_32"], GATES["32"][1])
# what the kernel does for root without a filter; proves that the test can see one
OPEN = {"mlock", "keyctl", "add_key", "perf_event_open"}


def build_calls(gate, target):
    subprocess.run([os.environ.get("CC", "cc"), *GATES[gate][0], "-O2", "-Wall", "-Wextra", "-Werror", "-nostdlib", "-static",
                    "-fno-pie", "-no-pie", "-ffreestanding", "-fno-stack-protector", "-o", target, HERE / "calls.c"], check=True)


def answers(text, gate):
    """errno by name of the call, and the machine that uname names."""
    *lines, machine = text.split("\n")[:-1]
    return {GATES[gate][1][int(n)]: int(error) for n, error in (line.split() for line in lines)}, machine


@pytest.fixture(scope="module")
def i386():
    where = lab.copy_tree("i386")
    for gate in GATES:
        build_calls(gate, where / f"calls-{gate}")
    yield where
    lab.remove_tree(where)


# --- the 32-bit side -----------------------------------------------------------------------------

@pytest.mark.parametrize("userns", [True, False], ids=["userns", "host-users"])
def test_i386_tree_boots_and_knows_what_it_is(i386, userns):
    with lab.Machine(i386, userns=userns, console="read-only") as m:
        assert pathlib.Path(f"/proc/{m.leader}/personality").read_text().strip()[-2:] == "08"
        assert m.sh("uname -m; dpkg --print-architecture; arch; setarch --list | head -1").split("\n")[:3] == ["i686", "i386", "i686"]
        apt = m.exec("apt-get", "check")
        assert apt.returncode == 0, apt.stdout
        # a service of the machine, started by its init
        lab.wait_for(lambda: "getty" in m.sh("cat /proc/*/comm 2>/dev/null"), what="a getty")
        assert m.sh("for p in /proc/[0-9]*; do grep -q getty $p/comm 2>/dev/null && cat $p/personality; done").strip()[-2:] == "08"
        login = m.exec("/bin/sh", "-lc", "uname -m")
        assert login.stdout == "i686\n", login
        assert m.stop() == 0
    assert "Will now halt" in m.output() or "power" in m.output().lower(), m.output()[-1500:]
    m.assert_clean()


def test_what_decides_is_the_tree_then_the_option(i386, own_tree):
    debian = own_tree("bookworm")
    build_calls("32", debian / "calls-32")
    build_calls("64", debian / "calls-64")

    def says(where, *words, **more):
        done = lab.run(where, *words, userns=True, **more)
        assert done.returncode == 0, done
        return done.stdout.split()[-1]

    assert says(i386, "/bin/uname", "-m") == "i686"
    assert says(i386, "uname", "-m") == "i686", "a name that is searched for"
    assert says(i386, "uname", "-m", options=["--personality=x86-64"]) == "x86_64"
    assert says(i386, "/calls-64") == "x86_64", "a program of 64 bits, which is not what the tree is"
    assert says(debian, "/bin/uname", "-m") == "x86_64"
    assert says(debian, "/calls-32") == "x86_64", "one program of 32 bits does not make a tree of them"
    assert says(debian, "/calls-32", options=["--personality=x86"]) == "i686"


def test_exec_shows_what_pid_1_was_given(own_tree):
    """Of a 64-bit tree that pretends, too."""
    with lab.Machine(own_tree("busybox"), "--personality=x86") as m:
        assert m.exec("uname", "-m").stdout == "i686\n"


@pytest.mark.parametrize("gate", GATES)
def test_no_gate_passes_the_filter(i386, gate):
    """What is forbidden by its 64-bit number is by the 32-bit one, and by that out of 64-bit code."""
    numbers = [str(n) for n in GATES[gate][1]]
    unfiltered, _ = answers(subprocess.run([i386 / f"calls-{gate}", *numbers], capture_output=True, text=True, check=True).stdout, gate)
    seen = {name for name in OPEN if unfiltered[name] not in (1, 38)}
    assert seen >= {"mlock", "keyctl"}, unfiltered

    closed = {name: (1, 38) for name in GATES[gate][1].values()}
    for userns in (True, False):
        done = lab.run(i386, f"/calls-{gate}", *numbers, userns=userns)
        got, _ = answers(done.stdout, gate)
        assert {n: e for n, e in got.items() if e not in closed[n]} == {}, (userns, done.stderr)
        assert set(got) == set(closed)
    with lab.Machine(i386) as m:
        got, machine = answers(m.exec(f"/calls-{gate}", *numbers).stdout, gate)
        assert machine == "i686"
        assert {n: e for n, e in got.items() if e not in closed[n]} == {}


# --- others, through a handler -------------------------------------------------------------------

class Host:
    """A user, mount, pid and network namespace with handlers of its own, none at first, and a tree."""

    def __init__(self, tree="arm64", mounted=True):
        script = (f"mount -t binfmt_misc binfmt_misc {HANDLERS}\n" if mounted else f"mount -t tmpfs tmpfs {HANDLERS}\n")
        script += ("mount -t tmpfs tmpfs /run/stead; mount -t tmpfs tmpfs /etc/stead\n"
                   f"mount -t tmpfs -o mode=755 tmpfs /mnt; cp -a {lab.tree(tree)}/. /mnt\n"
                   "echo ready; exec sleep 600")
        self.process = subprocess.Popen(
            [IN_NAMESPACE, "-", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--net", "--ipc", "--uts",
             "--propagation", "private", "sh", "-ec", f"mkdir -p /run/stead /etc/stead; {script}"],
            stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"
        self.pid = lab.children(lab.children(self.process.pid)[0])[0]
        self.started = []

    def words(self, *command):
        return ["nsenter", "-t", str(self.pid), "-U", "-m", "-p", "-n", "-i", "-u", "--preserve-credentials", *map(str, command)]

    def run(self, *command, **more):
        return subprocess.run(self.words(*command), capture_output=True, text=True, timeout=lab.PATIENCE,
                              stdin=subprocess.DEVNULL if "input" not in more else None, **more)

    def register(self, text):
        done = self.run("tee", f"{HANDLERS}/register", input=text)
        assert done.returncode == 0, done
        return self

    def launch(self, *words):
        return self.words(lab.LAUNCH, "-D", "/mnt", "-M", "foreign", "--private-network", "--console=pipe", *words)

    def start(self, *words):
        self.started.append(subprocess.Popen(self.launch(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                             stderr=subprocess.STDOUT, text=True))
        return self.started[-1]

    def refused(self, *words):
        done = self.run(*self.launch(*words)[len(self.words()):])
        assert done.returncode != 0, done
        return done.stderr

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, 9)  # first of a pid namespace: all in it go
        self.process.wait()
        self.process.stdout.close()
        for process in self.started:
            process.wait(lab.PATIENCE)
            process.stdout.close()


def handlers_of_the_host():
    return sorted(os.listdir(HANDLERS)) if os.path.isdir(HANDLERS) else []


def without_flag(letter):
    name, flags = HANDLER.read_text().strip().rsplit(":", 1)
    return f"{name}:{flags.replace(letter, '')}"


@pytest.mark.parametrize("userns", ["pick", "no"])
def test_arm64_tree_boots_through_qemu(userns):
    before = handlers_of_the_host()
    with Host() as host:
        host.register(HANDLER.read_text())
        process = host.start("-b", f"--private-users={userns}", "--notify-ready=yes")
        assert process.stdout.readline() == "busybox-up\n"
        plan = json.loads(host.run(lab.STEAD, "plan", "--json", "/mnt", "-b").stdout)
        assert (plan["architecture"], plan.get("personality")) == ("arm64", None)
        assert plan["emulator"] == f"qemu-aarch64 ({HANDLER.read_text().split(':')[6]})"
        assert host.run(lab.STEAD, "exec", "foreign", "--", "uname", "-m").stdout == "aarch64\n"
        # what it may not do, it may not do through an emulator
        status = host.run(lab.STEAD, "exec", "foreign", "--", "grep", "Seccomp:", "/proc/1/status").stdout.split()
        assert status == ["Seccomp:", "2"]
        assert host.run(lab.STEAD, "exec", "foreign", "--", "sh", "-c", "exit 7").returncode == 7
        stopped = host.run(lab.STEAD, "stop", "foreign")
        assert stopped.returncode == 0, stopped
        output = process.stdout.read()
        assert process.wait(lab.PATIENCE) == 0 and "busybox-down" in output, output
        done = host.run(*host.launch("/bin/sh", "-c", "uname -m; exit 5")[len(host.words()):])
        assert (done.returncode, done.stdout) == (5, "aarch64\n"), done
    assert handlers_of_the_host() == before


def test_systemd_of_another_architecture_is_stopped_by_command():
    """qemu gives it another real-time signal than the one that is sent."""
    with Host() as host:
        host.register(HANDLER.read_text())
        host.run("sh", "-c", "mkdir -p /mnt/usr/lib/systemd; cp /mnt/bin/busybox /mnt/usr/lib/systemd/systemd")

        def plan(*words):
            return json.loads(host.run(lab.STEAD, "plan", "--json", *words, "/mnt", "-b").stdout)
        assert (plan()["init"], plan()["stop-method"], plan().get("stop-signal")) == ("systemd", "command", None)
        told = plan("--kill-signal=SIGRTMIN+5")
        assert (told["stop-method"], told["stop-signal"]) == ("signal", "SIGRTMIN+5")


def test_arm64_tree_without_a_handler_is_refused():
    with Host() as host:
        for words in (["-b"], ["/bin/true"], ["true"], ["--dry-run", "-b"]):
            text = host.refused(*words)
            assert "is for arm64: this host cannot run its '/" in text and "no handler for such programs is registered" in text, text
            assert "apt-get install qemu-user-static binfmt-support" in text, text
        plan = host.run(lab.STEAD, "plan", "/mnt", "-b")
        assert plan.returncode != 0 and "is for arm64" in plan.stderr, plan
        # a handler of somebody else's
        host.register(":other:M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xf3\\x00::/bin/true:")
        host.register(":word:E::arm::/bin/true:")
        assert "no handler for such programs" in host.refused("-b")
        assert not (pathlib.Path("/run/stead/machines") / "foreign").exists()


def test_a_handler_that_is_switched_off():
    with Host() as host:
        host.register(HANDLER.read_text())
        host.run("tee", f"{HANDLERS}/qemu-aarch64", input="0")
        text = host.refused("-b")
        assert "the handler for it is disabled" in text and f"echo 1 > {HANDLERS}/qemu-aarch64" in text, text
        host.run("tee", f"{HANDLERS}/qemu-aarch64", input="1")
        host.run("tee", f"{HANDLERS}/status", input="0")
        text = host.refused("-b")
        assert "the handler for it is disabled" in text and f"echo 1 > {HANDLERS}/status" in text, text


def test_handlers_that_cannot_be_seen():
    """In a container binfmt_misc is not mounted, and yet the host's handlers are in force: no reason to refuse."""
    with Host() as host:
        host.register(HANDLER.read_text())
        host.run("mount", "-t", "tmpfs", "tmpfs", HANDLERS)
        done = host.run(*host.launch("--private-users=pick", "/bin/uname", "-m")[len(host.words()):])
        assert (done.returncode, done.stdout) == (0, "aarch64\n"), done
    with Host(mounted=False) as host:
        text = host.refused("--private-users=pick", "/bin/true")
        assert "is a program for arm64, which this host cannot run" in text and "qemu-user-static" in text, text


def test_handlers_of_a_host_that_has_not_mounted_them(own_tree):
    """With the rights of the first user namespace they are looked at all the same. None is registered here, or all is well."""
    where = own_tree("busybox")
    shutil.copy(lab.tree("arm64") / "bin/busybox", where / "bin/foreign")
    done = subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-ec", f'mount -t tmpfs tmpfs {HANDLERS}; exec "$@"', "sh", lab.LAUNCH,
                           "--quiet", "-D", where, "-M", lab.new_name("unseen"), "--console=pipe", "--private-network", "/bin/foreign"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=lab.PATIENCE, env=lab.clean_environment())
    assert "and no handler for such programs is registered" in done.stderr or done.returncode == 0, done


def test_a_handler_without_flag_F_needs_its_interpreter_inside():
    with Host() as host:
        interpreter = HANDLER.read_text().split(":")[6]
        host.register(without_flag("F"))
        text = host.refused("-b")
        assert f"'{interpreter}', which is not in the tree, and was registered without flag F" in text, text
        assert f"--bind-ro={interpreter}" in text, text
        words = ("--private-users=pick", f"--bind-ro={interpreter}", "/bin/uname", "-m")
        done = host.run(*host.launch(*words)[len(host.words()):])
        assert (done.returncode, done.stdout) == (0, "aarch64\n"), done
        # the place of the mount has stayed in the tree; it is nothing to execute
        assert "which is not in the tree" in host.refused("-b")
        host.run("install", "-m", "755", QEMU, f"/mnt{interpreter}")
        done = host.run(*host.launch("--private-users=pick", "/bin/uname", "-m")[len(host.words()):])
        assert (done.returncode, done.stdout) == (0, "aarch64\n"), done


def test_what_is_mounted_over_the_tree_is_not_judged(own_tree):
    """A foreign program that nobody will run is no reason."""
    where = own_tree("busybox")
    shutil.copy(lab.tree("arm64") / "bin/busybox", where / "bin/foreign")
    with Host() as host:
        host.run("sh", "-c", "cp /bin/busybox /mnt/bin/busybox-native")
        done = host.run(*host.launch("/bin/busybox-native", "uname", "-m")[len(host.words()):])
        assert (done.returncode, done.stdout) == (0, "x86_64\n"), done
        done = host.run(*host.launch("--bind-ro=/bin/busybox:/bin/busybox", "/bin/busybox", "uname", "-m")[len(host.words()):])
        assert (done.returncode, done.stdout) == (0, "x86_64\n"), done
    done = lab.run(where, "/bin/foreign", userns=True)
    assert "is for arm64" in done.stderr or done.returncode == 0, done


# --- new trees -----------------------------------------------------------------------------------

class Mirror(http.server.BaseHTTPRequestHandler):
    """An archive with nothing in it, which remembers what it was asked for."""
    asked = []

    def do_GET(self):
        self.asked.append(self.path)
        self.send_error(404)

    def log_message(self, *_):
        pass


@pytest.fixture
def mirror():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Mirror.asked.clear()
    yield f"deb [trusted=yes] http://127.0.0.1:{server.server_port}/debian bookworm main"
    server.shutdown()
    server.server_close()


def create(name, *words):
    done = subprocess.run([lab.STEAD, "create", "--quiet", "--tree", name, "debian/12", *words], capture_output=True, text=True,
                          timeout=lab.PATIENCE, env=lab.clean_environment())
    assert not pathlib.Path("/var/lib/machines", name).exists()
    return done.stderr


@pytest.mark.parametrize("word, asked", [("i386", "i386"), ("amd64", "amd64"), (None, "amd64")])
def test_create_asks_the_mirror_for_that_architecture(mirror, word, asked):
    create(lab.new_name("arch"), f"--mirror={mirror}", *([f"--architecture={word}"] if word else []))
    packages = {part for path in Mirror.asked for part in path.split("/") if part.startswith("binary-") and part != "binary-all"}
    assert packages == {f"binary-{asked}"}, Mirror.asked


def test_create_for_a_processor_that_nothing_runs():
    assert "Debian has no architecture 'amd46'" in create(lab.new_name("arch"), "--architecture=amd46")
    with Host() as host:
        def refused(*words):
            done = host.run(lab.STEAD, "create", "--quiet", "foreign", "debian/12", "--architecture=arm64", *words)
            assert done.returncode != 0
            return done.stderr
        assert "and no handler for them is registered" in refused("--tree")
        host.register(without_flag("F"))
        assert "their handler was registered without flag F" in refused("--tree")
        host.run("tee", f"{HANDLERS}/qemu-aarch64", input="0")
        assert f"echo 1 > {HANDLERS}/qemu-aarch64" in refused("--tree")
        host.run("tee", f"{HANDLERS}/qemu-aarch64", input="-1")
        host.register(HANDLER.read_text())
        # through mmdebstrap's own questions up to the mirror, which is not there
        text = refused("--tree", "--mirror=deb http://127.0.0.1:1/debian bookworm main")
        assert "127.0.0.1" in text or "apt-get update" in text, text
