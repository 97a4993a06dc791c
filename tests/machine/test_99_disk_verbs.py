# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines that are disk images: how they are made, and every verb on them."""
import bz2
import gzip
import hashlib
import json
import lzma
import os
import re
import signal
import subprocess

import pytest

import lab
from disk_image import MIB, Part, gpt
from test_50_verbs import DEFINITIONS, TREES, Terminal, forget, show, stead


def digest(path):
    return hashlib.sha256(path.read_bytes()).digest()


def make(path, tree, megabytes):
    return gpt(path, [Part("root", lab.tree(tree), size=megabytes * MIB)])


@pytest.fixture(scope="module")
def image():
    path = make(lab.work / f"{lab.new_name('image')}.raw", "busybox", 48)
    yield path
    path.unlink()


@pytest.fixture
def name():
    name = lab.new_name("disk")
    yield name
    forget(name)


def left(word):
    return [n for n in os.listdir(TREES) if word in n and not n.endswith(".lck")]


def pack_zstd(data):
    return subprocess.run(["zstd", "-q"], input=data, stdout=subprocess.PIPE, check=True).stdout


PACKED = {"raw.xz": lzma.compress, "img.gz": gzip.compress, "raw.bz2": bz2.compress, "raw.zst": pack_zstd}


@pytest.mark.parametrize("ending", ["raw", "img", *PACKED])
def test_created_from_a_file(image, name, tmp_path, ending):
    source = tmp_path / f"x.{ending}"
    data = image.read_bytes()
    source.write_bytes(PACKED[ending](data) if ending in PACKED else data)
    p = stead("create", name, source)
    made = TREES / f"{name}.raw"
    assert f"stead start {name}" in p.stderr and left(name) == [made.name]
    assert digest(made) == digest(image)
    assert made.stat().st_mode & 0o777 == 0o600
    # zeros that were written out are holes again
    assert made.stat().st_blocks * 512 < 16 * MIB < made.stat().st_size


def test_found_by_its_content(image, name, tmp_path):
    source = tmp_path / "no-ending"
    source.write_bytes(image.read_bytes())
    stead("create", "-q", name, source)
    assert left(name) == [f"{name}.raw"]


def test_name_is_taken(image, name):
    stead("create", "-q", name, image)
    for words in ([image], [f"--from={lab.tree('busybox')}", "--force"]):
        p = stead("create", "-q", name, *words, status=1)
        assert f"There is a disk image '/var/lib/machines/{name}.raw' already" in p.stderr
        assert f"stead remove {name}" in p.stderr
    stead("remove", "--yes", name)
    stead("create", "-q", name, f"--from={lab.tree('busybox')}", "--force")
    assert "There is a tree" in stead("create", "-q", name, image, status=1).stderr
    assert left(name) == [name]


def refused(name, source, *options, status=1):
    p = stead("create", "-q", name, source, *options, status=status)
    assert left(name) == []
    return p.stderr


def test_what_can_be_no_machine(name, image, tmp_path):
    junk = tmp_path / "junk.raw"
    junk.write_bytes(b"junk" * 100000)
    assert "partition table" in refused(name, junk)
    packed = tmp_path / "junk.raw.gz"
    packed.write_bytes(gzip.compress(junk.read_bytes()))
    assert "partition table" in refused(name, packed)
    packed.write_bytes(gzip.compress(image.read_bytes())[:-100000])
    error = refused(name, packed)
    assert "Failed to unpack" in error and "cut short" in error
    junk.write_bytes(b"")
    refused(name, junk)
    junk.write_bytes(b"QFI\xfb" + bytes(1 << 20))
    error = refused(name, junk)
    assert "qcow2" in error and "qemu-img convert" in error
    assert "no layer, no file" in refused(name, tmp_path / "missing.raw")


@pytest.mark.parametrize("ending, head, at", [("qcow2", b"QFI\xfb", 0), ("vmdk", b"KDMV", 0), ("vdi", b"\x7f\x10\xda\xbe", 64),
                                              ("vhd", b"conectix", 0), ("vhdx", b"vhdxfile", 0)])
def test_disks_of_virtual_machines_by_their_own_names(name, tmp_path, ending, head, at):
    disk = tmp_path / f"disk.{ending}"
    disk.write_bytes(bytes(at) + head + bytes(1 << 20))
    error = refused(name, disk)
    assert f"is a {ending} image" in error and f"qemu-img convert -O raw {disk} {name}.raw" in error, error


