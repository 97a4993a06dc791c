# SPDX-License-Identifier: LGPL-2.1-or-later
"""The life of machines made of layers: create, update, rollback, try, commit; and what becomes of them when any of
it is killed, meets a full disk or another one of its kind.

The layers are one static busybox, so that a switch has something to merge (users, a dpkg database) and all of it takes
milliseconds.
"""
import contextlib
import fcntl
import json
import os
import pathlib
import random
import re
import shutil
import signal
import stat
import subprocess
import time

import pytest

import lab
import layer_site
from lab import new_name

DEFINITIONS = pathlib.Path("/etc/stead")
SWITCH = lab.LAUNCH.parent.parent / "switch/stead-switch"
BASE, APP = "test/base", "test/app"

STATUS = """Package: libone
Status: install ok installed
Architecture: amd64
Version: {version}.0-1
Description: one

"""


class Site:
    """A store and machines of its own."""

    def __init__(self, where):
        self.where = pathlib.Path(where)
        self.where.mkdir(parents=True)
        self.states = self.where / "state"
        self.env = {"STEAD_STORE": str(self.where / "store"), "STEAD_STATE": str(self.states)}
        self.names = []

    def stead(self, *words, status=0, **more):
        p = subprocess.run([lab.STEAD, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           timeout=lab.PATIENCE, stdin=subprocess.DEVNULL, env=lab.clean_environment(**self.env), **more)
        assert status is None or p.returncode == status, f"stead {words}: {p.returncode}\n{p.stdout}\n{p.stderr}"
        return p

    def spawn(self, *words):
        return subprocess.Popen([*map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                stdin=subprocess.DEVNULL, env=lab.clean_environment(**self.env))

    def tree(self, version):
        """Version @version of the base. Each has a user, a package version and a line of /etc/motd of its own."""
        tree = self.where / f"base-{version}"
        shutil.copytree(lab.tree("busybox"), tree, symlinks=True)
        for place in ("etc", "usr/share", "var/lib/dpkg", "etc/ssh", "srv", "root"):
            (tree / place).mkdir(parents=True, exist_ok=True)
        (tree / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n" +
                                         "".join(f"sys{n}:x:{900 + n}:{900 + n}::/:/bin/sh\n" for n in range(version)))
        (tree / "etc/group").write_text("root:x:0:\n")
        (tree / "etc/shadow").write_text("root:*:19000:0:99999:7:::\n")
        (tree / "etc/motd").write_text(f"base {version}\n")
        (tree / "usr/share/version").write_text(f"{version}\n")
        (tree / "var/lib/dpkg/status").write_text(STATUS.format(version=version))
        (tree / "etc/hostname").write_text("the-base\n")
        (tree / "etc/machine-id").write_text("")
        (tree / "etc/ssh/ssh_host_rsa_key").write_text("everybody's\n")
        return tree

    def base(self, version):
        self.stead("layer", "import", "-q", BASE, self.tree(version))

    def app(self, text, name=APP):
        tree = self.where / ("app-" + text)
        (tree / "usr/share").mkdir(parents=True)
        (tree / "usr/share/app").write_text(text + "\n")
        self.stead("layer", "import", "-q", name, tree, "--difference", f"--base={BASE}")

    def create(self, *layers, name=None, write=True):
        name = name or new_name("lm")
        self.names.append(name)
        self.stead("create", "-q", name, *(layers or (BASE,)))
        if write:
            self.write(name)
        return name

    def write(self, name):
        """What a machine of some age has written, without having it run for that."""
        etc = self.upper(name) / "etc"
        (etc / "passwd").write_text((self.where / "base-1/etc/passwd").read_text() + "local:x:1000:1000::/:/bin/sh\n")
        shutil.copy2(self.where / "base-1/etc/motd", etc / "motd")
        (etc / "mine").write_text("mine\n")

    def upper(self, name):
        return self.states / name / "upper"

    def state(self, name, file):
        return (self.states / name / file).read_text()

    def in_force(self, name):
        return int(re.search(r"(?m)^generation (\d+)$", self.state(name, "stack"))[1])

    def wanted(self, name):
        return int(self.state(name, "wanted"))

    def layers(self, name):
        text = (DEFINITIONS / f"{name}.machine").read_text()
        return re.search(r"(?m)^Layers=(.*)$", text)[1].split()

    def switch(self, name, status=0, prefix=()):
        p = subprocess.run([*prefix, SWITCH, name, *self.layers(name)], capture_output=True, text=True,
                           timeout=lab.PATIENCE, env=lab.clean_environment(**self.env))
        assert status is None or p.returncode == status, p
        return p

    def history(self, name):
        return json.loads(self.stead("history", "--json", name).stdout)

    def snapshot(self, name, root=None):
        """Everything about what the machine has written, by path."""
        result, root = {}, root or self.upper(name)
        for path in sorted(root.rglob("*")):
            st = path.lstat()
            data = os.readlink(path) if path.is_symlink() else path.read_bytes() if stat.S_ISREG(st.st_mode) else st.st_rdev
            result[str(path.relative_to(root))] = (st.st_mode, st.st_uid, st.st_gid, st.st_mtime_ns, data)
        return result

    def forget(self, name):
        self.stead("stop", "--force", name, status=None)
        self.stead("remove", "--yes", "--purge", name, status=None)
        (DEFINITIONS / f"{name}.machine").unlink(missing_ok=True)
        shutil.rmtree(DEFINITIONS / f"{name}.machine.d", ignore_errors=True)

    def remove(self):
        for name in self.names:
            self.forget(name)
        with contextlib.suppress(OSError):
            DEFINITIONS.rmdir()
        shutil.rmtree(self.where, ignore_errors=True)


@pytest.fixture
def site():
    s = Site(lab.work / new_name("site"))
    s.base(1)
    yield s
    s.remove()


def sh(site, name, script, **more):
    return site.stead("exec", name, "--", "/bin/sh", "-c", script, **more).stdout


# --- create ----------------------------------------------------------------------------------------

def test_create_writes_only_what_is_the_machines_own(site):
    one, two = site.create(write=False), site.create(write=False)
    for name in one, two:
        upper = site.upper(name)
        assert {p for p, entry in site.snapshot(name).items() if not stat.S_ISDIR(entry[0])} <= \
            {"etc/hostname", "etc/hosts", "etc/machine-id", "etc/ssh/ssh_host_rsa_key"}
        assert (upper / "etc/hostname").read_text() == name + "\n" and (upper / "etc/machine-id").read_text() == ""
        assert not (upper / "etc/ssh/ssh_host_rsa_key").is_file()
        assert (DEFINITIONS / f"{name}.machine").stat().st_mode & 0o777 == 0o644
        assert site.layers(name) == [BASE]
        assert (site.states / name).stat().st_mode & 0o777 == 0o700
    assert len(list((site.where / "store/checkouts").iterdir())) == 1, "one checkout for both"
    row, = site.history(one)
    assert (row["number"], row["reason"], row["mark"]) == (1, "create", "in force")


def test_systemd_machines_have_ids_of_their_own():
    s = Site(lab.work / new_name("site"))
    try:
        s.stead("layer", "import", "-q", "debian/12/base", lab.tree("bookworm"))
        names = [s.create("debian/12", write=False) for _ in range(2)]
        s.stead("start", *names)
        ids = {sh(s, n, "cat /etc/machine-id") for n in names}
        assert len(ids) == 2 and all(re.fullmatch(r"[0-9a-f]{32}\n", i) for i in ids)
        assert {sh(s, n, "hostname").strip() for n in names} == set(names)
    finally:
        s.remove()


def test_create_refuses(site):
    name = site.create()
    assert "already" in site.stead("create", name, BASE, status=1).stderr
    p = site.stead("create", new_name("lm"), BASE, "test/ap", status=1)
    assert "test/ap" in p.stderr
    site.app("a")
    p = site.stead("create", new_name("lm"), BASE, "test/ap", status=1)
    assert APP in p.stderr, "the nearest name is offered"
    assert "no base" in site.stead("create", new_name("lm"), APP, status=1).stderr
    assert "--tree" in site.stead("create", new_name("lm"), BASE, "--include=x", status=2).stderr
    assert [p.name for p in site.states.iterdir()] == [name], "nothing is left of those"
    assert list(DEFINITIONS.glob(name.rpartition("lm")[0] + "lm*")) == [DEFINITIONS / f"{name}.machine"]


def test_create_keeps_a_definition_that_was_there(site):
    name = new_name("lm")
    site.names.append(name)
    path = DEFINITIONS / f"{name}.machine"
    DEFINITIONS.mkdir(exist_ok=True)
    path.write_text("[Exec]\nHostname=other\n")
    site.stead("create", "-q", name, BASE)
    assert path.read_text() == "[Exec]\nHostname=other\n"
    assert "Layers=" + BASE in site.stead("cat", name).stdout
    site.stead("remove", "--yes", name)
    assert not list(DEFINITIONS.glob(name + ".*"))
    path.write_text(f"[Image]\nLayers={BASE} {APP}\n")
    assert "other layers" in site.stead("create", "-q", name, BASE, status=1).stderr


def test_copy_of_a_machine(site):
    name, copy = site.create(), new_name("lm")
    site.names.append(copy)
    os.setxattr(site.upper(name) / "etc", "trusted.overlay.opaque", b"y")
    site.base(2)
    site.stead("create", "-q", copy, f"--from={name}")
    assert (site.upper(copy) / "etc/mine").read_text() == "mine\n"
    assert (site.upper(copy) / "etc/hostname").read_text() == copy + "\n"
    assert os.getxattr(site.upper(copy) / "etc", "trusted.overlay.opaque") == b"y"
    first, second = site.history(name)[0], site.history(copy)[0]
    assert second["layers"] == first["layers"] and second["reason"] == f"copy of {name}"


def test_remove(site):
    name = site.create()
    site.stead("start", name)
    assert "running" in site.stead("remove", "--yes", name, status=1).stderr
    site.stead("stop", name)
    site.stead("remove", "--yes", name)
    assert not (site.states / name).exists() and not (DEFINITIONS / f"{name}.machine").exists()


# --- update and rollback ----------------------------------------------------------------------------

def test_update_and_back_is_exact(site):
    name = site.create()
    site.base(2)
    before, stack = site.snapshot(name), site.state(name, "stack").splitlines()[2:]
    out = site.stead("update", name).stdout
    assert re.search(r"libone +1.0-1 -> 2.0-1", out) and "/etc/passwd" in out, out
    assert site.snapshot(name) == before, "nothing happens before the next start"
    site.switch(name)
    passwd = (site.upper(name) / "etc/passwd").read_text()
    assert "local:x:1000" in passwd and "sys1:" in passwd
    assert not (site.upper(name) / "etc/motd").exists(), "a copy of what the old base had is dropped"
    site.stead("rollback", "-q", name)
    site.switch(name)
    assert site.snapshot(name) == before and site.state(name, "stack").splitlines()[2:] == stack
    assert [r["reason"] for r in site.history(name)] == ["rollback to 1", "update", "create"]
    assert "up to date" not in site.stead("update", "--dry-run", name).stdout


def test_rollback_merges_what_the_machine_changed_since(site):
    name = site.create()
    site.base(2)
    site.stead("update", name)
    site.switch(name)
    passwd = site.upper(name) / "etc/passwd"
    passwd.write_text(passwd.read_text() + "later:x:1001:1001::/:/bin/sh\n")
    site.stead("rollback", "-q", name)
    site.switch(name)
    text = passwd.read_text()
    assert "later:" in text and "local:" in text and "sys1:" not in text
    assert (site.upper(name) / "etc/motd").read_text() == "base 1\n", "untouched since: put back"


def test_now_does_not_start_what_is_stopped(site):
    name = site.create()
    site.base(2)
    assert "from its next start on" in site.stead("update", "--now", name).stdout
    assert "from its next start on" in site.stead("update", "--now", name).stdout
    site.stead("status", name, status=3)


def test_a_running_machine_stays_on_its_stack(site):
    name = site.create()
    site.stead("start", name)
    version = "cat /usr/share/version"
    site.base(2)
    site.stead("update", name)
    assert sh(site, name, version) == "1\n" and site.history(name)[0]["mark"] == "wanted"
    assert "from its next start" in site.stead("update", name).stdout
    site.stead("restart", name)
    assert sh(site, name, version) == "2\n" and sh(site, name, "grep -c : /etc/passwd") == "4\n"
    assert "up to date" in site.stead("update", name).stdout
    site.stead("rollback", "--now", name)
    assert sh(site, name, version) == "1\n" and sh(site, name, "cat /etc/motd") == "base 1\n"
    done = json.loads(site.stead("update", "--now", "--json", name).stdout)
    assert sh(site, name, version) == "2\n" and done[0]["state"] == "current"
    # nothing is in force yet: then back is where it is
    site.base(3)
    site.stead("update", name)
    assert "layers of 4" in site.stead("rollback", name).stdout
    site.stead("restart", name)
    assert sh(site, name, version) == "2\n"


def break_base(site, version):
    tree = site.tree(version)
    (tree / "sbin/init").unlink()
    (tree / "sbin/init").write_text("no program\n")
    (tree / "sbin/init").chmod(0o755)
    site.stead("layer", "import", "-q", BASE, tree)


def test_an_update_that_does_not_start_goes_back(site):
    name, other = sorted([site.create(), site.create()])
    site.stead("start", name, other)
    break_base(site, 2)
    p = site.stead("update", "--now", "--json", name, other, status=1)
    assert [(r["generation"], r["state"]) for r in json.loads(p.stdout)] == [(2, "failed")]
    assert f"back on those of generation 1" in p.stderr and f"Not updated after that failure: {other}" in p.stderr, p.stderr
    assert sh(site, name, "cat /usr/share/version") == "1\n"
    assert site.wanted(other) == 1 and len(site.history(other)) == 1
    p = site.stead("update", "--now", "--keep-failed", name, status=1)
    assert f"stead rollback --now {name}" in p.stderr
    site.stead("rollback", name)
    site.stead("start", name)
    assert sh(site, name, "cat /usr/share/version") == "1\n"


def test_all_are_those_that_have_been_made(site):
    names = sorted([site.create(), site.create()])
    site.base(2)
    assert [r["name"] for r in json.loads(site.stead("update", "--all", "--dry-run", "--json").stdout)] == names


def test_dry_run_changes_nothing(site):
    name = site.create()
    site.base(2)
    before = site.snapshot(name, site.states / name)
    report = json.loads(site.stead("update", "--dry-run", "--json", name).stdout)[0]
    assert report["state"] == "possible" and report["packages"][0]["after"] == "2.0-1"
    assert site.snapshot(name, site.states / name) == before


def test_update_pulls():
    where = lab.work / new_name("pull")
    where.mkdir()
    w = layer_site.World(where)
    try:
        w.key()
        w.remote(f"file://{w.site}")
        tree = layer_site.small_tree(where / "tree")
        w.add(tree)
        w.publish()
        w.pull()
        w.stead("create", "-q", "web", layer_site.NAME)
        layer_site.change(tree, 1)
        w.add(tree)
        w.publish()
        assert "up to date" in w.stead("update", "web")
        assert "generation 2" in w.stead("update", "--all", "--pull") and w.version() == w.version("from")
        layer_site.change(tree, 2)
        w.add(tree)
        w.publish()
        assert json.loads(w.stead("update", "--json", "--pull", "web"))[0]["generation"] == 3
        shutil.rmtree(w.site)
        assert "could not be pulled" in w.fails("update", "--pull", "web")
    finally:
        lab.remove_tree(where)


def test_rollback_waits_for_a_collection(site):
    """Which would not know of the generation."""
    name = site.create()
    site.base(2)
    site.stead("update", name)
    with open(site.where / "store/lock") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        p = site.spawn(lab.STEAD, "rollback", name)
        time.sleep(0.3)
        assert p.poll() is None and site.wanted(name) == 2
    assert "generation 3" in p.communicate(timeout=lab.PATIENCE)[0]


def test_pins_stay(site):
    version = site.history(site.create())[0]["layers"][0]["version"]
    name = site.create(f"{BASE}@{version[:12]}")
    site.base(2)
    assert "up to date" in site.stead("update", name).stdout


def test_other_layers_in_the_definition(site):
    site.app("a")
    name = site.create()
    site.base(2)
    path = DEFINITIONS / f"{name}.machine"
    path.write_text(path.read_text().replace(BASE, f"{BASE} {APP}"))
    site.stead("start", name)
    assert sh(site, name, "cat /usr/share/app /usr/share/version") == "a\n1\n", "the base is not updated by the way"
    assert site.history(name)[0]["reason"] == "definition"
    site.stead("stop", name)
    p = site.stead("rollback", name, status=1)
    assert f"Layers={BASE}" in p.stderr
    path.write_text(path.read_text().replace(APP, "test/missing"))
    p = site.stead("start", name, status=1)
    assert "test/missing" in p.stderr and "Try:" in p.stderr, p.stderr
    assert "test/missing" in site.stead("update", name, status=1).stderr


def test_a_stack_that_cannot_be_made_leaves_the_old_one(site):
    name = site.create()
    site.base(2)
    site.stead("update", name)
    new = re.search(r"(?m)^layer \S+ (\S+) ", site.state(name, "generations/2"))[1]
    for kind in "trees", "checkouts":
        for path in (site.where / "store" / kind).glob(new + "*"):
            path.unlink() if path.is_file() else lab.remove_tree(path)
    before = site.snapshot(name)
    assert site.switch(name, status=3).stderr
    assert site.snapshot(name) == before and site.in_force(name) == 1
    site.stead("start", name)
    assert sh(site, name, "cat /usr/share/version") == "1\n"
    site.stead("stop", name)
    for kind in "trees", "checkouts":
        for path in (site.where / "store" / kind).iterdir():
            path.unlink() if path.is_file() else lab.remove_tree(path)
    assert BASE in site.switch(name, status=1).stderr
    assert BASE in site.stead("start", name, status=1).stderr


# --- killed, full, at once ----------------------------------------------------------------------------

def kill_at_random(process, longest):
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=random.uniform(0, longest))
        return False
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return True


class BackAndForth:
    """A machine that goes from one version to the other; after each switch it must be exactly at one of them."""

    def __init__(self, site):
        self.site, self.name = site, site.create()
        site.base(2)
        self.expected = {1: site.snapshot(self.name)}
        site.stead("update", self.name)
        start = time.monotonic()
        site.switch(self.name)
        self.seconds = time.monotonic() - start
        self.expected[2] = site.snapshot(self.name)
        self.versions = {r["layers"][0]["version"]: r["number"] for r in site.history(self.name)}

    def check(self, when):
        """After whatever happened: finishes it, and returns the version that it is at."""
        site, name = self.site, self.name
        site.switch(name)
        assert site.in_force(name) == site.wanted(name)
        top = site.history(name)[0]
        now = self.versions[top["layers"][0]["version"]]
        assert site.snapshot(name) == self.expected[now], f"{when}, generation {top['number']}"
        left = {p.name for p in (site.states / name).iterdir()}
        assert left <= {"generations", "lock", "saved", "stack", "upper", "wanted", "work"}, left
        return now


@pytest.mark.parametrize("call", ["renameat", "unlinkat", "fsync", "syncfs", "mkdirat", "openat"])
def test_kill_at_each_step(site, call):
    """At each call that changes something on disk, in both directions."""
    b = BackAndForth(site)
    layers, n, step = site.layers(b.name), 0, 7 if call == "openat" else 1
    while True:
        n += step
        codes = []
        for _ in range(2):
            site.stead("rollback", "-q", b.name)
            p = site.spawn("strace", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}",
                           SWITCH, b.name, *layers)
            assert p.communicate()[0] == ""
            codes.append(p.returncode)
            b.check(f"{call} {n}")
        if codes == [0, 0]:
            break
    assert n > 1


