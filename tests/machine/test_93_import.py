# SPDX-License-Identifier: LGPL-2.1-or-later
"""stead layer import, export, squash and build: nothing is lost on the way, and nothing hostile gets in."""
import contextlib
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import threading
import time

import pytest

import lab
import rich_tree
from test_50_verbs import stead

KEEP = ("--keep-state", "--keep-devices")


class Store:
    """A store of the test's own."""

    def __init__(self, where):
        self.where = pathlib.Path(where)
        self.env = {"STEAD_STORE": str(self.where), "STEAD_STATE": str(self.where.with_name("state"))}

    def stead(self, *words, env=None, **more):
        return stead("layer", *words, env={**self.env, **(env or {})}, **more)

    def load(self, name, *words, **more):
        """Imports; the result as JSON tells it."""
        return json.loads(self.stead("import", "--json", name, *words, **more).stdout)

    def fails(self, name, *words, **more):
        """Imports something that must be refused; what it says. Nothing may be left."""
        p = self.stead("import", "-q", name, *words, status=1, **more)
        assert self.left() == [] and not (self.where / f"refs/{name}.ref").exists()
        return p.stderr

    def left(self):
        where = self.where / "import"
        return [e for e in os.listdir(where) if not e.endswith(".lock")] if where.exists() else []

    def commit(self, commit):
        lines = (self.where / f"commits/{commit}").read_text().splitlines()
        return [(line.split(" ", 1) + [""])[:2] for line in lines]

    def label(self, commit, key):
        for word, rest in self.commit(commit):
            if word == "label" and rest.split(" ")[0] == key:
                return re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), rest.split(" ")[1])
        return None

    def parent(self, commit):
        return dict(self.commit(commit)).get("parent")

    def head(self, name):
        return re.search(r"(?m)^commit (.*)", (self.where / f"refs/{name}.ref").read_text())[1]

    def tree(self, commit):
        return dict(self.commit(commit))["tree"]

    def manifest(self, tree):
        return (self.where / f"trees/{tree}").read_text()


@pytest.fixture
def here():
    with lab.folder("import") as d:
        yield d


@pytest.fixture
def store(here):
    return Store(here / "store")


def describe(top):
    """What must come through: all but sockets and parts of seconds."""
    found = {}
    for path, one in rich_tree.describe(top).items():
        if "type" in one and one["type"] == 0o140000:
            continue
        one["mtime"] //= 10 ** 9
        found[path] = one
    return found


def torture(top):
    rich_tree.make(top)
    (top / "sparse").unlink()  # its content is 3 GB of zeros
    os.makedirs(os.fsencode(top) + b"/n\xff\xfe \t")
    pathlib.Path(os.fsdecode(os.fsencode(top) + b"/n\xff\xfe \t/\x80\x01 back\\slash")).write_text("name")
    (top / ("long" * 60)).mkdir()
    (top / ("long" * 60) / ("name" * 60)).write_text("a name beyond what old tar headers hold")
    os.symlink("target" * 100, top / "long-symlink")
    os.link(top / "dangling", top / "dangling-again", follow_symlinks=False)
    os.mkfifo(top / "n")
    (top / "-rf").write_text("option")
    (top / "huge-id").write_text("owner")
    os.chown(top / "huge-id", 4294967293, 3000000)
    (top / "acl-without-mode").mkdir()
    os.setxattr(top / "acl-without-mode", rich_tree.ACL_ACCESS,
                rich_tree.acl([(1, 7, -1), (2, 7, 1234567), (4, 0, -1), (16, 7, -1), (32, 0, -1)]))
    os.setxattr(top / "acl-without-mode", rich_tree.ACL_DEFAULT,
                rich_tree.acl([(1, 7, -1), (2, 7, 1234567), (4, 0, -1), (16, 7, -1), (32, 0, -1)]))
    (top / "acl-without-mode/in it").write_text("the default came over to it")
    (top / "before 1970").write_text("old")
    os.utime(top / "before 1970", (-5000, -5000))
    os.utime(top, (10 ** 9, 10 ** 9))
    return top


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


