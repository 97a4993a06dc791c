# SPDX-License-Identifier: LGPL-2.1-or-later
"""Container images and archives as layers: what they mean, and what hostile ones cannot do."""
import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import socket
import subprocess
import tarfile
import time

import pytest

import lab
from layer_lab import INIT, digest, directory, entry, here, image, layer, names, small_store, store  # noqa: F401
from test_50_verbs import stead


# --- container images -----------------------------------------------------------------------------

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
    port = lab.free_port()
    (here / "registry.yml").write_text(f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {here}/registry\n"
                                       f"http:\n  addr: 127.0.0.1:{port}\n")
    with open(here / "registry.log", "wb") as log:
        registry = subprocess.Popen(["docker-registry", "serve", here / "registry.yml"], stdout=log, stderr=log)
    try:
        lab.wait_for(lambda: answers(port), what="the registry")
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
    message = store.fails("evil", f"oci:{image.where}", timeout=lab.PATIENCE)
    assert words in message and len(message.splitlines()) <= 2, message


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
