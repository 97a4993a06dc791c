# SPDX-License-Identifier: LGPL-2.1-or-later
"""stead create --build: mkosi, in the machine that builds and as the host's own.

The layer that builds is kept from run to run, outside the checkout, and so are the packages that mkosi fetches.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

import lab
from test_50_verbs import TREES, forget, stead

CACHE = pathlib.Path(os.environ.get("STEAD_TEST_TREES", "/var/cache/stead-test/trees")).parent / "mkosi"
MIRROR = os.environ.get("STEAD_TEST_MIRROR", "http://deb.debian.org/debian")
STORE = {"STEAD_STORE": str(CACHE / "store")}


def define(where, form, system="Distribution=custom", content=""):
    """A definition of mkosi's. Without a distribution nothing but busybox is in it."""
    (where / "mkosi.conf").write_text(f"[Distribution]\n{system}\n[Output]\nFormat={form}\n[Content]\nBootable=no\n{content}")
    if "custom" in system:
        shutil.copytree(lab.tree("busybox"), where / "mkosi.skeleton", symlinks=True)
        (where / "mkosi.skeleton/usr/lib").mkdir(parents=True, exist_ok=True)
        (where / "mkosi.skeleton/usr/lib/os-release").write_text("ID=test\n")
        (where / "mkosi.skeleton/etc/hostname").write_text("other\n")
    return where


DEBIAN = "Distribution=debian\nRelease=bookworm"
SYSTEM = """WithRecommends=no
Packages=systemd,systemd-sysv,dbus
"""


def define_debian(where):
    """Debian with systemd, from package sources of its own: mkosi's would include a suite of debug symbols."""
    sources = where / "mkosi.sandbox/etc/apt/sources.list.d"
    sources.mkdir(parents=True)
    (sources / "mkosi.sources").write_text(
        f"Types: deb\nURIs: {MIRROR}\nSuites: bookworm\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n")
    return define(where, "disk", DEBIAN, SYSTEM)


@pytest.fixture
def name():
    name = lab.new_name("mkosi")
    yield name
    forget(name)


def left(word):
    return [n for n in os.listdir(TREES) if word in n and not n.endswith(".lck")]


def build(name, where, **more):
    CACHE.mkdir(parents=True, exist_ok=True)
    return stead("create", name, f"--build={where}", f"--mirror=deb {MIRROR} trixie main", timeout=400, env=STORE, **more)


def test_directory_format(name, tmp_path):
    where = tmp_path / r"web:1\2"  # a path that a bind mount has to be told with care
    where.mkdir()
    p = build(name, define(where, "directory"))
    assert left(name) == [name]
    assert "Building default image" in p.stderr, "what mkosi says is shown"
    tree = TREES / name
    assert (tree / "etc/hostname").read_text() == name + "\n" and (tree / "etc/machine-id").read_text() == ""
    assert tree.stat().st_uid == 0 and tree.stat().st_mode & 0o777 == 0o755
    assert stead("run", name, "--", "/bin/busybox", "echo", "built").stdout == "built\n"


# a disk that several tests write to is slow to take a system file by file
IN_MEMORY = ("unshare", "-m", "--propagation", "private", "sh", "-ec",
             'mount --bind /var/lib/machines /mnt; mount -t tmpfs tmpfs /var/lib/machines; "$@"; cp --sparse=always /var/lib/machines/*.raw /mnt/', "sh")


def test_disk_format_boots(name, tmp_path):
    build(name, define_debian(tmp_path), prefix=IN_MEMORY)
    assert left(name) == [f"{name}.raw"]
    stead("start", "--timeout=60", name)
    out = stead("exec", name, "--", "sh", "-c", "hostname; cat /etc/machine-id; findmnt -no FSTYPE /; . /etc/os-release; echo $ID").stdout.split()
    assert out[0] == name and re.fullmatch("[0-9a-f]{32}", out[1]) and out[3] == "debian", out
    assert any(f.name.startswith("dbus_") for f in pathlib.Path("/var/cache/stead/mkosi").rglob("*.deb")), "packages are kept"
    assert not list((tmp_path).glob("mkosi.cache")), "DIR is only read"


