# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hosts for tests: a whole Debian with systemd, machined, logind, polkit and a bus, booted as a machine
by our own launcher, with the build under test installed in it. Machines are booted on it in turn.

    with lab.Host("252") as host:           # or "257"
        host.add_guest("web")               # a tree in /var/lib/machines/web
        host.ok("systemctl start stead@web")
        print(host.sh("machinectl"))

Knows how such a host is made, started, asked and thrown away. It must not know what a single test is about.
tools/host gives the same to people.
"""
import contextlib
import importlib.util
import json
import os
import pathlib
import pty
import re
import select
import shlex
import signal
import subprocess
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
_spec = importlib.util.spec_from_file_location("machine_lab", TOP / "tests/machine/lab.py")
machines = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(machines)

BUILD, STEAD, PATIENCE = machines.BUILD, machines.STEAD, machines.PATIENCE
wait_for, promised = machines.wait_for, machines.promised

# systemd's version -> Debian's release
VERSIONS = {"252": "bookworm", "257": "trixie"}

_counter = 0
_installed = None
_installing = threading.Lock()
work = None  # folder of this run; see set_work()


def set_work(path):
    """Where trees and logs of this run lie; removed by whoever made it."""
    global work
    work = machines.work = pathlib.Path(path)


def new_work():
    set_work(tempfile.mkdtemp(prefix="stead-host.", dir=os.environ.get("STEAD_TEST_WORK", "/var/tmp")))
    return work


def new_name(word="h"):
    global _counter
    _counter += 1
    return f"sth{os.getpid()}-{word}{_counter}"


# --- trees ---------------------------------------------------------------------------------------

def host_tree(version):
    """Name of the tree that a host of this systemd is copied from: the one place that says where hosts
    come from."""
    return f"host-{VERSIONS[version]}"


def guest_tree(version):
    return f"guest-{VERSIONS[version]}"


def prefix_of_build():
    path = BUILD / "meson-info/intro-buildoptions.json"
    if not path.exists():
        return None
    return next(o["value"] for o in json.loads(path.read_text()) if o["name"] == "prefix")


def installed():
    """What `ninja install` of the build gives, made once in a run."""
    global _installed
    with _installing:
        if _installed is None:
            prefix = prefix_of_build()
            assert prefix == "/usr", (
                f"the build in {BUILD} is for prefix {prefix}, a host needs /usr. "
                f"Try: meson configure {BUILD} --prefix=/usr && ninja -C {BUILD}")
            target = work / "installed"
            subprocess.run(["meson", "install", "--no-rebuild", "--quiet", "-C", BUILD, "--destdir", target],
                           check=True, stdout=subprocess.DEVNULL)
            _installed = target
    return _installed


def up_to_date(where):
    """Nothing that systemd does once after an update of /usr: every boot here would be the first."""
    newest = (where / "usr").stat().st_mtime
    for folder in ("etc", "var"):
        stamp = where / folder / ".updated"
        stamp.touch()
        os.utime(stamp, (newest, newest))


def copy_guest(version, target):
    where = machines.copy_tree(guest_tree(version), target)
    # it is called as its machine is
    (where / "etc/hostname").unlink()
    up_to_date(where)
    return where


# --- hosts ---------------------------------------------------------------------------------------

class Host:
    """One systemd host. `with Host(version) as host:` boots it, stops it and looks for what is left."""

    def __init__(self, version, name=None, guests=(), masked=(), options=(), stead=True):
        self.version, self.name = version, name or new_name(version)
        self.machine = self.where = None
        self.guests, self.masked, self.options, self.stead = guests, masked, options, stead

    # life

    def make(self):
        """The tree, without a boot."""
        self.where = machines.copy_tree(host_tree(self.version), work / self.name)
        (self.where / "etc/hostname").unlink(missing_ok=True)
        if self.stead:
            subprocess.run(["cp", "-a", "--no-preserve=ownership", f"{installed()}/.", self.where], check=True)
        up_to_date(self.where)
        for unit in self.masked:
            self.path(f"/etc/systemd/system/{unit}").symlink_to("/dev/null")
        for guest in self.guests:
            self.add_guest(guest)
        return self

    def start(self):
        """Boots it and waits until its systemd says that all is up."""
        if self.where is None:
            self.make()
        # all that an ordinary host has, but neither its sysctls nor its devices: those are the real host's
        self.machine = machines.Machine(self.where, "--capability=all", "--system-call-filter=@known", *self.options,
                                        userns=False, name=self.name)
        self.machine.start(start_new_session=True)
        return self

    def stop(self):
        """Orderly; nothing of it or of its machines may be left."""
        status = self.machine.stop()
        assert status == 0, f"launcher of {self.name} ended with {status}:\n{self.machine.output()[-2000:]}"
        self.machine.assert_clean()

    def kill(self):
        if self.machine:
            self.machine.kill()

    def remove(self):
        if self.where:
            machines.remove_tree(self.where)
            self.where = None
        # the console's last words outlive a machine by design; this one has no reader
        pathlib.Path("/run/stead/console", self.name).unlink(missing_ok=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.kill()
            self.remove()
            raise

    def __exit__(self, kind, value, trace):
        try:
            if kind:
                self.kill()
            else:
                self.stop()
        finally:
            self.kill()
            self.remove()

    # files

    def path(self, path):
        """A file of the host's disk, from outside. What lies on its tmpfs (/run, /tmp) is not there."""
        return self.where / str(path).lstrip("/")

    def write(self, path, text, mode=0o644):
        """Writes a file of the host, wherever it lies."""
        self.ok(f"install -D -m {mode:o} /dev/stdin {shlex.quote(str(path))}", input=text)

    def add_guest(self, name, version=None, definition="[Network]\nPrivate=yes\n"):
        """A tree of its own for a machine of this host, in /var/lib/machines, and its definition; by default
        of the host's release and with a network of its own."""
        if definition:
            path = self.path(f"/etc/stead/{name}.machine")
            path.parent.mkdir(exist_ok=True)
            path.write_text(definition)
        return copy_guest(version or self.version, self.path(f"/var/lib/machines/{name}"))

    def remove_guest(self, name):
        machines.remove_tree(self.path(f"/var/lib/machines/{name}"))
        self.path(f"/etc/stead/{name}.machine").unlink(missing_ok=True)

    # commands

    def run(self, *argv, input=None, timeout=PATIENCE, user=None):
        """CompletedProcess of a command in the host, both streams together."""
        return self.machine.exec(*argv, input=input, timeout=timeout, user=user)

    def sh(self, script, **more):
        """Output of a shell script in the host, as text without the last newline."""
        return self.run("/bin/sh", "-c", script, **more).stdout.rstrip("\n")

    def ok(self, script, **more):
        """The same; it has to succeed."""
        done = self.run("/bin/sh", "-c", script, **more)
        assert done.returncode == 0, f"'{script}' ended with {done.returncode} on {self.name}:\n{done.stdout}"
        return done.stdout.rstrip("\n")

    def status(self, script, **more):
        return self.run("/bin/sh", "-c", script, **more).returncode

    def popen(self, *argv, **more):
        """A command in the host that goes on beside the test, as from a person's shell."""
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.STDOUT)
        more.setdefault("text", True)
        return subprocess.Popen([STEAD, "exec", "-T", self.name, "--", *argv], env=machines.clean_environment(HOME="/root"),
                                start_new_session=True, **more)

    def terminal(self, *argv):
        """A command of the host on a terminal of its own."""
        return Terminal(STEAD, "exec", "-t", self.name, "--", *argv)

    def wait(self, script, seconds=PATIENCE, what=None):
        """Waits until a shell script in the host succeeds; gives what it said."""
        last = []

        def look():
            done = self.run("/bin/sh", "-c", script)
            last[:] = [done.stdout]
            return done.returncode == 0
        try:
            wait_for(look, seconds, what or f"'{script}' on {self.name}")
        except AssertionError as e:
            raise AssertionError(f"{e}; it said:\n{last[0] if last else ''}") from None
        return last[0].rstrip("\n")

    def journal(self, unit=None, since=None, more=""):
        # journald reads what was said when it has time
        return self.sh(f"journalctl --sync; journalctl --no-pager -o short-monotonic {'-u ' + shlex.quote(unit) if unit else ''} "
                       f"{'--after-cursor=' + shlex.quote(since) if since else ''} {more}")

    def cursor(self):
        """Where the journal ends now; for journal(since=...)."""
        return re.sub("^-- cursor: ", "", self.ok("journalctl --sync; journalctl -n 0 --show-cursor").splitlines()[-1])


