# SPDX-License-Identifier: LGPL-2.1-or-later
"""The base trees that mkosi builds inside a machine of ours are equal from build to build, and equal to what
`stead create` makes but for a short list."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from listing import differences, listing  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
STEAD = pathlib.Path(os.environ.get("STEAD_BUILD", TOP / "build")).resolve() / "src/cli/stead"

# Where `stead create` and mkosi may differ, and why.
ALLOWED = {
    r"(dev|run)/.*": "hidden in a machine",
    r".*/lock(-frontend)?": "empty, made on demand",
    r"etc/(hostname|hosts|machine-id|resolv\.conf)": "a machine's own",
    r"etc/shadow-?": "the day of the build",
    r"etc/shells": "the order of lines",
    r".*/partial": "whom apt runs as",
    r"var/lib/apt/extended_states": "mkosi keeps it outside",
    r"var/cache/debconf/config\.dat(-old)?": "which questions were shown",
}


@pytest.fixture(scope="module")
def work():
    if os.geteuid() != 0:
        pytest.exit("image tests boot machines and need root. Try: sudo tools/check --only images", 2)
    # on the disk of the cache, with which the builds share packages by links
    where = pathlib.Path(tempfile.mkdtemp(prefix="stead-image.", dir="/var/tmp"))
    yield where
    subprocess.run(["rm", "-rf", "--one-file-system", where], check=True)


@pytest.fixture(scope="module", params=["12", "13"])
def release(request):
    return request.param


@pytest.fixture(scope="module")
def built(work, release):
    """Two builds from scratch, at the same time, so that the archive is the same for both."""
    running = [subprocess.Popen([TOP / "tools/image", f"--into={work / release}.{word}", f"debian-{release}"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for word in ("one", "two")]
    for process in running:
        error = process.communicate()[1]
        assert process.returncode == 0, error
    return [work / f"{release}.{word}" for word in ("one", "two")]


@pytest.fixture(scope="module")
def created(release):
    """What `stead create` makes."""
    name = f"st{os.getpid()}-created"
    try:
        done = subprocess.run([STEAD, "create", "--tree", "--quiet", name, f"debian/{release}"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        yield pathlib.Path("/var/lib/machines", name)
    finally:
        subprocess.run([STEAD, "remove", "--yes", name], capture_output=True)


def packages(tree):
    done = subprocess.run(["dpkg-query", f"--admindir={tree}/var/lib/dpkg", "-W", "-f", "${Package} ${Version} ${Status}\n"],
                          check=True, capture_output=True, text=True)
    return sorted(done.stdout.splitlines())


def test_two_builds_are_equal(built):
    one, two = (listing(tree) for tree in built)
    assert len(one) > 5000
    assert not list(differences(one, two))


def test_nothing_is_newer_than_the_epoch(built):
    epoch = int(re.search(r"^SourceDateEpoch=(\d+)$", (TOP / "mkosi/mkosi.conf").read_text(), re.M)[1])
    newer = [path for path in built[0].rglob("*") if path.lstat().st_mtime > epoch]
    assert not newer


def test_packages_are_those_of_stead_create(built, created):
    assert packages(built[0]) == packages(created)


def test_tree_is_that_of_stead_create(built, created):
    found = [line for line in differences(listing(created, exact=False), listing(built[0], exact=False))
             if not any(re.fullmatch(pattern, line.split("\n")[0]) for pattern in ALLOWED)]
    assert not found, "\n".join(found)


def test_what_is_a_machines_own_is_not_in_it(built):
    tree = built[0]
    assert (tree / "etc/machine-id").read_text() == ""
    assert (tree / "etc/resolv.conf").read_text() == ""
    assert not (tree / "etc/hostname").exists()
    assert re.search(r"^root:\*:", (tree / "etc/shadow").read_text(), re.M)


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_host_has_our_package(suite):
    done = subprocess.run([TOP / "tools/image", f"host-{suite}-package"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    tree = done.stdout.split()[-1]

    def inside(script):
        ran = subprocess.run([STEAD, "run", "--quiet", "--console=pipe", "--read-only", tree, "--", "sh", "-c", script],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert ran.returncode == 0, ran.stdout
        return ran.stdout.strip()
    assert inside("dpkg -V stead") == ""
    assert inside("dpkg-query -W -f '${db:Status-Status}' stead") == "installed"
    version = inside("dpkg-query -W -f '${Version}' stead")
    assert version in inside("stead --version")
    assert version in inside("stead-launch --version")
    assert inside("systemctl --root=/ is-enabled stead@any.service || true") == "disabled"