# --- container images -----------------------------------------------------------------------------

def entry(name, data=b"", **more):
    """What belongs into a layer's tar file."""
    t = tarfile.TarInfo(name)
    t.mtime, t.mode, t.size = 1000, 0o755, len(data)
    for key, value in more.items():
        setattr(t, key, value)
    return t, data


def directory(name, **more):
    return entry(name, type=tarfile.DIRTYPE, **more)


def layer(*entries, compress=True):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for t, data in entries:
            tar.addfile(t, io.BytesIO(data))
    plain = out.getvalue()
    return (gzip.compress(plain, mtime=0) if compress else plain), plain


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Image:
    """An image in OCI's layout whose parts may be anything."""

    def __init__(self, where):
        self.where = pathlib.Path(where)
        (self.where / "blobs/sha256").mkdir(parents=True)
        (self.where / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, data, kind="application/vnd.oci.image.layer.v1.tar+gzip"):
        data = json.dumps(data).encode() if isinstance(data, (dict, list)) else data
        (self.where / "blobs" / digest(data).replace(":", "/")).write_bytes(data)
        return {"mediaType": kind, "digest": digest(data), "size": len(data)}

    def make(self, *layers, config=None, manifest=None, index=None, architecture="amd64"):
        blobs = [self.blob(packed) for packed, _ in layers]
        c = {"architecture": architecture, "os": "linux", "config": {},
             "rootfs": {"type": "layers", "diff_ids": [digest(plain) for _, plain in layers]}, **(config or {})}
        m = {"schemaVersion": 2, "config": self.blob(c, "application/vnd.oci.image.config.v1+json"), "layers": blobs, **(manifest or {})}
        i = {"schemaVersion": 2, "manifests": [self.blob(m, "application/vnd.oci.image.manifest.v1+json")], **(index or {})}
        (self.where / "index.json").write_text(json.dumps(i))
        return f"oci:{self.where}"


@pytest.fixture
def image(here):
    return Image(here / "image")


INIT = entry("sbin/init", b"#!")


def names(store, tree):
    return [line.split(" ")[-1] for line in store.manifest(tree).splitlines()[1:] if not line.startswith("x ")]


def test_layers_of_an_image_hide_what_is_below(store, here, image):
    source = image.make(
        layer(directory("a"), entry("a/one", b"1"), entry("a/two", b"2"), directory("b"), directory("b/deep"), entry("b/deep/x", b"x"),
              entry("gone", b"g"), entry("lib", type=tarfile.SYMTYPE, linkname="usr/lib"), directory("usr/lib"), entry("dir/file", b"f"),
              entry("same", b"lower"), INIT),
        layer(directory("a"), entry("a/three", b"3"), entry("a/.wh..wh..opq"),  # the marker may come last
              entry(".wh.gone"), entry("b/.wh.deep"), entry(".wh..wh.plnk/1"), entry("lib/through", b"t"),
              entry(".wh.same"), entry("same", b"upper"), entry("dir", b"a file over a directory"),
              entry("hard", type=tarfile.LNKTYPE, linkname="sbin/init")),
        config={"created": "2026-01-01T00:00:00Z",
                "config": {"Entrypoint": ["/sbin/init"], "Env": ["A=B c"], "ExposedPorts": {"80/tcp": {}}, "Cmd": None, "User": "www"}})
    got = store.load("img", source)
    assert [n for n in names(store, got["tree"])] == [
        "/", "/a", "/a/three", "/b", "/dir", "/hard", "/lib", "/same", "/sbin", "/sbin/init", "/usr", "/usr/lib", "/usr/lib/through"]
    assert re.search(r"(?m)^f .* 5 " + hashlib.sha256(b"upper").hexdigest() + " /same$", store.manifest(got["tree"]))
    assert re.search(r"(?m)^h /hard /sbin/init$", store.manifest(got["tree"]))
    assert store.label(got["commit"], "image.entrypoint") == '["/sbin/init"]'
    assert store.label(got["commit"], "image.environment") == '["A=B c"]'
    assert store.label(got["commit"], "image.ports") == '{"80/tcp":{}}'
    assert store.label(got["commit"], "image.user") == "www" and store.label(got["commit"], "image.command") is None
    assert store.label(got["commit"], "architecture") == "amd64"
    time.sleep(1.1)
    assert store.load("img", source)["unchanged"], "the same image is the same tree, whenever"
    assert re.search(r"(?m)^d 755 0 0 1000 /$", store.manifest(got["tree"]))
    (here / "x.tar").write_bytes(layer(INIT, entry("a/b/c", b"", mtime=2000), compress=False)[1])
    one = store.load("tar", here / "x.tar")["tree"]
    time.sleep(1.1)
    assert store.load("tar", here / "x.tar")["tree"] == one
    assert re.search(r"(?m)^d 755 0 0 1000 /\nd 755 0 0 2000 /a\nd 755 0 0 2000 /a/b$", store.manifest(one))