# --- machines on a host --------------------------------------------------------------------------

KINDS = ["service", "scope"]


def escape(name):
    """As systemd-escape."""
    return re.sub(r"[^a-zA-Z0-9:_.]", lambda m: f"\\x{ord(m[0]):02x}", name)


def kills(journal):
    """Lines in which the host's systemd says that it killed; a machine's console has such words as well."""
    return [line for line in journal.splitlines()
            if re.search(r" systemd\[1\]: .*(SIGKILL|signal KILL|status=9/KILL)", line)]


class Guest:
    """A machine of a host: as a service (systemctl start) or by hand (a launcher, which makes a scope)."""

    def __init__(self, host, name, kind="service", options=()):
        self.host, self.name, self.kind, self.options = host, name, kind, list(options)
        self.unit = f"stead@{name}.service" if kind == "service" else f"machine-{escape(name)}.scope"
        # as a word of a shell
        self.q = shlex.quote(self.unit)
        self.process = self.log = None

    # life

    def start(self):
        self.spawn()
        self.wait_ready()
        return self

    def spawn(self):
        """Starts it and does not wait; a service's unit may still be starting."""
        if self.kind == "service":
            assert not self.options
            # a unit that failed before still says so until its job runs
            self.host.ok(f"systemctl reset-failed {self.q} 2>/dev/null; systemctl start --no-block {self.q}")
            return
        self.log = open(work / f"{self.host.name}-{self.name}.log", "w+")
        self.process = self.host.popen("/usr/bin/stead-launch", "--boot", "--notify-ready=yes", "--console=read-only",
                                       "-M", self.name, *self.options, stdout=self.log)

    def wait_ready(self, seconds=PATIENCE):
        def ready():
            if self.kind == "service":
                state = self.host.sh(f"systemctl show -P ActiveState {self.q}")
                assert state != "failed", f"{self.unit} failed:\n{self.said()}"
                return state == "active"
            assert self.process.poll() is None, f"launcher of {self.name} ended:\n{self.said()}"
            return self.host.sh(f"stead show {self.name} -p State --value 2>/dev/null") == "running"
        wait_for(ready, seconds, f"{self.unit} on {self.host.name}")

    def stop(self):
        """The way of its kind: systemctl stop, or SIGTERM to the launcher."""
        if self.kind == "service":
            self.host.ok(f"systemctl stop {self.q}")
        else:
            self.host.ok(f"kill -TERM {self.launcher}")
            assert self.wait_end() == 0, self.said()

    def wait_end(self, seconds=PATIENCE):
        """By hand: exit status of the launcher."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"launcher of {self.name} did not end within {seconds} s:\n{self.said()}") from None

    def remove(self):
        """For the end of a test, whatever happened before: not running, no tree."""
        if self.kind == "service":
            self.host.run("systemctl", "kill", "-s", "KILL", self.unit)
            self.host.run("systemctl", "stop", self.unit)
            self.host.run("systemctl", "reset-failed", self.unit)
        elif self.process and self.process.poll() is None:
            self.host.run("systemctl", "kill", "-s", "KILL", self.unit)
            for how in ("true", f"pkill -KILL -f -- '-M {self.name}( |$)'"):
                self.host.run("/bin/sh", "-c", how)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(3)
            self.process.kill()
            self.process.wait()
        self.host.remove_guest(self.name)

    # knowledge

    def said(self):
        """What the launcher and the machine's console said."""
        if self.kind == "service":
            return self.host.sh(f"journalctl --sync; systemctl status --no-pager -n 50 {self.q}; journalctl --no-pager -b -u {self.q} | tail -n 60")
        return self.output()[-4000:]

    def output(self):
        """By hand: all that the launcher said and the machine's console."""
        return pathlib.Path(self.log.name).read_text(errors="replace")

    def show(self, key):
        """A property as machinectl shows it."""
        return self.host.ok(f"machinectl show -p {key} --value {self.name}")

    def state(self, key):
        return self.host.ok(f"stead show {self.name} -p {key} --value")

    @property
    def leader(self):
        return int(self.state("Leader"))

    @property
    def launcher(self):
        return int(self.state("Launcher"))

    @property
    def base(self):
        """First UID of the machine on its host."""
        return int(self.host.ok(f"cat /proc/{self.leader}/uid_map").split()[1])

    def cgroup(self):
        """Folder of the unit's cgroup on the host."""
        return "/sys/fs/cgroup" + self.host.ok(f"systemctl show -P ControlGroup {self.q}")

    def is_registered(self):
        return self.host.status(f"machinectl show {self.name} >/dev/null 2>&1") == 0

    def wait_gone(self, seconds=PATIENCE):
        """No unit, no registration, no state of ours."""
        wait_for(lambda: not self.is_registered(), seconds, f"machined to forget {self.name}")
        self.host.wait(f"! systemctl is-active --quiet {self.q}", seconds)
        self.host.wait(f"! test -e /run/stead/machines/{self.name}", seconds)

    def exec(self, *argv, **more):
        return self.host.run("stead", "exec", "-T", self.name, "--", *argv, **more)

    def sh(self, script, **more):
        return self.exec("/bin/sh", "-c", script, **more).stdout.rstrip("\n")

    def ok(self, script, **more):
        done = self.exec("/bin/sh", "-c", script, **more)
        assert done.returncode == 0, f"'{script}' ended with {done.returncode} in {self.name}:\n{done.stdout}"
        return done.stdout.rstrip("\n")

    def wait(self, script, seconds=PATIENCE):
        wait_for(lambda: self.exec("/bin/sh", "-c", script).returncode == 0, seconds, f"'{script}' in {self.name}")


class Terminal:
    """A command on a terminal: expect() reads on until a pattern comes, send() types."""

    def __init__(self, *argv):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen([str(a) for a in argv], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        env=machines.clean_environment(HOME="/root"))
        os.close(slave)
        self.seen = ""

    def expect(self, pattern, seconds=PATIENCE):
        """What came up to and with the pattern; the rest stays for the next one."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.seen)
            if found:
                text, self.seen = self.seen[:found.end()], self.seen[found.end():]
                return text
            left = end - time.monotonic()
            assert left > 0 and select.select([self.master], [], [], left)[0], \
                f"waited {seconds} s for '{pattern}'; there was:\n{self.seen}"
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            assert data, f"ended before '{pattern}' came; there was:\n{self.seen}"
            self.seen += data.decode(errors="replace").replace("\r", "")

    def send(self, text):
        os.write(self.master, text.encode())

    def wait(self, seconds=PATIENCE):
        """Reads to the end; the exit status."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, f"command on a terminal did not end within {seconds} s; it said:\n{self.seen}"
            if select.select([self.master], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):
                    self.seen += os.read(self.master, 65536).decode(errors="replace").replace("\r", "")
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.master)
