# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines for tests: starts stead-launch on a copy of a test tree, waits until it is ready, runs
commands inside, stops it, and looks at what is left on the host.

Knows the launcher's command line, the readiness protocol and the state file. It must not know what a
single test is about.
"""
import contextlib
import fcntl
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("STEAD_BUILD", TOP / "build")).resolve()
LAUNCH = pathlib.Path(os.environ.get("STEAD_LAUNCH", BUILD / "src/launch/stead-launch"))
STEAD = BUILD / "src/cli/stead"
MACHINES = pathlib.Path("/run/stead/machines")
NSENTER = os.environ.get("STEAD_EXEC") == "nsenter"

DEBIANS = ["bullseye", "bookworm", "trixie"]
OTHER_INITS = ["sysvinit", "openrc", "runit", "busybox", "static"]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PATIENCE = float(os.environ.get("STEAD_TEST_PATIENCE", "60"))

_trees, _cached, _taking = {}, {}, threading.Lock()
_counter = 0
work = None  # folder of this run; set by conftest


def new_name(word="t"):
    global _counter
    _counter += 1
    return f"st{os.getpid()}-{word}{_counter}"


def tree(name):
    """The cached tree of that name; read-only for tests. Where they work on another file system than it is on, a copy
    that is made once: its files can be linked, which is many times faster than to copy them for each test."""
    with _taking:
        if name not in _trees:
            out = subprocess.run([TOP / "tools/tree", name], check=True, capture_output=True, text=True).stdout
            _trees[name] = _cached[name] = pathlib.Path(out.split()[-1])
            if work and _trees[name].stat().st_dev != work.stat().st_dev:
                _trees[name] = work / "trees" / name
                _trees[name].parent.mkdir(exist_ok=True)
                subprocess.run(["cp", "-a", _cached[name], _trees[name]], check=True)
        return _trees[name]


def changed_trees():
    """What tests have changed of trees that others use after them."""
    def facts(top):
        found = {}
        for where, folders, files in os.walk(top):
            for path in [where] + [os.path.join(where, entry) for entry in folders + files]:
                info = os.lstat(path)
                # of a directory what is in it counts; a lock that came and went beside a tree is nothing
                content = not stat.S_ISDIR(info.st_mode) and (info.st_size, info.st_mtime_ns)
                found[os.path.relpath(path, top)] = info.st_mode, info.st_uid, info.st_gid, info.st_rdev, content
        return found
    changed = []
    for name, path in _trees.items():
        if path != _cached[name]:
            before, after = facts(_cached[name]), facts(path)
            changed += [f"{name}/{entry}" for entry in sorted(before.keys() | after.keys())
                        if before.get(entry) != after.get(entry)]
    return changed


def copy_tree(name, target=None, links=True):
    """A copy of its own for a test that writes, or boots an init that does. Of a Debian, what no init and
    no test ever writes in place (programs, libraries) is linked, which is many times faster; without @links
    nothing is, for what changes owners or modes."""
    source, target = tree(name), pathlib.Path(target or work / new_name(name))
    linked = []
    if links and name not in ("busybox", "static") and source.stat().st_dev == work.stat().st_dev:
        linked = [d for d in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
                  if (source / d).is_dir() and not (source / d).is_symlink()]
    target.mkdir()
    rest = [source / entry for entry in os.listdir(source) if entry not in linked]
    subprocess.run(["cp", "-a", "--reflink=auto", *rest, target], check=True)
    if linked:
        subprocess.run(["cp", "-al", *[source / d for d in linked], target], check=True)
    shutil.copystat(source, target)
    os.chown(target, source.stat().st_uid, source.stat().st_gid)
    return target


def remove_tree(path):
    subprocess.run(["rm", "-rf", "--one-file-system", path], check=False)


def wait_for(condition, seconds=PATIENCE, what="condition"):
    """Waits for what will be. How long that takes is nobody's promise: whatever is promised is measured by promised()."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.02)


def promised(seconds, measure, times=3):
    """What @measure gives is less than @seconds, once in some times: a machine that others keep busy makes a time longer,
    and never shorter."""
    measured = []
    while not measured or measured[-1] >= seconds and len(measured) < times:
        measured.append(measure())
    assert measured[-1] < seconds, f"{measured} and never less than {seconds}"


# --- the host, seen from outside -----------------------------------------------------------------

def mountinfo(pid="self"):
    """Mounts, one a line, without the numbers of peer groups."""
    text = pathlib.Path(f"/proc/{pid}/mountinfo").read_text()
    return sorted(re.sub(r" (shared|master|propagate_from):\d+", r" \1", line) for line in text.splitlines())


def assert_no_more(look, before):
    """Of what @look gives there is nothing that was not there before; what others have for a moment is waited for."""
    more = []

    def nothing():
        more[:] = sorted(set(look()) - set(before))
        return not more
    try:
        wait_for(nothing)
    except AssertionError:
        raise AssertionError(f"there is more than before: {more}") from None


def cgroup_mount():
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        if " - cgroup2 " in line:
            return pathlib.Path(line.split()[4])
    return None