def test_directory_has_the_attributes_and_time_of_one_layer(store, image):
    note = {"SCHILY.xattr.user.note": "lower"}
    text = store.manifest(store.load("img", image.make(
        layer(INIT, directory("both", uid=7, pax_headers=note), directory("lower", pax_headers=note), entry("gone/x", b""), directory("gone"),
              entry("lower/x", b"")),
        layer(directory("both", uid=8, mtime=2000), entry("lower/y", b""), entry("gone/.wh.x"))))["tree"])
    assert re.search(r"(?m)^d 755 8 0 2000 /both\n(?!x )", text)
    # not an entry of the upper layer: as it was, whatever was made or removed in it
    assert re.search(r"(?m)^d 755 0 0 1000 /lower\nx user.note ", text)
    assert re.search(r"(?m)^d 755 0 0 1000 /gone$", text)


def test_image_without_an_init_says_what_to_do(store, image):
    p = store.stead("import", "-q", "img", image.make(layer(entry("app", b"x"))))
    assert "has no init" in p.stderr and "stead run" in p.stderr


def test_image_is_chosen_by_tag_and_architecture(store, image):
    arm = image.make(layer(entry("arm", b"x")), architecture="arm64")
    ours = image.make(layer(entry("ours", b"x")))
    del arm, ours
    manifests = {}
    for name, architecture in (("arm", "arm64"), ("ours", "amd64")):
        image.make(layer(entry(name, b"x")), architecture=architecture)
        manifests[name] = json.loads((image.where / "index.json").read_text())["manifests"][0]
        manifests[name]["platform"] = {"os": "linux", "architecture": architecture}
    several = {"schemaVersion": 2, "manifests": list(manifests.values())}
    nested = image.blob(several, "application/vnd.oci.image.index.v1+json")
    tagged = {**nested, "annotations": {"org.opencontainers.image.ref.name": "v1"}}
    (image.where / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [tagged]}))
    for source in (f"oci:{image.where}", f"oci:{image.where}:v1"):
        assert "/ours" in names(store, store.load("x1", source)["tree"])
    assert "/arm" in names(store, store.load("x2", f"oci:{image.where}:v1", "--architecture=arm64")["tree"])
    assert "has no image 'v2'; there is v1" in store.fails("x3", f"oci:{image.where}:v2")
    assert "has no image for riscv64; there is arm64, amd64" in store.fails("x3", f"oci:{image.where}", "--architecture=riscv64")
    (image.where / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [
        {**manifests["ours"], "annotations": {"org.opencontainers.image.ref.name": t}} | ({} if t == "a" else {
            "digest": manifests["arm"]["digest"], "size": manifests["arm"]["size"]}) for t in ("a", "b")]}))
    assert "several images" in store.fails("x3", f"oci:{image.where}")