@pytest.mark.parametrize("ending, head, hint", [("lz4", b"\x04\x22\x4d\x18", "lz4 -dc"), ("zip", b"PK\3\4", "unzip")])
def test_what_unpacks_it_is_told(name, tmp_path, ending, head, hint):
    packed = tmp_path / f"disk.img.{ending}"
    packed.write_bytes(head + bytes(1 << 20))
    assert f"{hint} '{packed}'" in refused(name, packed)


def test_tar_file_of_another_name(name, tmp_path):
    """A tree, as from any other; the hint must not be what was typed."""
    tar = tmp_path / "tree.raw"
    subprocess.run(["tar", "cf", tar, "-C", lab.tree("busybox"), "."], check=True)
    stead("create", "-q", name, tar)
    assert (TREES / name / "bin").exists()
    stead("remove", "--yes", name)
    packed = tmp_path / "tree.raw.gz"
    packed.write_bytes(gzip.compress(tar.read_bytes(), 1))
    assert f"mv '{packed}' NAME.tar" in refused(name, packed)


def test_stream_is_none(name):
    p = stead("create", "-q", name, "-", status=1, input="\0" * 100000)
    assert f"stead create {name} FILE.raw" in p.stderr and left(name) == []


@pytest.mark.parametrize("option", ["--init=openrc", "--include=vim", "--mirror=http://x/", "--keep-devices", "--architecture=i386"])
def test_options_without_meaning(image, name, option):
    error = refused(name, image, "--tree" if option.startswith("--include") else "-q", option, status=2)
    assert "no meaning for a disk image" in error and ("--tree" if option.startswith("--include") else option.split("=")[0]) in error


@pytest.mark.parametrize("packed", [False, True])
def test_disk_is_full(name, tmp_path, packed):
    source = tmp_path / "large.raw"
    data = bytearray(os.urandom(4 * MIB))
    data[:MIB] = make(tmp_path / "small.raw", "busybox", 4).read_bytes()[:MIB]
    source.write_bytes((tmp_path / "small.raw").read_bytes()[:MIB] + data[MIB:] if packed
                       else (tmp_path / "small.raw").read_bytes())
    if packed:
        source = tmp_path / "large.raw.gz"
        source.write_bytes(gzip.compress(bytes(data), 1))
    script = 'mount -t tmpfs -o size=1M tmpfs /var/lib/machines; "$@"; s=$?; ls -A /var/lib/machines >&2; exit $s'
    p = stead("create", "-q", name, source, status=1,
              prefix=("unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh"))
    assert ("No space left" in p.stderr or "that are free" in p.stderr) and "df -h" in p.stderr
    assert name not in p.stderr.splitlines()[-1]