def test_failure_and_next_command(name, tmp_path):
    (tmp_path / "mkosi.postinst").write_text("#!/bin/sh\necho postinst was here\nexit 3\n")
    (tmp_path / "mkosi.postinst").chmod(0o755)
    p = build(name, define(tmp_path, "directory"), status=1)
    end = p.stderr[p.stderr.rindex("stead: "):]
    assert "mkosi failed (status 3)" in end and "postinst was here" in end
    assert f"stead create {name} --build={tmp_path}" in end and left(name) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_build_leaves_nothing(name, tmp_path, how):
    where, other = define(tmp_path, "directory"), lab.new_name("next")
    (where / "mkosi.postinst").write_text("#!/bin/sh\nsleep 1000\n")
    (where / "mkosi.postinst").chmod(0o755)
    p = subprocess.Popen([lab.STEAD, "create", name, f"--build={where}"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                         env=lab.clean_environment(**STORE))
    builder = lab.MACHINES / f"mkosi-{p.pid}"
    lab.wait_for(builder.exists, 300, "the machine that builds")
    lab.wait_for(lambda: list(TREES.glob(f".#{name}.creating-*/work/*")), what="mkosi's workspace")
    p.send_signal(how)
    p.wait(lab.PATIENCE)
    if how == signal.SIGINT:
        assert "nothing was changed" in p.stderr.read().decode()
        assert left(name) == [] and not builder.exists()
    lab.wait_for(lambda: not builder.exists(), what="the end of the machine that builds")
    assert not lab.processes(f"mkosi-{p.pid}")
    try:
        stead("create", "-q", other, f"--from={lab.tree('busybox')}", "--force")
        assert left(name) == []
    finally:
        forget(other)


def test_killed_build_ends_though_mkosi_is_deaf(name, tmp_path):
    """A signal can be lost on mkosi. Here it is, always: this layer's mkosi ignores them."""
    store, source, layer = {"STEAD_STORE": str(tmp_path / "store")}, tmp_path / "source", tmp_path / "layer"
    source.mkdir()
    (source / "mkosi.conf").touch()
    shutil.copytree(lab.tree("busybox"), layer, symlinks=True)
    for place in ("usr/bin", "var/tmp", "srv", "mnt", "media"):
        (layer / place).mkdir(parents=True, exist_ok=True)
    mkosi = layer / "usr/bin/mkosi"
    mkosi.write_text("#!/bin/busybox sh\ntrap '' TERM HUP INT\n/bin/busybox touch /mnt/work/deaf\n/bin/busybox sleep 1000\n")
    mkosi.chmod(0o755)
    stead("layer", "import", "-q", "debian/13/mkosi", layer, env=store)
    p = subprocess.Popen([lab.STEAD, "create", "-q", name, f"--build={source}"], stdin=subprocess.DEVNULL, env=lab.clean_environment(**store))
    lab.wait_for(lambda: list(TREES.glob(f".#{name}.creating-*/work/deaf")), what="mkosi")
    p.kill()
    p.wait(lab.PATIENCE)
    lab.wait_for(lambda: not (lab.MACHINES / f"mkosi-{p.pid}").exists(), what="the end of the machine that builds")
    assert not lab.processes(f"mkosi-{p.pid}")


def fake(where, script, version="mkosi 25.3"):
    """A host's own mkosi."""
    (where / "bin").mkdir()
    path = where / "bin/mkosi"
    path.write_text(f'#!/bin/sh -e\nif [ "$1" = --version ]; then echo "{version}"; exit; fi\n'
                    'for word; do case $word in --output-directory=*) cd "${word#*=}";; esac; done\n' + script)
    path.chmod(0o755)
    (where / "mkosi.conf").touch()
    return {"PATH": f"{where}/bin:{lab.PATH}", "STEAD_STORE": str(where / "store")}


OUTPUTS = {
    "tar": "mkdir -p t/usr/bin; tar -C t -cf image.tar .; ln -s image.tar image",
    "tar.zst": "mkdir -p t/usr/bin; tar -C t --zstd -cf image.tar.zst .",
    "directory": "mkdir -p image/usr/bin image/etc; echo host > image/etc/hostname",
}


@pytest.mark.parametrize("form", OUTPUTS)
def test_trees_of_the_hosts_own_mkosi(name, tmp_path, form):
    stead("create", "-q", name, "--build", tmp_path, env=fake(tmp_path, OUTPUTS[form]))
    assert left(name) == [name] and (TREES / name / "usr/bin").is_dir()
    assert (TREES / name / "etc/hostname").read_text() == name + "\n"
    assert not (tmp_path / "store").exists(), "nothing was built to build with"


@pytest.mark.parametrize("packed", [False, True])
def test_disk_of_the_hosts_own_mkosi(name, tmp_path, packed):
    script = f"mkfs.ext4 -q -F -d {lab.tree('busybox')} image.raw 8m; ln -s image.raw image; echo hash > image.roothash"
    stead("create", "-q", name, "--build", tmp_path, env=fake(tmp_path, script + ("; zstd -q --rm image.raw" if packed else "")))
    made = TREES / f"{name}.raw"
    assert sorted(left(name)) == [made.name, f"{name}.roothash"]
    assert made.stat().st_size == 8 << 20 and made.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("script, words", [
    ("echo one; echo two >&2; exit 7", ["mkosi failed (status 7)", "one", "two", "then again: stead create"]),
    ("seq 1 30; printf end; exit 1", ["(status 1) on '", "'\n    22\n    23", "    30\n    end\n"]),
    ("echo 'mkfs: No space left on device'; exit 1", ["no space left", "df -h /var/lib/machines /var/cache/stead/mkosi"]),
    ("echo x > image.efi", ["can be no machine", "Format=directory"]),
    ("head -c 100000 /dev/urandom > image.raw", ["partition table"]),
    ("kill -9 $$", ["mkosi failed (status 137)"]),
    ("ln -s / image", ["can be no machine"]),
    ("ln -s /dev/zero image.raw", ["can be no machine"]),
])
def test_output_that_can_be_no_machine(name, tmp_path, script, words):
    p = stead("create", "-q", name, "--build", tmp_path, env=fake(tmp_path, script), status=1)
    assert all(w in p.stderr for w in words), p.stderr
    assert left(name) == []


def test_mistakes(name, tmp_path):
    assert "no mkosi.conf" in stead("create", name, "--build", tmp_path, status=1).stderr
    assert "Failed to open" in stead("create", name, "--build", tmp_path / "missing", status=1).stderr
    (tmp_path / "mkosi.conf").touch()
    for option in ("--init=runit", "--tree", "--from=x", "--keep-devices", "--force"):
        assert option.split("=")[0] in stead("create", name, "--build", tmp_path, option, status=2).stderr
    assert "is the source" in stead("create", name, "debian/12", "--build", tmp_path, status=2).stderr
    stead("create", "-q", name, f"--from={lab.tree('busybox')}", "--force")
    assert "There is a tree" in stead("create", name, "--build", tmp_path, status=1).stderr