def test_archives_of_images(store, here, image):
    source = image.make(layer(entry("etc/hello", b"hello"), INIT))
    tree = store.load("img", source)["tree"]
    with tarfile.open(here / "o.tar.gz", "w:gz") as tar:
        tar.add(image.where, ".")
    assert store.load("o", f"oci-archive:{here}/o.tar.gz")["tree"] == tree
    # docker save: paths of its own, and a link where a layer comes twice
    packed, plain = layer(entry("etc/hello", b"hello"), INIT)
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest(plain)]}}).encode()
    name = digest(config)[7:] + ".json"
    manifest = [{"Config": name, "RepoTags": ["docker.io/library/hello:1"], "Layers": ["b/layer.tar"]}]
    with tarfile.open(here / "d.tar", "w") as tar:
        for t, data in (entry(name, config), entry("a/layer.tar", plain), entry("manifest.json", json.dumps(manifest).encode()),
                        entry("b/layer.tar", type=tarfile.SYMTYPE, linkname="../a/layer.tar")):
            tar.addfile(t, io.BytesIO(data))
    for word in ("", ":hello:1", ":docker.io/library/hello:1"):
        assert store.load("d", f"docker-archive:{here}/d.tar{word}")["tree"] == tree
    assert "there is 'docker.io/library/hello:1'" in store.fails("e", f"docker-archive:{here}/d.tar:nope").replace(
        "with one of: docker.io/library/hello:1", "there is 'docker.io/library/hello:1'")
    assert "docker-archive:" in store.fails("e", here / "d.tar"), "the hint for an image that is taken for a tree"


needs_skopeo = pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")


@needs_skopeo
def test_skopeo_takes_what_is_exported(store, here):
    store.load("t", lab.tree("busybox"))
    for compression in ("none", "gzip", "zstd"):
        store.stead("export", "-q", "t", f"oci:{here}/{compression}:v1", f"--compression={compression}")
        subprocess.run(["skopeo", "copy", "-q", f"oci:{here}/{compression}:v1", f"oci-archive:{here}/{compression}.tar:v1"], check=True)
        tree = store.load("t2", f"oci:{here}/{compression}")["tree"]
        assert store.load("t3", f"oci-archive:{here}/{compression}.tar:v1")["tree"] == tree
    subprocess.run(["skopeo", "copy", "-q", f"oci:{here}/gzip:v1", f"docker-archive:{here}/d.tar:hello:1"], check=True)
    assert store.load("t3", f"docker-archive:{here}/d.tar:hello:1")["tree"] == tree


@needs_skopeo
@pytest.mark.skipif(not shutil.which("docker-registry"), reason="docker-registry is not installed")
def test_image_of_a_registry(store, here):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    (here / "registry.yml").write_text(f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {here}/registry\n"
                                       f"http:\n  addr: 127.0.0.1:{port}\n")
    with open(here / "registry.log", "wb") as log:
        registry = subprocess.Popen(["docker-registry", "serve", here / "registry.yml"], stdout=log, stderr=log)
    try:
        lab.wait_for(lambda: socket.create_connection(("127.0.0.1", port)).close() is None if answers(port) else False, 20)
        store.load("t", lab.tree("busybox"))
        store.stead("export", "-q", "t", f"oci:{here}/image:v1")
        subprocess.run(["skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{here}/image:v1", f"docker://127.0.0.1:{port}/hello:1"],
                       check=True)
        tree = store.load("t2", f"oci:{here}/image")["tree"]
        got = store.load("t3", f"docker://127.0.0.1:{port}/hello:1", "--insecure")
        assert got["tree"] == tree and not store.left()
        assert "skopeo" in store.fails("t4", f"docker://127.0.0.1:{port}/hello:1"), "no certificate"
        assert "skopeo" in store.fails("t4", f"docker://127.0.0.1:{port}/nobody:1", "--insecure")
        p = stead("pull", "-q", "t5", f"docker://127.0.0.1:{port}/hello:1", status=1, env=store.env)
        assert "--insecure" in p.stderr
        (here / ".config/containers").mkdir(parents=True)
        (here / ".config/containers/registries.conf").write_text(f'[[registry]]\nlocation = "127.0.0.1:{port}"\ninsecure = true\n')
        stead("pull", "-q", "t5", f"docker://127.0.0.1:{port}/hello:1", env={**store.env, "HOME": str(here)})
        assert store.tree(store.head("t5")) == tree
    finally:
        registry.terminate()
        registry.wait()