def cgroups(word):
    """Directories of the v2 hierarchy whose path has this word."""
    top = cgroup_mount()
    return sorted(p for p, _, _ in os.walk(top) if word in p) if top else []


def processes(word):
    """Host processes in a cgroup whose path has this word: pid -> command name."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if any(line.startswith("0::") and word in line
                   for line in (entry / "cgroup").read_text().splitlines()):
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
                if state != "Z":
                    found[int(entry.name)] = (entry / "comm").read_text().strip()
    return found


def links():
    return sorted(os.listdir("/sys/class/net"))


def free_port():
    """Of 127.0.0.1, for a program that has to be told one. None that the kernel gives to whoever asks for any."""
    while True:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", random.SystemRandom().randrange(10000, 32000))) as s:
            return s.getsockname()[1]


def held_locks(folder):
    """Lock files below a folder that somebody holds (by inode, from /proc/locks)."""
    held = {line.split()[-3].split(":")[-1] for line in pathlib.Path("/proc/locks").read_text().splitlines()
            if "->" not in line}
    names = []
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(folder):
            with contextlib.suppress(FileNotFoundError):  # of another, who takes it away
                if str(entry.stat().st_ino) in held:
                    names.append(entry.name)
    return sorted(names)


def children(pid):
    with contextlib.suppress(OSError):
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def checksum(path):
    """One hash over names, types, owners, modes, times and contents of a tree."""
    script = (r"find . -printf '%P %y %m %U:%G %s %T@ %l\n' | LC_ALL=C sort; "
              r"find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha1sum")
    out = subprocess.run(["sh", "-c", script], cwd=path, check=True, capture_output=True).stdout
    import hashlib
    return hashlib.sha1(out).hexdigest()


# --- plain commands ------------------------------------------------------------------------------

def clean_environment(**more):
    env = {"PATH": PATH, "TERM": "dumb"}
    for name, value in os.environ.items():
        # the sanitizers' and the lab's own switches go on to the launcher
        if name.startswith(("ASAN_", "UBSAN_", "LSAN_")):
            env[name] = value
    env.update({k: v for k, v in more.items() if v is not None})
    return env


def run(where, *command, options=(), env=None, prefix=(), timeout=PATIENCE, userns=None, net=True, **more):
    """stead-launch with a plain command and pipes; returns CompletedProcess with text."""
    args = [*prefix, LAUNCH, "--quiet", "-D", where]
    if not any(str(o).startswith(("-M", "--machine")) for o in options):
        args += ["-M", new_name("p")]
    if userns is not None:
        args += ["--private-users=pick" if userns else "--private-users=no"]
    if net:
        args += ["--private-network"]
    args += ["--console=pipe", "--resolv-conf=off", "--timezone=off", *options, *command]
    more.setdefault("stdin", subprocess.DEVNULL if "input" not in more else None)
    if more["stdin"] is None:
        del more["stdin"]
    more.setdefault("text", True)
    return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                          env=clean_environment(**(env or {})), **more)


PURE_CGROUP2 = ("unshare", "-m", "--propagation", "private", "sh", "-ec",
                'umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec "$@"', "sh")


# --- machines ------------------------------------------------------------------------------------

class Machine:
    """One run of the launcher; `with Machine(tree) as m:` starts, waits and stops."""

    def __init__(self, where, *options, name=None, argv=(), boot=True, userns=True, net=True, env=None,
                 console="read-only", prefix=(), notify=True, pass_fds=()):
        self.where, self.name = where, name or new_name()
        self.userns, self.messages, self.process = userns, [], None
        self.log_path = pathlib.Path(work) / f"{self.name}.log"
        self.socket_path = pathlib.Path(work) / f"{self.name}.notify"
        self.args = [*map(str, prefix), str(LAUNCH), "-D", str(where), "-M", self.name, f"--console={console}"]
        self.args += ["--private-users=pick" if userns else "--private-users=no"] if userns is not None else []
        self.args += ["--private-network"] if net else []
        self.args += ["-b"] if boot else []
        self.args += ["--notify-ready=yes"] if boot and notify else []
        self.args += [*map(str, options), *map(str, argv)]
        self.env, self.pass_fds = env or {}, pass_fds
        self.tree_name = self.socket = None

    # life

    def spawn(self, **more):
        """Starts the launcher and does not wait."""
        self.before = mountinfo()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.socket_path))
        self.socket.settimeout(0.2)
        self.listening = True
        threading.Thread(target=self._listen, daemon=True).start()
        more.setdefault("stdin", subprocess.DEVNULL)
        self.log = open(self.log_path, "ab")
        more.setdefault("stdout", self.log)
        self.process = subprocess.Popen(
            self.args, stderr=self.log, pass_fds=self.pass_fds,
            env=clean_environment(NOTIFY_SOCKET=str(self.socket_path), **self.env), **more)
        return self

    def _listen(self):
        while self.listening:
            with contextlib.suppress(socket.timeout, OSError):
                text = self.socket.recv(65536).decode(errors="replace")
                self.messages.append((time.monotonic(), text))

    def start(self, **more):
        self.spawn(**more)
        self.wait_ready()
        return self

    def said(self, line):
        return any(re.search(rf"(?m)^{line}", text) for _, text in list(self.messages))

    def wait_ready(self, seconds=PATIENCE):
        def ready():
            assert self.process.poll() is None, f"launcher ended with {self.process.returncode}:\n{self.output()}"
            return self.said("READY=1")
        try:
            wait_for(ready, seconds, f"READY=1 of {self.name}")
        except AssertionError as e:
            self.kill()
            raise AssertionError(f"{e}\n{self.output()[-3000:]}") from None

    def wait(self, seconds=PATIENCE):
        """Exit status of the launcher."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            tail = self.output()[-3000:]
            self.kill()
            raise AssertionError(f"launcher of {self.name} did not end within {seconds} s:\n{tail}") from None
        finally:
            self._close()

    def stop(self, seconds=PATIENCE):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        """For a test that went wrong: nothing of the machine may stay."""
        if self.process and self.process.poll() is None:
            leader = self.leader_or_none()
            if leader:
                with contextlib.suppress(OSError):
                    os.kill(leader, signal.SIGKILL)
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._close()

    def _close(self):
        self.listening = False
        if self.socket:
            self.socket.close()
            self.socket = None
            self.socket_path.unlink(missing_ok=True)
            self.log.close()

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None:
            if kind:
                self.kill()
            else:
                try:
                    self.stop()
                except AssertionError:
                    self.kill()
                    raise
        self._close()

    # knowledge

    def output(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def state(self):
        try:
            text = (MACHINES / self.name / "state").read_text()
        except FileNotFoundError:
            return {}
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def leader_or_none(self):
        if self.state().get("LEADER"):
            return int(self.state()["LEADER"])
        todo = [self.process.pid]
        while todo:
            pid = todo.pop(0)
            with contextlib.suppress(OSError):
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
                if re.search(r"(?m)^NSpid:\t\d+\t1$", status):
                    return pid
            todo += children(pid)
        return None

    @property
    def leader(self):
        return wait_for(self.leader_or_none, what="the leader's pid")

    @property
    def base(self):
        """First host UID of the machine."""
        return int(pathlib.Path(f"/proc/{self.leader}/uid_map").read_text().split()[1])

    def cgroup(self):
        """The machine's cgroup as a folder, by what the kernel says of PID 1, without the init's own part."""
        for line in pathlib.Path(f"/proc/{self.leader}/cgroup").read_text().splitlines():
            if line.startswith("0::"):
                path = line[3:]
                return pathlib.Path(str(cgroup_mount()) + re.sub(r"/init\.scope$", "", path))
        return None

    # commands inside

    def exec(self, *argv, input=None, user=None, timeout=PATIENCE, text=True):
        if STEAD.exists() and not NSENTER:
            # a launcher in a mount namespace of its own has its cgroups where that one has them
            away = ["nsenter", "-t", str(self.process.pid), "-m"] if self.args[0] == "unshare" else []
            args = [*away, STEAD, "exec", *(["--user", user] if user else []), self.name, "--", *argv]
            more = {}
        else:
            procs = pathlib.Path(str(self.cgroup()), "init.scope", "cgroup.procs")
            args = ["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w",
                    *(["-U", "-S", "0", "-G", "0"] if self.userns else []), "--", *argv]
            more = {"preexec_fn": lambda: procs.exists() and procs.write_text(str(os.getpid()))}
        return subprocess.run(args, input=input, stdin=None if input is not None else subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, text=text,
                              env=clean_environment(HOME="/root"), **more)

    def sh(self, script, **more):
        """Output (both streams) of a shell script inside, as text without the last newline."""
        return self.exec("/bin/sh", "-c", script, **more).stdout.rstrip("\n")

    def residue(self):
        """What a stopped machine of this name left on the host."""
        left = [f"cgroup {p}" for p in cgroups(self.name)]
        left += [f"process {pid} {name}" for pid, name in processes(self.name).items()]
        left += [f"file {p}" for p in [MACHINES / self.name] if p.exists()]
        for folder in ("/run/systemd/nspawn/propagate", "/run/systemd/nspawn/unix-export", "/run/stead"):
            for top, folders, files in os.walk(folder):  # where others come and go
                left += [f"file {top}/{name}" for name in folders + files if self.name in name and "/console" not in top]
        left += [f"mount {line}" for line in mountinfo() if self.name in line or str(self.where) in line]
        left += [f"link {name}" for name in links() if self.name[-8:] in name]
        return left

    def assert_clean(self):
        end = time.monotonic() + PATIENCE
        while (left := self.residue()) and time.monotonic() < end:
            time.sleep(0.05)
        assert not left, left


@contextlib.contextmanager
def fixed_names():
    """For tests whose machines have names as people give them. A host of theirs has a /run of its own, but control groups are
    the real host's, where a start takes what is left of the last machine of its name: only one run may have them at a time."""
    with open(pathlib.Path(tempfile.gettempdir(), "stead-test-names"), "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def folder(prefix="d"):
    path = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=work))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
