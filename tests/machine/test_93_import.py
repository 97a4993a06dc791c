# SPDX-License-Identifier: LGPL-2.1-or-later
"""stead layer import, export, squash and build: nothing is lost on the way."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import threading
import time

import pytest

import lab
from layer_lab import KEEP, INIT, describe, directory, entry, here, image, layer, names, store, torture  # noqa: F401
from test_50_verbs import stead


# --- nothing is lost ------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["bookworm", "trixie", "openrc"])
def test_debian_survives_the_round_trip(store, here, name):
    tree = lab.tree(name)
    before = describe(tree)
    first = store.load("a/tree", tree, "--keep-state")
    store.stead("export", "-q", "a/tree", f"{here}/out/")
    after = describe(here / "out")
    assert before.keys() == after.keys()
    for path in before:
        assert before[path] == after[path], path
    # one after the other through tar files: a manifest holds all that there is, and its hash is the same
    store.stead("export", "-q", "a/tree", here / "out.tar.zst")
    assert store.load("a/again", here / "out.tar.zst", *KEEP)["tree"] == first["tree"]
    again = store.load("a/tree", tree, "--keep-state")
    assert again["unchanged"] and again["commit"] == first["commit"]


def test_torture_tree_survives_the_round_trip(store, here):
    tree = torture(here / "tree")
    before = describe(tree)
    assert any("\udcff" in path for path in before) and any("\n" in path for path in before)
    first = store.load("torture", tree, *KEEP)
    store.stead("export", "-q", "torture", f"{here}/out/")
    after = describe(here / "out")
    assert before.keys() == after.keys()
    for path in before:
        assert before[path] == after[path], path
    for suffix in ("tar", "tar.gz", "tar.xz", "tar.zst"):
        store.stead("export", "-q", "torture", here / f"x.{suffix}")
        second = store.load("torture2", here / f"x.{suffix}", *KEEP, "--difference", "--base=torture")
        assert store.tree(second["commit"]) == first["tree"], suffix
    for kind in ("none", "gzip", "zstd"):
        store.stead("export", "-q", "torture", f"oci:{here}/{kind}", f"--compression={kind}")
        assert store.load("torture3", f"oci:{here}/{kind}", *KEEP)["tree"] == first["tree"], kind
    with open(here / "stream.tar", "wb") as f:
        subprocess.run([lab.STEAD, "layer", "export", "-q", "torture", "-"], stdout=f, check=True, env=lab.clean_environment(**store.env))
    store.stead("export", "-q", "torture", here / "y.tar")
    assert (here / "stream.tar").read_bytes() == (here / "y.tar").read_bytes()


def test_other_programs_read_what_is_exported(store, here):
    tree = torture(here / "tree")
    store.load("torture", tree, *KEEP)
    store.stead("export", "-q", "torture", here / "x.tar.gz")
    (here / "gnu").mkdir()
    subprocess.run(["tar", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpzf", here / "x.tar.gz", "-C", here / "gnu"],
                   check=True)
    before, after = describe(tree), describe(here / "gnu")
    assert before.keys() == after.keys()
    for path in before:
        assert before[path] == after[path], path


def test_what_belongs_to_one_machine_stays_out(store, here):
    tree = here / "tree"
    for path, text in (("etc/machine-id", "0123456789abcdef0123456789abcdef\n"), ("etc/ssh/ssh_host_rsa_key", "secret"),
                       ("var/lib/systemd/random-seed", "seed"), ("usr/sbin/init", "#!")):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    one = store.manifest(store.load("one", tree)["tree"])
    assert re.search(r"(?m)^f .* 0 e3b0c442\w+ /etc/machine-id$", one)
    assert "ssh_host" not in one and "random-seed" not in one
    assert "ssh_host" in store.manifest(store.load("all", tree, "--keep-state")["tree"])
    (tree / "etc/machine-id").write_text("uninitialized\n")
    assert not re.search(r" 0 \w+ /etc/machine-id", store.manifest(store.load("two", tree)["tree"]))


# --- differences ----------------------------------------------------------------------------------

def change(tree):
    """Of everything that a layer can say about a busybox tree."""
    (tree / "etc/new").write_text("new")
    (tree / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
    (tree / "bin/busybox").chmod(0o700)
    (tree / "opt/gone/away").parent.mkdir(parents=True, exist_ok=True)
    os.link(tree / "bin/busybox", tree / "opt/gone/hard")
    (tree / "home").mkdir(exist_ok=True)
    os.symlink("/nowhere", tree / "home/link")


def test_app_is_the_difference_to_its_base(store, here):
    tree = lab.copy_tree("busybox", here / "tree")
    for path in ("srv/a/b/c", "srv/a/d", "srv/file/below", "srv/plain"):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(path)
    os.link(tree / "srv/plain", tree / "srv/plain2")
    store.load("base", tree)
    shutil.rmtree(tree / "srv/a/b")
    shutil.rmtree(tree / "srv/file")
    (tree / "srv/file").write_text("a file now")
    (tree / "srv/plain").unlink()
    (tree / "srv/plain").mkdir()
    (tree / "srv/plain/in").write_text("a directory now")
    change(tree)
    app = store.load("app", tree, "--base=base")
    text = store.manifest(app["tree"])
    assert re.search(r"(?m)^w /srv/a/b$", text) and "/srv/a/b/" not in text and "/srv/a/d" not in text
    assert ("base", f"{store.head('base')} base") in [tuple(line) for line in store.commit(app["commit"])]
    whole = store.load("whole", tree)
    store.stead("squash", "flat", "=", "base", "app")
    assert store.tree(store.head("flat")) == whole["tree"]
    # as a tar file with whiteouts, and as an image that holds the base as well
    store.stead("export", "-q", "app", here / "app.tar")
    names = tarfile.open(here / "app.tar").getnames()
    assert "srv/a/.wh.b" in names and "srv/a/d" not in names
    assert store.load("app2", here / "app.tar", "--difference", "--base=base", "--keep-devices")["tree"] == app["tree"]
    store.stead("export", "-q", "app", f"oci:{here}/image:v1")
    assert store.load("image", f"oci:{here}/image:v1", "--keep-devices")["tree"] == whole["tree"]
    # a second app on top of the two, and one layer of the two apps
    (tree / "etc/new").unlink()
    (tree / "etc/more").write_text("more")
    store.load("app3", tree, "-b", "base", "-b", "app")
    whole = store.load("whole2", tree)
    store.stead("squash", "apps", "=", "app", "app3")
    assert dict(store.commit(store.head("apps")))["kind"] == "app"
    assert re.search(r"(?m)^w /etc/new$", store.manifest(store.tree(store.head("apps"))))
    store.stead("squash", "flat2", "=", "base", "apps")
    assert store.tree(store.head("flat2")) == whole["tree"]


def test_upper_layer_of_an_overlay(store, here):
    store.load("base", lab.tree("busybox"))
    upper = here / "upper"
    (upper / "etc").mkdir(parents=True)
    os.mknod(upper / "etc/passwd", 0o020000, 0)
    (upper / "opt").mkdir()
    os.setxattr(upper / "opt", "trusted.overlay.opaque", b"y")
    text = store.manifest(store.load("app", upper, "--difference", "--base=base")["tree"])
    assert "\nw /etc/passwd\n" in text and re.search(r"(?m)^D .* /opt$", text)
    store.stead("export", "-q", "app", here / "app.tar")
    assert "opt/.wh..wh..opq" in tarfile.open(here / "app.tar").getnames()
    again = store.load("app2", here / "app.tar", "--difference", "--base=base")
    assert store.manifest(again["tree"]) == text


def test_base_of_an_app_must_be_one(store, here):
    store.load("base", lab.tree("busybox"))
    store.load("app", lab.tree("busybox"), "--base=base")
    assert "is no base but a difference" in store.fails("x", lab.tree("busybox"), "--base=app")
    assert "Did you mean 'base'" in store.fails("x", lab.tree("busybox"), "--base=bas")
    assert "needs --base=" in stead("layer", "import", "x", lab.tree("busybox"), "--difference", status=2, env=store.env).stderr
    p = store.stead("squash", "x", "=", "base", "base", status=1)
    assert "can only be the first" in p.stderr


# --- interrupted ----------------------------------------------------------------------------------

@contextlib.contextmanager
def slow_import(store, here):
    """An import that has begun and waits for the rest of its tar file."""
    os.mkfifo(here / "fifo")
    _, plain = layer(INIT, entry("big", os.urandom(4 << 20)), compress=False)
    p = subprocess.Popen([lab.STEAD, "layer", "import", "-q", "slow", here / "fifo"], env=lab.clean_environment(**store.env),
                         stderr=subprocess.PIPE, text=True)
    with open(here / "fifo", "wb") as f:
        f.write(plain[:3 << 20])
        f.flush()
        lab.wait_for(lambda: [e for d in store.left() for e in os.listdir(store.where / "import" / d / "tree")] if store.left() else False)
        yield p
        with contextlib.suppress(BrokenPipeError):
            f.close()
    p.wait()


def test_interrupt_leaves_nothing(store, here):
    with slow_import(store, here) as p:
        p.send_signal(signal.SIGINT)
        _, message = p.communicate(timeout=lab.PATIENCE)
        assert p.returncode == 1 and "Interrupted" in message
    assert store.left() == [] and not (store.where / "refs/slow.ref").exists()


def test_kill_leaves_nothing_for_long(store, here):
    with slow_import(store, here) as p:
        p.kill()
        p.wait()
    assert len(store.left()) == 1
    store.load("next", lab.tree("busybox"))
    (here / "x.tar").write_bytes(layer(INIT, compress=False)[1])
    store.load("next", here / "x.tar")
    assert store.left() == []
    stead("layer", "fsck", env=store.env)


def test_half_a_tar_file(store, here):
    _, plain = layer(INIT, entry("big", os.urandom(1 << 20)), compress=False)
    (here / "x.tar").write_bytes(plain[:1 << 19])
    assert "Failed to unpack" in store.fails("half", here / "x.tar")


# --- versions -------------------------------------------------------------------------------------

def versions(store, here, n):
    commits = []
    for i in range(n):
        tree = here / "v"
        (tree / "usr").mkdir(parents=True, exist_ok=True)
        (tree / "usr/version").write_text(str(i))
        commits.append(store.load("web", tree, "-m", f"version {i}")["commit"])
    return commits


def history(store, name):
    found, at = [], store.head(name)
    while at:
        found.append(at)
        at = store.parent(at)
    return found[::-1]


def message(store, commit):
    return dict(store.commit(commit))["message"].replace("\\040", " ")


def test_squash_of_versions(store, here):
    old = versions(store, here, 6)
    trees = [store.tree(c) for c in old]
    assert "3 versions became web@" in store.stead("squash", "web~4..web~2").stdout
    now = history(store, "web")
    assert [store.tree(c) for c in now] == [trees[0], trees[3], trees[4], trees[5]]
    assert [message(store, c) for c in now] == ["version 0", "version 3", "version 4", "version 5"]
    assert now[0] == old[0]
    # what a machine's generation may name is all there
    for c in old:
        assert (store.where / f"commits/{c}").exists() and (store.where / f"trees/{store.tree(c)}").exists()
    store.stead("squash", "web~2..~1", "-m", "two in one")
    assert [store.tree(c) for c in history(store, "web")] == [trees[0], trees[4], trees[5]]
    assert message(store, history(store, "web")[1]) == "two in one"
    said = json.loads(store.stead("squash", "--json", "web~2..").stdout)
    assert said == {"name": "web", "commit": store.head("web"), "squashed": 3, "conflicts": 0}
    assert [store.tree(c) for c in history(store, "web")] == [trees[5]]
    stead("layer", "fsck", env=store.env)


def test_squash_of_a_stack_merges_what_hides(store, here):
    tree = lab.copy_tree("busybox", here / "tree")
    status = tree / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True, exist_ok=True)

    def packages(*names):
        status.write_text("".join(f"Package: {n}\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n" for n in names))
        (tree / "etc/passwd").write_text("".join(f"{n}:x:{i}:{i}::/:/bin/sh\n" for i, n in enumerate(names, 100)))
    packages("base")
    store.load("base", tree)
    packages("base", "nginx")
    store.load("nginx", tree, "--base=base")
    packages("base", "other", "redis")
    store.load("redis", tree, "--base=base")
    store.stead("squash", "both", "=", "base", "nginx", "redis")
    store.stead("export", "-q", "both", f"{here}/out/")
    assert re.findall("Package: (.*)", (here / "out/var/lib/dpkg/status").read_text()) == ["base", "nginx", "other", "redis"]
    assert {line.split(":")[0] for line in (here / "out/etc/passwd").read_text().splitlines()} == {"base", "nginx", "other", "redis"}


def test_squash_of_what_is_no_range(store, here):
    versions(store, here, 3)
    store.load("other", lab.tree("busybox"))
    head = store.head("web")
    for words, what in ((["web"], "no range"), (["web..web~1"], "older than the first"), (["web~1..other"], "names two layers"),
                        (["web~9.."], "no such version")):
        assert what in store.stead("squash", *words, status=1).stderr, words
    assert "NEW = LAYER" in store.stead("squash", "a", "b", status=2).stderr
    assert store.head("web") == head


# --- bases ----------------------------------------------------------------------------------------

# what differs from one build to the next, without the archive: the last word but one or so is the directory
FAKE = r"""#!/bin/sh
for word; do case $word in /*/tree) t=$word;; esac; done
cp -a %(tree)s/. "$t"
mkdir -p "$t/etc" "$t/var/log/apt" "$t/var/lib/dpkg" "$t/var/cache/ldconfig" "$t/dev" "$t/usr/share"
echo package > "$t/usr/share/file"; touch -d @1000000000 "$t/usr/share/file"
date +%%N | tee "$t/var/log/dpkg.log" "$t/var/log/apt/history.log" "$t/var/cache/ldconfig/aux-cache" > "$t/etc/passwd-"
date +%%s > "$t/etc/made"; echo same > "$t/etc/made"
hostname > "$t/etc/hostname"; cp /proc/sys/kernel/random/uuid "$t/etc/machine-id"
printf 'root:x:%%s:0:99999:7:::\nother:!:1:0:::::\n' $(($(date +%%s) / 86400)) > "$t/etc/shadow"
printf 'Package: a\nStatus: install ok installed\n\nPackage: b\nStatus: deinstall ok config-files\n' > "$t/var/lib/dpkg/status"
mknod "$t/dev/null2" c 1 3
echo run >> %(here)s/runs
[ -e %(here)s/slow ] && sleep 2
[ -e %(here)s/broken ] && { echo "E: no such mirror"; exit 1; }
exit 0
"""


@pytest.fixture
def fake(store, here):
    (here / "bin").mkdir()
    tree = lab.tree("busybox")
    (here / "bin/mmdebstrap").write_text(FAKE % {"tree": tree, "here": here})
    (here / "bin/mmdebstrap").chmod(0o755)
    store.env["PATH"] = f"{here}/bin:{lab.PATH}"
    return here


def test_base_is_the_same_each_time(store, fake):
    one = json.loads(store.stead("build", "--json", "debian/12").stdout)
    assert one["name"] == "debian/12/base" and one["packages"] == 1
    time.sleep(1.1)
    two = json.loads(store.stead("build", "--json", "bookworm").stdout)
    assert two["unchanged"] and two["commit"] == one["commit"]
    text = store.manifest(one["tree"])
    assert max(int(line.split(" ")[3 if line[0] == "l" else 4]) for line in text.splitlines()[1:] if line[0] in "dfl") <= \
        int(store.label(one["commit"], "newest"))
    assert "/dev/null2" not in text and "/etc/hostname" not in text and "dpkg.log" not in text
    store.stead("export", "-q", "debian/12/base", f"{fake}/out/")
    day = int(store.label(one["commit"], "newest")) // 86400
    assert (fake / "out/etc/shadow").read_text() == f"root:*:{day}:0:99999:7:::\nother:!:1:0:::::\n"
    assert (fake / "out/etc/machine-id").read_text() == ""
    for label, value in (("os", "debian/12"), ("suite", "bookworm"), ("init", "systemd"), ("packages", "1")):
        assert store.label(one["commit"], label) == value
    assert store.left() == []


def test_two_builds_at_once(store, fake):
    (fake / "slow").touch()
    out = []

    def build():
        out.append(json.loads(store.stead("build", "--json", "debian/12").stdout))
    threads = [threading.Thread(target=build) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(o["unchanged"] for o in out) == [False, True] and out[0]["commit"] == out[1]["commit"]


def test_build_remembers_its_packages(store, fake):
    assert "--include= needs --name=" in store.stead("build", "debian/12", "--include=nginx", status=2).stderr
    one = json.loads(store.stead("build", "--json", "debian/12", "--include=nginx", "--name=site/web-base").stdout)
    assert store.label(one["commit"], "include") == "nginx"
    assert json.loads(store.stead("build", "--json", "debian/12", "--name=site/web-base").stdout)["unchanged"]
    assert "is none of" in store.stead("build", "debian/2", status=2).stderr


def test_build_that_fails_leaves_nothing(store, fake):
    (fake / "broken").touch()
    p = store.stead("build", "debian/12", status=1)
    assert "E: no such mirror" in p.stderr
    assert store.left() == [] and not (store.where / "refs/debian").exists()


def test_machine_of_a_base_that_is_built_when_it_is_missing(store, fake):
    name = lab.new_name("lb")
    try:
        stead("create", "-q", name, "debian/12", env=store.env)
        assert (fake / "runs").read_text() == "run\n" and store.label(store.head("debian/12/base"), "packages") == "1"
        stead("remove", "--yes", "--purge", name, env=store.env)
        stead("create", "-q", name, "bookworm", env=store.env)
        assert (fake / "runs").read_text() == "run\n", "it was there"
    finally:
        stead("remove", "--yes", "--purge", name, status=None, env=store.env)


# /etc/stead is another one for these
REMOTE = """
mount -t tmpfs tmpfs /etc/stead
$1 remote key mine >/dev/null
STEAD_STORE=$2/other $1 layer import -q debian/12/base $2/tree
STEAD_STORE=$2/other $1 publish -q --key=mine $2/site
$1 remote add a-dead http://127.0.0.1:1/ --key=/etc/stead/keys/mine.pub
$1 remote add site file://$2/site --key=/etc/stead/keys/mine.pub
$1 create -q $3 debian/12
$1 remove --yes --purge $3
"""


def test_base_comes_from_a_remote_that_has_it(store, fake):
    (fake / "broken").touch()
    lab.copy_tree("busybox", fake / "tree")
    subprocess.run(["mkdir", "-p", "/etc/stead"], check=True)
    p = subprocess.run(["unshare", "-m", "sh", "-ec", REMOTE, "sh", lab.STEAD, fake, lab.new_name("lr")], text=True, capture_output=True,
                       env=lab.clean_environment(**store.env))
    assert p.returncode == 0, p.stderr
    assert not (fake / "runs").exists()
    assert "origin site" in (store.where / "refs/debian/12/base.ref").read_text()
    p = store.stead("build", "debian/12", status=1)
    assert "comes from the remote 'site'" in p.stderr and "stead pull site:debian/12/base" in p.stderr


def test_machine_of_an_image(store, here):
    name = lab.new_name("li")
    store.load("os", lab.tree("bookworm"))
    store.stead("export", "-q", "os", f"oci:{here}/image", "--compression=zstd")
    store.load("img", f"oci:{here}/image")
    try:
        stead("create", "-q", name, "img", env=store.env)
        stead("start", name, env=store.env)
        p = stead("exec", name, "--", "sh", "-c", ". /etc/os-release; echo $VERSION_ID; hostname; systemctl is-system-running --wait", status=None,
                  env=store.env)
        assert p.stdout.split("\n")[:2] == ["12", name] and "running" in p.stdout, p
    finally:
        stead("stop", "--force", name, status=None, env=store.env)
        stead("remove", "--yes", "--purge", name, status=None, env=store.env)