def test_a_generation_that_was_not_finished_is_none(site):
    """Killed between the generation and what makes it the wanted one: it is not shown, and its number is given anew."""
    name = site.create()
    site.base(2)
    site.stead("update", name)
    site.switch(name)
    before = site.history(name)
    n = 1
    while not (site.states / name / f"generations/{before[0]['number'] + 1}").exists():
        p = site.spawn("strace", "-o", "/dev/null", "-e", "trace=fsync", "-e", f"inject=fsync:signal=KILL:when={n}",
                       lab.STEAD, "rollback", name)
        p.communicate()
        assert p.returncode != 0, "it came through"
        n += 1
    assert site.history(name) == before and site.wanted(name) == before[0]["number"]
    site.switch(name)
    site.stead("rollback", name)
    after = site.history(name)
    assert [r["number"] for r in after] == [before[0]["number"] + 1] + [r["number"] for r in before]


def test_kill_at_random_moments(site):
    b = BackAndForth(site)
    name, longest = b.name, 1.2 * b.seconds
    killed = 0
    for i in range(60):
        killed += kill_at_random(site.spawn(lab.STEAD, "rollback", name), longest)
        layers = site.layers(name)
        for _ in range(random.randrange(3)):
            killed += kill_at_random(site.spawn(SWITCH, name, *layers), longest)
            in_force = site.in_force(name)  # it can always be read
            assert in_force <= site.wanted(name)
        now = b.check(f"round {i}")
    assert killed >= 30
    site.stead("start", name)
    assert sh(site, name, "cat /usr/share/version") == f"{now}\n"


