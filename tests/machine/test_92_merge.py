# SPDX-License-Identifier: LGPL-2.1-or-later
"""A new base under real apps: a Debian as released, the same with all updates, and what `apt-get install`
of three apps left in an overlay on the first. After the merge dpkg, apt and the linker tell the truth.

The merge is driven by itself (merge-driver), without the verbs; overlays are mounted in a namespace of
their own.
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

import lab

DRIVER = lab.BUILD / "tests/unit/stack/merge-driver"
BASE = "debian/12/base"
APPS = ["haproxy", "redis", "nginx"]


def folder(prefix):
    return pathlib.Path(tempfile.mkdtemp(prefix=f"{prefix}.", dir=lab.work))


def drive(store, *words):
    r = subprocess.run([DRIVER, *map(str, words)], capture_output=True, text=True,
                       env={**os.environ, "STEAD_STORE": str(store)}, check=False)
    assert r.returncode == 0, r.stderr
    return r.stdout


class Merged:
    """What one merge said and made."""

    def __init__(self, layers, before, after, *, generated="-", upper="-", look=False):
        self.out = None if look else folder("merge")
        text = drive(layers.store, "merge", layers.words(before) or "-", generated, layers.words(after), upper,
                     self.out or "-")
        self.lines = [line.split("\t") for line in text.splitlines()]
        self.id = next((line[1] for line in self.lines if line[0] == "generated"), None)
        self.warnings = [line[1] for line in self.lines if line[0] == "warning"]
        self.edits = [(line[1], line[2]) for line in self.lines if line[0] == "edit"]
        self.packages = {line[2]: (line[1], line[3], line[4]) for line in self.lines if line[0] == "package"}

    def items(self, kind, layer=None):
        """Paths and their packages."""
        return {line[2]: line[4] for line in self.lines
                if line[0] == "item" and line[1] == kind and (layer is None or line[3] == layer)}

    @property
    def generated(self):
        return self.out / "generated"


class Layers:
    def __init__(self):
        self.store = folder("store") / "store"
        apps = lab.tree("layer-apps")
        self.commits = {v: drive(self.store, "commit", "base", BASE, lab.tree(f"layer-{v}")).strip()
                        for v in ("v1", "v2")}
        for app in APPS:
            self.add(app, apps / app)

    def add(self, name, directory, *bases):
        words = [w for b in bases or ["v1"] for w in (self.commits[b], self.name(b))]
        self.commits[name] = drive(self.store, "commit", "app", f"site/{name}", directory, *words).strip()

    @staticmethod
    def name(layer):
        return BASE if layer in ("v1", "v2") else f"site/{layer}"

    def words(self, stack):
        return ",".join(f"{self.commits[layer]}={self.name(layer)}" for layer in stack)

    def tree(self, layer):
        text = (self.store / "commits" / self.commits[layer]).read_text()
        return self.store / "checkouts" / re.search(r"^tree (\w+)$", text, re.M)[1]


@pytest.fixture(scope="module")
def layers():
    return Layers()


@pytest.fixture(scope="module")
def merged(layers):
    return Merged(layers, ["v1", *APPS], ["v2", *APPS])


def inside(lowers, script, upper=None):
    """Runs a script in an overlay of directories (from the lowest); what it writes is thrown away, but
    @upper is on top."""
    lower = ":".join(str(d) for d in reversed([*lowers, *([upper] if upper else [])]))
    mount = f"""
        mount -t tmpfs tmpfs /tmp && mkdir /tmp/u /tmp/w /tmp/r
        mount -t overlay -o 'lowerdir={lower},upperdir=/tmp/u,workdir=/tmp/w' overlay /tmp/r
        mount -t proc proc /tmp/r/proc && mount --bind /dev /tmp/r/dev
        exec chroot /tmp/r /bin/sh -c "$1"
    """
    r = subprocess.run(["unshare", "-m", "bash", "-euc", mount, "bash", script], capture_output=True, text=True,
                       env={"PATH": lab.PATH, "LC_ALL": "C", "TMPDIR": "/var/tmp"}, check=False)
    return r.returncode, r.stdout, r.stderr


def stack(layers, merged, *names):
    return [*(layers.tree(n) for n in names), merged.generated]


LEFT_OUT = r"/usr/share/(doc|man|locale)/|/var/log/apt$|/var/lib/apt/lists/partial$|/var/cache/ldconfig$"


def verified(err):
    """What `dpkg --verify` found, but for what the recipes and the store leave out."""
    return [line for line in err.splitlines() if not re.match(rf"missing +({LEFT_OUT})", line)]


def versions(text):
    return {line.split()[1].split(":")[0]: line.split()[2] for line in text.splitlines() if line.startswith("ii ")}


def test_packages_are_those_that_are_there(layers, merged):
    status, out, err = inside(stack(layers, merged, "v2", *APPS),
                              "dpkg --audit && dpkg --verify >&2; dpkg -l && apt-get check")
    assert status == 0, err
    assert verified(err) == []
    have = versions(out)
    new = versions(subprocess.run(["dpkg", f"--root={lab.tree('layer-v2')}", "-l"], capture_output=True, text=True,
                                  check=True).stdout)
    assert {n: v for n, v in have.items() if n in new} == new, "packages of the base in their new versions"
    for package in ("haproxy", "redis-server", "nginx-light", "liblua5.3-0", "libjemalloc2"):
        assert package in have


def test_without_the_merge_they_lie(layers, merged):
    """The test above would notice."""
    status, out, err = inside(stack(layers, merged, "v2", *APPS)[:-1], "dpkg --verify; dpkg -l")
    assert "haproxy" not in versions(out)


def test_users_of_all_are_there(layers, merged):
    _, out, err = inside(stack(layers, merged, "v2", *APPS),
                         "getent passwd haproxy redis www-data; getent shadow haproxy redis | wc -l")
    assert [line.split(":")[0] for line in out.splitlines()] == ["haproxy", "redis", "www-data", "2"], err
    assert any("/etc/passwd: 101 is both haproxy and redis" in w for w in merged.warnings)


def test_linker_cache(layers, merged):
    where = stack(layers, merged, "v2", *APPS)
    _, out, err = inside(where, "ldconfig -p; ldconfig -X; echo ---; ldconfig -p")
    cached, anew = out.split("---\n")
    assert "liblua5.3.so.0" in cached and "libjemalloc.so.2" in cached and "libssl.so.3" in cached
    assert cached == anew, err
    assert merged.items("regenerated") == {"/etc/ld.so.cache": ""}


def test_apps_run(layers, merged):
    _, out, err = inside(stack(layers, merged, "v2", *APPS),
                         "haproxy -v; redis-server --version; nginx -v 2>&1; openssl version")
    assert "HAProxy version" in out and "Redis server" in out and "nginx version" in out, err
    new = merged.packages["libssl3"][2]
    assert f"OpenSSL {new.split('-')[0]} " in out


def test_report(merged):
    assert merged.items("conflict") == {}
    assert merged.items("pinned") == {}
    assert set(merged.items("merged", "site/nginx")) >= {"/var/lib/dpkg/status", "/var/cache/debconf/templates.dat"}
    assert "/var/cache/debconf/templates.dat" in merged.items("identical", "site/haproxy")
    assert "/etc/passwd" in merged.items("ours", "site/haproxy")
    kind, before, after = merged.packages["libssl3"]
    assert kind == "upgraded" and before != after
    assert sum("was made on" in w for w in merged.warnings) == 3


def test_nothing_more_than_needed(merged):
    files = {str(p.relative_to(merged.generated)) for p in merged.generated.rglob("*") if not p.is_dir()}
    assert files >= {"var/lib/dpkg/status", "etc/passwd", "etc/ld.so.cache"}
    assert all(f.startswith(("var/lib/dpkg/", "var/lib/apt/", "var/cache/debconf/", "etc/")) for f in files)
    assert len(files) < 20


def test_same_inputs_same_layer(layers, merged):
    again = Merged(layers, ["v1", *APPS], ["v2", *APPS])
    assert again.id == merged.id is not None
    assert Merged(layers, [], ["v2", *APPS]).id == merged.id, "what was before is of no weight for the layers"


def test_one_app_on_its_own_base_needs_little(layers):
    one = Merged(layers, [], ["v1", "haproxy"])
    files = {str(p.relative_to(one.generated)) for p in one.generated.rglob("*") if not p.is_dir()}
    assert files == {"etc/ld.so.cache"}
    assert Merged(layers, [], ["v1", "nginx"]).id is None


def test_look_only_touches_nothing(layers):
    before = sorted(str(p) for p in layers.store.rglob("*"))
    look = Merged(layers, ["v1", *APPS], ["v2", *APPS], look=True)
    assert sorted(str(p) for p in layers.store.rglob("*")) == before
    assert look.items("regenerated") and look.items("merged")


def apply(merged, upper):
    """What the switch does, in short."""
    for i, (what, path) in enumerate(merged.edits):
        place = pathlib.Path(f"{upper}{path}")
        place.unlink(missing_ok=True)
        if what == "put":
            subprocess.run(["cp", "-a", merged.out / f"edits/{i:06}", place], check=True)


@pytest.fixture
def upper():
    """The state of a machine: nginx was installed in it, a library was touched, a conffile edited, another
    removed, and systemd left its stamp."""
    where = folder("state") / "upper"
    shutil.copytree(lab.tree("layer-apps") / "nginx", where, symlinks=True)  # it has no whiteouts
    old = lab.tree("layer-v1")
    library = "usr/lib/x86_64-linux-gnu/libssl.so.3"
    for path in (library, "etc/debian_version", "etc/ca-certificates.conf", "etc/adduser.conf"):
        (where / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(old / path, where / path)
    os.utime(where / library)
    with open(where / "etc/ca-certificates.conf", "a", encoding="utf-8") as f:
        f.write("!mozilla/Something.crt\n")
    with open(where / "etc/adduser.conf", "a", encoding="utf-8") as f:
        f.write("# ours\n")
    (where / "etc/.updated").write_text("")
    return where


def test_state(layers, upper):
    m = Merged(layers, ["v1"], ["v2"], upper=upper)
    edits = {path: what for what, path in m.edits}
    assert edits["/usr/lib/x86_64-linux-gnu/libssl.so.3"] == "remove", "a touched library is pinned no longer"
    assert edits["/etc/.updated"] == "remove"
    assert edits["/var/lib/dpkg/status"] == "put"
    assert "/usr/lib/x86_64-linux-gnu/libssl.so.3" in m.items("identical", "")
    assert "/etc/ca-certificates.conf" in m.items("conflict", "")
    assert "/etc/adduser.conf" in m.items("ours", "")
    assert m.packages["libssl3"][0] == "upgraded" and "nginx" not in m.packages
    apply(m, upper)
    status, out, err = inside([layers.tree("v2")], "dpkg --audit && dpkg --verify >&2; dpkg -l && apt-get check "
                              "&& openssl version && tail -1 /etc/ca-certificates.conf", upper)
    assert status == 0, err
    assert verified(err) == ["??5?????? c /etc/adduser.conf"]
    assert "nginx-light" in versions(out)
    assert f"OpenSSL {m.packages['libssl3'][2].split('-')[0]} " in out and "!mozilla/Something.crt" in out
    again = Merged(layers, ["v2"], ["v2"], upper=upper)
    assert again.edits == [], "once is enough"


def test_state_of_the_old_base_stays(layers, upper):
    assert Merged(layers, ["v1"], ["v1"], upper=upper).edits == []


def test_own_libraries_of_the_state(layers, upper):
    place = upper / "usr/local/lib"
    place.mkdir(parents=True)
    subprocess.run(["gcc", "-shared", "-o", place / "libown.so.1", "-Wl,-soname,libown.so.1", "-x", "c", "/dev/null"],
                   check=True)
    m = Merged(layers, ["v1"], ["v2"], upper=upper)
    assert ("put", "/etc/ld.so.cache") in m.edits
    apply(m, upper)
    _, out, err = inside([layers.tree("v2")], "ldconfig -p", upper)
    assert "libown.so.1 (libc6,x86-64) => /usr/local/lib/libown.so.1" in out and "libssl.so.3" in out, err


def test_library_that_went(layers, upper):
    """A program of the state needs a library that the new base has no more."""
    place = upper / "usr/local/bin"
    place.mkdir(parents=True)
    lib = folder("lib")
    subprocess.run(["gcc", "-shared", "-o", lib / "libgone.so", "-Wl,-soname,libgone.so.7", "-x", "c", "/dev/null"],
                   check=True)
    subprocess.run(["gcc", "-o", place / "tool", "-x", "c", "-", "-x", "none", "-Wl,--no-as-needed",
                    lib / "libgone.so"], input="int main(void) { return 0; }", text=True, check=True)
    m = Merged(layers, ["v1"], ["v2"], upper=upper, look=True)
    assert "'/usr/local/bin/tool' of the machine needs libgone.so.7, which is nowhere in the new stack" in m.warnings


def test_pinned(layers):
    """A layer that has packages and files of its own versions hides the base's."""
    where = folder("pin")
    status = (lab.tree("layer-v1") / "var/lib/dpkg/status").read_text()
    version = re.search(r"Package: libssl3\n(?:.+\n)*?Version: (.*)\n", status)[1]
    (where / "var/lib/dpkg").mkdir(parents=True)
    (where / "usr/lib/x86_64-linux-gnu").mkdir(parents=True)
    (where / "var/lib/dpkg/status").write_text(status.replace(f"Version: {version}\n", f"Version: {version}+own\n"))
    (where / "usr/lib/x86_64-linux-gnu/libssl.so.3").write_text("own")
    layers.add("pin", where)
    m = Merged(layers, ["v1"], ["v2", "pin"])
    assert set(m.items("pinned")) == {"/usr/lib/x86_64-linux-gnu/libssl.so.3", "/var/lib/dpkg/status"}
    assert m.items("pinned")["/usr/lib/x86_64-linux-gnu/libssl.so.3"] == "libssl3"
    line = next(li for li in m.lines if li[1:3] == ["pinned", "/var/lib/dpkg/status"])
    assert re.match(rf"(openssl|libssl3):amd64: {re.escape(version)}\+own here, .* below", line[5])