def answers(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


def test_without_skopeo(store, here):
    (here / "bin").mkdir()
    message = store.fails("x", "docker://127.0.0.1:1/x", env={"PATH": str(here / "bin")})
    assert "'skopeo' could not be run" in message and "apt-get install skopeo" in message


# --- hostile input --------------------------------------------------------------------------------

def outside(here):
    """A place that nobody may write to."""
    (here / "outside").mkdir()
    (here / "outside/file").write_text("untouched")
    return here / "outside"


def check_outside(where):
    assert sorted(os.listdir(where)) == ["file"] and (where / "file").read_text() == "untouched"
    assert (where / "file").stat().st_nlink == 1


HOSTILE_LAYERS = {
    "traversal": lambda o: [entry("../../../../../../../../../.." + str(o) + "/evil", b"x")],
    "traversal within": lambda o: [directory("a"), entry("a/../../../evil", b"x")],
    "whiteout of the parent": lambda o: [entry("a/../../.wh.x")],
    "whiteout of dots": lambda o: [entry(".wh...")],
    "whiteout of nothing": lambda o: [entry("a/.wh.")],
    "hard link out": lambda o: [entry("x", type=tarfile.LNKTYPE, linkname=str(o / "file"))],
    "hard link up": lambda o: [entry("x", type=tarfile.LNKTYPE, linkname="../../../../../../../.." + str(o / "file"))],
    "link to itself": lambda o: [entry("x", type=tarfile.LNKTYPE, linkname="x")],
}


@pytest.mark.parametrize("kind", HOSTILE_LAYERS)
def test_hostile_layers_are_refused(store, here, image, kind):
    o = outside(here)
    bad = HOSTILE_LAYERS[kind](o)
    for source in (image.make(layer(INIT, *bad)), image.make(layer(INIT), layer(*bad))):
        message = store.fails("evil", source)
        assert len(message.splitlines()) <= 2, message
        check_outside(o)


def test_links_that_lead_out_stay_inside(store, here, image):
    o = outside(here)
    source = image.make(layer(INIT, entry("out", type=tarfile.SYMTYPE, linkname=str(o)), entry("up", type=tarfile.SYMTYPE, linkname="../../../../.."),
                              directory(str(o)[1:])),
                        layer(entry("out/evil", b"x"), entry("up/evil2", b"x"), entry("out/.wh.file"), entry("up" + str(o) + "/.wh.file")))
    found = names(store, store.load("img", source)["tree"])
    assert str(o / "evil") in found and "/evil2" in found
    check_outside(o)


def test_plain_archive_with_links_out(store, here):
    o = outside(here)
    (here / "x.tar").write_bytes(layer(INIT, entry("out", type=tarfile.SYMTYPE, linkname=str(o)), entry("out/evil", b"x"), compress=False)[1])
    assert "/out/evil" in names(store, store.load("plain", here / "x.tar")["tree"])
    check_outside(o)


def test_devices_are_left_out_unless_asked_for(store, here, image):
    source = image.make(layer(INIT, entry("dev/mem", type=tarfile.CHRTYPE, devmajor=1, devminor=1), entry("disk", type=tarfile.BLKTYPE, devmajor=8)))
    got = store.load("img", source)
    assert got["devices_left_out"] == 2 and "/dev/mem" not in names(store, got["tree"])
    got = store.load("img", source, "--keep-devices")
    assert re.search(r"(?m)^c .* 1:1 /dev/mem$", store.manifest(got["tree"]))


def test_marks_of_overlays_in_archives_are_not_believed(store, image):
    evil = entry("redirect", type=tarfile.DIRTYPE, pax_headers={"SCHILY.xattr.trusted.overlay.redirect": "/etc",
                                                                "SCHILY.xattr.trusted.overlay.opaque": "y",
                                                                "SCHILY.xattr.user.fine": "yes"})
    text = store.manifest(store.load("img", image.make(layer(INIT, evil)))["tree"])
    assert "overlay" not in text and "x user.fine" in text and not re.search(r"(?m)^D", text)


def test_duplicate_entries(store, image):
    source = image.make(layer(INIT, entry("x", b"first"), directory("d"), entry("d/in", b"1"), entry("x", b"second"), entry("d", b"file")))
    text = store.manifest(store.load("img", source)["tree"])
    assert hashlib.sha256(b"second").hexdigest() in text and hashlib.sha256(b"first").hexdigest() not in text
    assert "/d/in" not in text


def damage_layer(image):
    image.make(layer(INIT))
    for path in (image.where / "blobs/sha256").iterdir():
        if path.read_bytes()[:2] == b"\x1f\x8b":
            data = bytearray(path.read_bytes())
            data[4] ^= 1  # the time in the header of gzip: it still unpacks to the same
            path.write_bytes(data)


def shorten_layer(image):
    image.make(layer(INIT))
    for path in (image.where / "blobs/sha256").iterdir():
        if path.read_bytes()[:2] == b"\x1f\x8b":
            path.write_bytes(path.read_bytes()[:-1])


def remove_layer(image):
    image.make(layer(INIT))
    for path in (image.where / "blobs/sha256").iterdir():
        if path.read_bytes()[:2] == b"\x1f\x8b":
            path.unlink()


def damage_manifest(image):
    image.make(layer(INIT))
    for path in (image.where / "blobs/sha256").iterdir():
        if b'"config"' in path.read_bytes() and b"layers" in path.read_bytes():
            path.write_bytes(path.read_bytes().replace(b" ", b"\t", 1))


def truncated_gzip(image):
    packed, plain = layer(INIT, entry("big", os.urandom(100000)))
    image.make((packed[:len(packed) // 2], plain))


DAMAGED = {
    "layer": (damage_layer, "not what its digest says"),
    "short layer": (shorten_layer, "has not"),
    "no layer": (remove_layer, "is not complete"),
    "manifest": (damage_manifest, "not what its digest says"),
    "half a stream": (truncated_gzip, "cannot be read"),
    "no tar file": (lambda i: i.make((b"hello", b"hello")), "cannot be read"),
    "other content": (lambda i: i.make((layer(INIT)[0], b"other")), "not what its digest says"),
    "no JSON": (lambda i: (i.make(layer(INIT)), (i.where / "index.json").write_text("{")), "is no JSON"),
    "other layout": (lambda i: (i.make(layer(INIT)), (i.where / "oci-layout").write_text('{"imageLayoutVersion":"9"}')), "only 1.x"),
    "no image": (lambda i: (i.make(layer(INIT)), (i.where / "oci-layout").unlink()), "is no container image"),
    "fewer layers": (lambda i: i.make(layer(INIT), manifest={"layers": []}), "0 layers, but its configuration names 1"),
    "md5": (lambda i: i.make(layer(INIT), manifest={"layers": [{"mediaType": "x", "digest": "md5:0", "size": 1}]}), "no SHA-256"),
    "path for a digest": (lambda i: i.make(layer(INIT), manifest={"layers": [
        {"mediaType": "x", "digest": "sha256:../../../../etc/passwd", "size": 1}]}), "is no digest"),
    "negative size": (lambda i: i.make(layer(INIT), manifest={"layers": [
        {"mediaType": "x", "digest": "sha256:" + "0" * 64, "size": -1}]}), "has no size"),
    "huge size": (lambda i: i.make(layer(INIT), manifest={"layers": [
        {"mediaType": "x", "digest": "sha256:" + "0" * 64, "size": 2 ** 62}]}), "is not complete"),
    "windows": (lambda i: i.make(layer(INIT), config={"os": "windows"}), "not for Linux"),
    "other architecture": (lambda i: i.make(layer(INIT), architecture="s390x"), "--architecture=s390x"),
    "encrypted schema": (lambda i: i.make(layer(INIT), index={"schemaVersion": 1}), "schema 1"),
    "link for an index": (lambda i: (i.make(layer(INIT)), (i.where / "index.json").unlink(),
                                     (i.where / "index.json").symlink_to("/etc/passwd")), "index.json"),
    "fifo for an index": (lambda i: (i.make(layer(INIT)), (i.where / "index.json").unlink(), os.mkfifo(i.where / "index.json")), "index.json"),
    "fifo for a layer": (lambda i: (remove_layer(i), os.mkfifo(i.where / "blobs/sha256" / digest(layer(INIT)[0])[7:])), "Failed to open"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_images_are_refused(store, image, kind):
    damage, words = DAMAGED[kind]
    damage(image)
    message = store.fails("evil", f"oci:{image.where}", timeout=20)
    assert words in message and len(message.splitlines()) <= 2, message


def small_store(here):
    """A store on a file system of 24 MB: what to put before a command."""
    (here / "small").mkdir()
    return ("unshare", "-m", "sh", "-ec", f'mount -t tmpfs -o size=24M tmpfs {here}/small; "$@"; s=$?; ls -A {here}/small/store/import >&2; '
            "exit $s", "sh"), {"STEAD_STORE": f"{here}/small/store"}


def bomb(size):
    """A file of zeros, a thousandth of it as gzip."""
    t, _ = entry("bomb", size=size)
    return gzip.compress(t.tobuf(tarfile.PAX_FORMAT)) + b"".join(gzip.compress(bytes(1 << 20)) for _ in range(size >> 20))


def test_what_does_not_fit_is_not_begun(here, image):
    prefix, env = small_store(here)
    (here / "bomb.tar.gz").write_bytes(bomb(200 << 20))
    p = stead("layer", "import", "-q", "evil", here / "bomb.tar.gz", prefix=prefix, env=env, status=1)
    assert "MiB that are free on the disk" in p.stderr and ".#" not in p.stderr
    # zeros after the end of the tar file, which no header tells of
    packed, plain = layer(INIT)
    packed += b"".join(gzip.compress(bytes(1 << 20)) for _ in range(100))
    p = stead("layer", "import", "-q", "evil", image.make((packed, plain + bytes(100 << 20))), prefix=prefix, env=env, status=1)
    assert "MiB that are free on the disk" in p.stderr and ".#" not in p.stderr
    # a size beyond all disks
    t, _ = entry("x", size=1 << 62)
    (here / "huge.tar").write_bytes(t.tobuf(tarfile.PAX_FORMAT) + bytes(1024))
    p = stead("layer", "import", "-q", "evil", here / "huge.tar", prefix=prefix, env=env, status=1)
    assert "MiB that are free on the disk" in p.stderr and ".#" not in p.stderr


def test_full_disk(here):
    prefix, env = small_store(here)
    (here / "tree/usr").mkdir(parents=True)
    (here / "tree/usr/big").write_bytes(os.urandom(30 << 20))
    p = stead("layer", "import", "-q", "big", here / "tree", prefix=prefix, env=env, status=1)
    assert "No space left" in p.stderr and ".#" not in p.stderr
    # what fits as a whole, but not with an archive of it beside
    (here / "tree/usr/big").write_bytes(os.urandom(13 << 20))
    with tarfile.open(here / "x.tar", "w") as tar:
        tar.add(here / "tree", ".")
    stead("layer", "import", "-q", "big", here / "x.tar", prefix=prefix, env=env)


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
        _, message = p.communicate(timeout=20)
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
    store.stead("squash", "web~2..")
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
