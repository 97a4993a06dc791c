# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines that are disk images: how they are made, and every verb on them."""
import bz2
import gzip
import hashlib
import lzma
import os
import signal
import subprocess

import pytest

import disk
import lab
from test_50_verbs import TREES, forget, stead


def digest(path):
    return hashlib.sha256(path.read_bytes()).digest()


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return disk.make(tmp_path_factory.mktemp("disk") / "busybox.raw", "busybox")


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
    assert made.stat().st_blocks * 512 < 16 * disk.MEGABYTE < made.stat().st_size


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
    assert "Failed to unpack" in refused(name, packed)
    junk.write_bytes(b"")
    refused(name, junk)
    junk.write_bytes(b"QFI\xfb" + bytes(1 << 20))
    error = refused(name, junk)
    assert "qcow2" in error and "qemu-img convert" in error
    assert "no layer, no file" in refused(name, tmp_path / "missing.raw")


@pytest.mark.parametrize("option", ["--init=openrc", "--include=vim", "--mirror=http://x/", "--keep-devices"])
def test_options_without_meaning(image, name, option):
    error = refused(name, image, "--tree" if option.startswith("--include") else "-q", option, status=2)
    assert "no meaning for a disk image" in error and ("--tree" if option.startswith("--include") else option.split("=")[0]) in error


@pytest.mark.parametrize("packed", [False, True])
def test_disk_is_full(name, tmp_path, packed):
    source = tmp_path / "large.raw"
    data = bytearray(os.urandom(4 * disk.MEGABYTE))
    data[:disk.MEGABYTE] = disk.make(tmp_path / "small.raw", "busybox", 4).read_bytes()[:disk.MEGABYTE]
    source.write_bytes((tmp_path / "small.raw").read_bytes()[:disk.MEGABYTE] + data[disk.MEGABYTE:] if packed
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
    frame = pack_zstd(bytes(64 * disk.MEGABYTE))
    path.write_bytes(frame * 3200)
    return path


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted(image, name, tmp_path, how):
    source, other = zeros(tmp_path / "zeros.raw.zst"), lab.new_name("next")
    p = subprocess.Popen([lab.STEAD, "create", name, source], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    lab.wait_for(lambda: left(f".#{name}.creating-"), 10, "the copy")
    p.send_signal(how)
    p.wait(20)
    if how == signal.SIGINT:
        assert left(name) == [] and b"nothing was changed" in p.stderr.read()
    try:
        def swept():
            stead("create", "-q", other, image)
            stead("remove", "--yes", other)
            return not left(name)
        lab.wait_for(swept, 20, "the clean-up by the next create")
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