def zeros(path):
    """Two hundred gigabytes of nothing, in a few megabytes: takes its time."""
    frame = pack_zstd(bytes(64 * MIB))
    path.write_bytes(frame * 3200)
    return path


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted(image, name, tmp_path, how):
    source, other = zeros(tmp_path / "zeros.raw.zst"), lab.new_name("next")
    p = subprocess.Popen([lab.STEAD, "create", name, source], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    lab.wait_for(lambda: left(f".#{name}.creating-"), what="the copy")
    p.send_signal(how)
    p.wait(lab.PATIENCE)
    if how == signal.SIGINT:
        assert left(name) == [] and b"nothing was changed" in p.stderr.read()
    try:
        def swept():
            stead("create", "-q", other, image)
            stead("remove", "--yes", other)
            return not left(name)
        lab.wait_for(swept, what="the clean-up by the next create")
    finally:
        forget(other)


def test_progress_names_bytes(image, name, tmp_path):
    """On a terminal."""
    source = tmp_path / "x.raw.xz"
    source.write_bytes(lzma.compress(image.read_bytes()))
    p = subprocess.run(["script", "-qec", f"{lab.STEAD} create {name} {source}", "/dev/null"], text=True, capture_output=True,
                       stdin=subprocess.DEVNULL, env=lab.clean_environment(TERM="vt100"), timeout=lab.PATIENCE)
    assert "100%" in p.stdout and "MiB on disk" in p.stdout, p


def test_copy_of_a_machine(image, name):
    copy = lab.new_name("copy")
    stead("create", "-q", name, image)
    try:
        stead("create", "-q", copy, f"--from={name}")
        assert digest(TREES / f"{copy}.raw") == digest(image)
        assert "no meaning" in stead("create", "-q", lab.new_name("x"), f"--from={name}", "--init=runit", status=2).stderr
    finally:
        forget(copy)


def test_machine_whose_image_is_elsewhere(image, name):
    """The definition says where. Its name is no name for a machine of layers."""
    copy = lab.new_name("copy")
    DEFINITIONS.mkdir(exist_ok=True)
    definition = DEFINITIONS / f"{name}.machine"
    definition.write_text(f"[Image]\nImage={image}\n")
    try:
        stead("create", "-q", copy, f"--from={name}")
        assert digest(TREES / f"{copy}.raw") == digest(image)
        error = stead("create", "-q", name, "debian/12", status=1).stderr
        assert f"has another root already: {image}" in error and f"stead edit {name}" in error
        error = refused(name, image)
        assert f"has another root already: {image}" in error and f"stead edit {name}" in error
        definition.write_text("[Image]\nLayers=test/none test/other\n")
        assert "has another root already: test/none test/other" in refused(name, image)
        definition.write_text(f"[Image]\nImage={TREES}/{name}.raw\n")
        stead("create", "-q", name, image)
        definition.write_text("[Image]\nImage=/nowhere.raw\n")
        assert "There is no tree '/nowhere.raw'" in stead("create", copy + "x", f"--from={name}", status=1).stderr
    finally:
        definition.unlink()
        forget(copy)


@pytest.mark.parametrize("ending", ["raw", "raw.gz"])
def test_hash_comes_along(image, name, tmp_path, ending):
    """Or nothing would be checked in the copy."""
    source, copy = tmp_path / f"x.1.{ending}", lab.new_name("copy")
    source.write_bytes(gzip.compress(image.read_bytes(), 1) if ending.endswith("gz") else image.read_bytes())
    (tmp_path / "x.1.roothash").write_text("ab" * 32)
    (tmp_path / "x.1.verity").write_bytes(bytes(5000))
    os.setxattr(source, "user.verity.usrhash", b"cd" * 32)
    (TREES / f"{name}.roothash.p7s").write_text("of one that is gone")
    stead("create", "-q", name, source)
    assert sorted(left(name)) == [f"{name}.{e}" for e in ("raw", "roothash", "usrhash", "verity")]
    try:
        stead("create", "-q", copy, f"--from={name}")
        assert [(TREES / f"{copy}.{e}").read_bytes() for e in ("roothash", "usrhash", "verity")] == [b"ab" * 32, b"cd" * 32, bytes(5000)]
    finally:
        forget(copy)
    assert left(copy) == []


def test_path_of_an_image(image):
    """Where a directory can stand a file can, too."""
    out = stead("run", image, f"--machine={lab.new_name('path')}", "--private-network", "--", "/bin/busybox", "ls", "/bin/busybox").stdout
    assert out == "/bin/busybox\n"
    assert json.loads(stead("plan", "--json", image).stdout)["image"] == str(image)


def test_removed_with_what_lies_beside(image, name):
    stead("create", "-q", name, image)
    for ending in ("roothash", "verity"):
        (TREES / f"{name}.{ending}").write_text("x")
    definition = DEFINITIONS / f"{name}.machine"
    DEFINITIONS.mkdir(exist_ok=True)
    definition.write_text("[Exec]\nBoot=yes\n")
    disk = [f"{TREES}/{name}.{ending}" for ending in ("raw", "roothash", "verity")]
    assert stead("remove", "--dry-run", name).stdout.split() == disk
    assert stead("remove", "--dry-run", "--purge", name).stdout.split() == [*disk, str(definition)]
    stead("remove", "--yes", name)
    assert left(name) == [] and definition.exists()
    assert "has no tree in" in stead("remove", "--dry-run", name, status=1).stderr
    assert stead("remove", "--dry-run", "--purge", name).stdout.split() == [str(definition)]
    stead("remove", "--yes", "--purge", name)
    assert not definition.exists()


# --- a machine that is one -----------------------------------------------------------------------

@pytest.fixture(scope="module")
def box():
    """Debian with systemd, in an image, running."""
    name = lab.new_name("box")
    source = make(lab.work / f"{name}.raw", "bookworm", 400)
    try:
        stead("create", "-q", name, source)
        source.unlink()
        stead("start", name)
        yield name
    finally:
        forget(name)


def image_of(name):
    return f"{TREES}/{name}.raw"


def test_shown_while_it_runs(box):
    rows = json.loads(stead("list", "--json", box).stdout)
    assert [(r["name"], r["state"], r["os_id"], r["root"]) for r in rows] == [(box, "running", "debian", image_of(box))]
    assert show(box, "RootDirectory") == image_of(box) and show(box, "OS").startswith("Debian")
    assert f"Root: {image_of(box)}" in stead("status", box).stdout
    plan = json.loads(stead("plan", "--json", box).stdout)
    assert plan["image"] == image_of(box)
    assert "Linux" in stead("logs", box).stdout or "Reached target" in stead("logs", box).stdout


def test_commands_inside(box):
    assert stead("exec", box, "--", "hostname").stdout == "bookworm\n", "the image's own /etc/hostname"
    assert stead("exec", box, "--", "findmnt", "-no", "FSTYPE", "/").stdout == "ext4\n"
    assert stead("shell", box, "exit 7", status=7)
    t = Terminal("shell", box)
    t.type("echo here-$((1+1))\n")
    t.expect("here-2")
    t.type("exit 3\n")
    assert t.wait() == 3
    t = Terminal("login", box)
    t.expect("login: ")
    t.type("\x1d\x1d\x1d")
    t.wait()


def test_copies_in_and_out(box, tmp_path):
    (tmp_path / "file").write_text("from the host\n")
    stead("cp", tmp_path / "file", f"{box}:/root/file")
    assert stead("exec", box, "--", "cat", "/root/file").stdout == "from the host\n"
    stead("cp", f"{box}:/root/file", tmp_path / "back")
    assert (tmp_path / "back").read_text() == "from the host\n"


@pytest.mark.parametrize("words", [("commit", "LAYER"), ("history",), ("rollback",), ("update",), ("drift",), ("discard",),
                                   ("try", "--", "true"), ("diff", "--files")])
def test_what_is_for_layers_says_why_not(box, words):
    verb, *rest = words
    p = stead(verb, box, *("test/none" if r == "LAYER" else r for r in rest), status=None)
    assert p.returncode in (1, 2), p
    assert f"is the disk image '{image_of(box)}'" in p.stderr and f"stead create COPY --from={box}" in p.stderr


def test_definition_of_one(box):
    path = DEFINITIONS / f"{box}.machine"
    editor = "sh -c 'printf \"[Exec]\\nEnvironment=FROM=edit\\n\" > $1' sh"
    try:
        stead("edit", box, env={"EDITOR": editor, "VISUAL": editor})
        assert "FROM=edit" in stead("cat", box).stdout
        stead("check", box)
        assert "Environment" in stead("diff", box, status=1).stdout
        stead("restart", box)
        assert "FROM=edit" in stead("exec", box, "--", "sh", "-c", "tr '\\0' '\\n' </proc/1/environ").stdout
    finally:
        path.unlink(missing_ok=True)


def test_in_use(box):
    assert "is running" in stead("remove", "--yes", box, status=1).stderr
    assert "is running" in stead("create", lab.new_name("x"), f"--from={box}", status=1).stderr
    assert os.path.exists(image_of(box))
    copy = lab.new_name("copy")
    try:
        stead("create", "-q", copy, f"--from={box}", "--force")
        stead("start", copy)
        assert stead("exec", copy, "--", "systemctl", "is-active", "multi-user.target").stdout == "active\n"
    finally:
        forget(copy)


def test_what_was_written_stays(box):
    """Stopped, it is still listed; a command runs in it, and it starts again as it was."""
    stead("exec", box, "--", "touch", "/root/written")
    first = stead("exec", box, "--", "cat", "/etc/machine-id").stdout
    stead("stop", box)
    assert box in stead("list", "--all", "--quiet").stdout.split()
    assert box not in stead("list", "--quiet").stdout.split()
    row, = json.loads(stead("list", "--all", "--json", box).stdout)
    assert (row["state"], row["root"]) == ("stopped", image_of(box))
    assert show(box, "State") == "stopped" and f"Root: {image_of(box)}" in stead("status", box, status=None).stdout
    assert stead("run", box, "--", "ls", "/root/written").stdout == "/root/written\n"
    stead("start", box)
    assert re.fullmatch("[0-9a-f]{32}\n", first) and stead("exec", box, "--", "cat", "/etc/machine-id").stdout == first
