# SPDX-License-Identifier: LGPL-2.1-or-later
"""A store of layers for one test, trees to bring in and out of it, and container images of any content."""
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import tarfile

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
        one.pop("names", None)  # "first" tells which are one file; others may hold links to a tree that is cached
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


def small_store(here):
    """A store on a file system of 24 MB: what to put before a command."""
    (here / "small").mkdir()
    return ("unshare", "-m", "sh", "-ec", f'mount -t tmpfs -o size=24M tmpfs {here}/small; "$@"; s=$?; ls -A {here}/small/store/import >&2; '
            "exit $s", "sh"), {"STEAD_STORE": f"{here}/small/store"}