def test_kill_update_and_create(site):
    name = site.create()
    for i in range(30):
        if i % 10 == 0:
            site.base(2 + i // 10)
        kill_at_random(site.spawn(lab.STEAD, "update", name), 0.05)
        new = new_name("lm")
        site.names.append(new)
        kill_at_random(site.spawn(lab.STEAD, "create", "-q", new, BASE), 0.05)
        assert site.history(name)[0]["number"] == site.wanted(name)
        if (DEFINITIONS / f"{new}.machine").exists():
            assert site.in_force(new) == 1
        elif (site.states / new).exists():  # all of it but the definition
            assert "stead remove" in site.stead("create", new, BASE, status=1).stderr
            site.stead("remove", "--yes", new)
    site.create()  # sweeps
    assert not [p for p in site.states.iterdir() if p.name.startswith(".#")]
    site.stead("layer", "fsck")


def test_full_disk(site):
    name = site.create()
    site.base(2)
    (site.upper(name) / "etc/passwd").write_text(
        (site.upper(name) / "etc/passwd").read_text() + "".join(f"u{i}:x:{2000 + i}:1::/:/bin/sh\n" for i in range(4000)))
    site.stead("update", name)
    before = site.snapshot(name)
    other = site.where / "elsewhere"
    shutil.move(site.states, other)
    site.states.mkdir()
    script = f"""
        mount -t tmpfs -o size=1m tmpfs {site.states} && cp -a {other}/. {site.states}/
        head -c 10m /dev/zero >{site.states}/filler 2>/dev/null
        "$@"; echo "status $?"
        test ! -e {site.states}/{name}/journal && test ! -e {site.states}/{name}/switch && echo clean
        rm {site.states}/filler; "$@"; echo "status $?"
        cp -a {site.states}/{name} {site.where}/after"""
    p = site.switch(name, status=None, prefix=["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh"])
    assert p.stdout == "status 3\nclean\nstatus 0\n", p
    assert "No space left" in p.stderr and "df -h" in p.stderr
    text = (site.where / "after/upper/etc/passwd").read_text()
    assert "u3999:" in text and "sys1:" in text
    shutil.rmtree(site.states)
    shutil.move(other, site.states)
    assert site.snapshot(name) == before


def test_two_at_once(site):
    name = site.create()
    site.base(2)
    many = [site.spawn(lab.STEAD, "update", name) for _ in range(4)] + \
        [site.spawn(lab.STEAD, "rollback", name, "1") for _ in range(4)]
    outputs = [p.communicate()[0] for p in many]
    assert all(p.returncode == 0 for p in many), outputs
    numbers = [r["number"] for r in site.history(name)]
    assert len(set(numbers)) == len(numbers) and numbers[0] == site.wanted(name)

    site.stead("start", name)
    assert f"stead stop {name}" in site.switch(name, status=1).stderr
    site.stead("stop", name)
    with open(site.states / name / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        p = site.switch(name, status=1)
        assert "in use" in p.stderr
        # handed over, it is the same lock
        p = subprocess.run([SWITCH, f"--lock-fd={lock.fileno()}", name, *site.layers(name)], capture_output=True,
                           text=True, pass_fds=[lock.fileno()], env=lab.clean_environment(**site.env))
        assert p.returncode == 0, p
    with open("/dev/null") as other:
        p = subprocess.run([SWITCH, f"--lock-fd={other.fileno()}", name, *site.layers(name)], capture_output=True,
                           text=True, pass_fds=[other.fileno()], env=lab.clean_environment(**site.env))
        assert p.returncode == 1 and "not the lock" in p.stderr


# --- try ------------------------------------------------------------------------------------------------

def tried(site, name):
    return {(f["change"], f["path"]) for f in json.loads(site.stead("diff", "--files", "--json", name, status=None).stdout)["files"]}


def test_try_commit_add(site):
    name = site.create()
    (site.upper(name) / "etc/machine-id").write_text(os.urandom(16).hex() + "\n")
    site.stead("start", name)
    site.stead("try", name, "--", "/bin/sh", "-c", "echo a >/usr/share/tried; cat /etc/mine >/dev/null")
    p = site.stead("try", "-q", name, "--", "/bin/sh", "-c", "cat /usr/share/tried; rm /etc/motd; chmod 700 /srv; exit 7", status=7)
    assert p.stdout == "a\n" and p.stderr == ""
    assert tried(site, name) == {("added", "/usr/share/tried"), ("removed", "/etc/motd"), ("attributes", "/srv")}
    assert re.search(r"(?m)^    - .* /etc/motd$", site.stead("diff", name, status=1).stdout)
    assert sh(site, name, "ls /usr/share/tried /etc/motd 2>/dev/null; true") == "/etc/motd\n", "the machine sees none of it"
    p = site.stead("commit", name, "test/tried", "-m", "tried it", "--add")
    assert site.layers(name) == [BASE, "test/tried"] and "stead restart" in p.stderr
    assert not (site.states / name / "try").exists() and not pathlib.Path(f"/run/stead/console/{name}-try").exists()
    site.stead("restart", name)
    assert sh(site, name, "cat /usr/share/tried; stat -c %a /srv") == "a\n700\n"
    shown = site.stead("layer", "show", "test/tried").stdout
    assert "app" in shown and BASE in shown and "tried it" in shown


def test_commit_takes_what_was_changed(site):
    """A program that changes nothing leaves copies of directories behind; those are no layer, and in none."""
    tree = site.tree(2)
    (tree / "usr/sbin").mkdir()
    site.stead("layer", "import", "-q", BASE, tree)
    name = site.create()
    site.stead("try", "-q", name, "--", "/bin/sh", "-c", "touch /srv/x /usr/share/x; rm /srv/x /usr/share/x")
    assert not tried(site, name)
    p = site.stead("commit", name, "test/none", status=1)
    assert "There is nothing" in p.stderr and f"stead discard {name}" in p.stderr
    site.stead("try", "-q", name, "--", "/bin/sh", "-c", "mkdir -p /srv/a/b; chmod 700 /root; touch /etc/new")
    p = site.stead("commit", "--json", name, "test/some")
    said = json.loads(p.stdout)
    assert said["name"] == "test/some" and len(said["commit"]) == 64 and said["files"] == 1 and not said["unchanged"]
    assert all(json.loads(line)["event"] in ("stage", "progress") for line in p.stderr.splitlines())
    files = json.loads(site.stead("layer", "diff", "--json", BASE, "test/some", status=1).stdout)["files"]
    assert {f["path"] for f in files if f["change"] != "removed"} == {"/srv/a", "/srv/a/b", "/root", "/etc/new"}
    shown = site.stead("layer", "show", "--tree", "test/some").stdout
    assert "/usr" not in shown and "/srv/a" in shown


def test_diff_tells_of_attributes(site):
    """An ACL or a capability alone is a change; so is a directory that was made anew over one that is hidden now."""
    name = site.create()
    site.stead("try", "-q", name, "--", "/bin/sh", "-c", "touch /etc/group /etc/shadow; rm -r /usr/share; mkdir /usr/share")
    os.setxattr(site.states / name / "try/upper/etc/group", "trusted.x", b"1")
    assert tried(site, name) == {("attributes", "/etc/group"), ("attributes", "/usr/share")}


def test_discard_and_what_is_refused(site):
    name = site.create()
    assert "Nothing has been tried" in site.stead("discard", name, status=1).stderr
    assert "Nothing has been tried" in site.stead("commit", name, "test/x", status=1).stderr
    site.stead("try", "-q", name, "--", "/bin/touch", "/root/x")
    site.base(2)
    site.stead("update", name)
    site.switch(name)
    p = site.stead("try", name, "--", "/bin/true", status=1)
    assert "on generation 1" in p.stderr and "stead discard" in p.stderr
    assert "cannot be the name" in site.stead("commit", name, "/x", status=1).stderr
    site.stead("discard", name)
    assert tried(site, name) >= {("added", "/etc/mine")}, "nothing tried: what the machine has written"
    p = site.spawn(lab.STEAD, "try", name, "--", "/bin/sleep", "60")
    try:
        lab.wait_for(lambda: (site.states / name / "try/work/work").exists(), what="the try")
        assert "just now" in site.stead("discard", name, status=1).stderr
        assert "just now" in site.stead("try", name, "--", "/bin/true", status=1).stderr
    finally:
        site.stead("kill", f"{name}-try", status=None)
        p.communicate()
    site.stead("discard", name)


def test_try_starts_no_services_of_packages(site):
    name = site.create()
    script = "test -x /usr/sbin/policy-rc.d || exit 1; exec /usr/sbin/policy-rc.d"
    site.stead("try", "-q", name, "--", "/bin/sh", "-c", script, status=1)
    assert not tried(site, name), "no directory is made for it"
    tree = site.tree(2)
    (tree / "usr/sbin").mkdir()
    site.stead("layer", "import", "-q", BASE, tree)
    name = site.create(write=False)
    site.stead("try", "-q", name, "--", "/bin/sh", "-c", script, status=101)
    assert not tried(site, name)


def test_commit_of_state(site):
    name = site.create()
    site.stead("start", name)
    assert f"stead stop {name}" in site.stead("commit", "--state", name, "test/state", status=1).stderr
    site.stead("stop", name)
    site.stead("commit", "--state", name, "test/state", "-m", "as it is")
    assert "state" in site.stead("layer", "show", "test/state").stdout
    assert (site.upper(name) / "etc/mine").exists()


# --- drift -----------------------------------------------------------------------------------------------

def test_drift(site):
    name = site.create()
    (site.upper(name) / "etc/motd").write_text("changed here\n")
    assert site.stead("drift", name).returncode == 0
    site.base(2)
    p = site.stead("drift", name, status=1)
    assert p.stdout.index("/etc/motd") < p.stdout.index("/etc/passwd"), "conflicts first"
    report = json.loads(site.stead("drift", "--json", name, status=1).stdout)
    assert {"kind": "conflict", "path": "/etc/motd"}.items() <= report["drift"][0].items()
    p = site.stead("drift", name, "/etc/motd", status=1)
    assert "-base 1\n+changed here\n" in p.stdout and "-base 1\n+base 2\n" in p.stdout
    assert site.stead("drift", name, "/bin/sh").returncode == 0
    assert "absolute" in site.stead("drift", name, "etc/motd", status=2).stderr


def test_hostile_names(site):
    """Names that are no UTF-8, or that would tell the terminal something, are the machine's to choose."""
    name, tree = site.create(), site.tree(2)
    for root in site.upper(name), tree:
        with open(os.path.join(os.fsencode(root), b"etc/esc\x1b[2J\xff"), "w") as f:
            f.write(str(root))
    site.stead("layer", "import", "-q", BASE, tree)
    shown = [site.stead("diff", "--files", name, status=1).stdout, site.stead("drift", name, status=1).stdout]
    assert all("/etc/esc\\033[2J\\377" in s and "\x1b" not in s for s in shown)
    files = json.loads(site.stead("diff", "--files", "--json", name, status=1).stdout)["files"]
    items = json.loads(site.stead("drift", "--json", name, status=1).stdout)["drift"]
    assert all("/etc/esc\x1b[2J\ufffd" in [x["path"] for x in y] for y in (files, items))


def test_part_of_the_state_is_no_report(site):
    """A directory that cannot be read ends diff and drift; what was seen before would be taken for all."""
    name = site.create()
    site.base(2)
    for words, expected in ((("diff", "--files", "--json", name), 1), (("drift", "--json", name), 0)):
        whole = site.stead(*words, status=expected).stdout
        for n in range(1, 30):
            p = site.spawn("strace", "-f", "-o", site.where / "trace", "-e", "trace=getdents64", "-e",
                           f"inject=getdents64:error=EIO:when={n}", lab.STEAD, *words)
            out = p.communicate(timeout=lab.PATIENCE)[0]
            assert (p.returncode == expected and out == whole) or p.returncode == 2, (n, out)
            if "(INJECTED)" not in (site.where / "trace").read_text():
                break
        assert n > 5, "some were read"


def test_verbs_name_what_they_need(site):
    for verb in "history", "rollback", "drift", "discard":
        assert "nowhere" in site.stead(verb, "nowhere", status=None).stderr
    assert "names, or --all" in site.stead("update", status=2).stderr
    name = site.create()
    assert "never had other layers" in site.stead("rollback", name, status=1).stderr
    assert "stead history" in site.stead("rollback", name, "9", status=1).stderr
    assert "'x' is not the number" in site.stead("rollback", name, "x", status=1).stderr
