# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `layer show --tree` and `layer squash` say of sizes, beside du(1) on the checkouts."""
import json
import os
import shutil
import subprocess

import lab
import pytest
from layer_site import World, small_tree

BASE, APP, FLAT = "lab/sizes/base", "lab/sizes/app", "lab/sizes/flat"


def du(*where, size="--apparent-size"):
    """Bytes of the regular files at and below, each inode once. What is said of directories is the file system's affair."""
    files = subprocess.run(["find", *where, "-type", "f", "-print0"], check=True, capture_output=True).stdout
    if not files:
        return 0
    text = subprocess.run(["du", size, "--block-size=1", "--total", "--files0-from=-"], input=files, check=True, capture_output=True).stdout
    return int(text.decode(errors="surrogateescape").splitlines()[-1].split("\t")[0])


def files_below(where):
    return sum(len(files) + sum(os.path.islink(os.path.join(top, d)) for d in directories) for top, directories, files in os.walk(where))


def fill(where):
    """What could be counted twice, or not at all."""
    (where / "opt/a/deep/er").mkdir(parents=True)
    (where / "opt/b").mkdir()
    (where / "opt/a/one").write_bytes(b"x" * 10_000)
    os.link(where / "opt/a/one", where / "opt/a/two")
    os.link(where / "opt/a/one", where / "opt/b/three")  # the only content of b: counts in both, and once above
    os.link(where / "opt/a/one", where / "opt/a/deep/er/four")
    for name in ("same", "also-same", "owner", "group", "time", "attribute"):
        (where / "opt/b" / name).write_bytes(b"y" * 777)
        os.utime(where / "opt/b" / name, (1600000000, 1600000000))
    # of equal content, but not one file
    os.chown(where / "opt/b/owner", 7, 0)
    os.chown(where / "opt/b/group", 0, 7)
    os.utime(where / "opt/b/time", (1600000001, 1600000001))
    os.setxattr(where / "opt/b/attribute", "user.note", b"one")
    (where / "opt/a/empty").touch()
    (where / "opt/a/link").symlink_to("one" * 50)
    with open(where / "opt/a/deep/sparse", "wb") as f:
        f.truncate(5_000_000)
    os.mkfifo(where / "opt/a/fifo")


@pytest.fixture(scope="module")
def site():
    with lab.folder("sizes") as where:
        world = World(where)
        tree = where / "tree"
        tree.mkdir()
        fill(small_tree(tree))
        world.stead("layer", "import", "-q", BASE, tree)
        # the app: something new, something gone, something equal, the same file with another mode
        (tree / "opt/new").mkdir()
        (tree / "opt/new/own").write_bytes(b"z" * 123_456)
        shutil.copy2(tree / "usr/big", tree / "opt/new/big-again")
        (tree / "opt/b/same").chmod(0o600)
        (tree / "opt/a/deep/sparse").unlink()
        shutil.rmtree(tree / "usr/lib/d3")
        world.stead("layer", "import", "-q", APP, tree, f"--base={BASE}")
        world.stead("layer", "squash", FLAT, "=", BASE, APP)
        world.tree = tree
        # a machine's stack is of checkouts
        for name, layers in (("sizes-two", (BASE, APP)), ("sizes-flat", (FLAT,))):
            world.stead("create", "-q", name, *layers)
        yield world


def show(site, name, *words):
    return json.loads(site.stead("layer", "show", "--json", name, *words))


def checkout(site, name):
    return site.where / "to/checkouts" / show(site, name)["tree"]


@pytest.mark.parametrize("name", [BASE, APP, FLAT])
def test_every_directory_is_what_du_says(site, name):
    shown, where = show(site, name, "--tree", "--depth=50"), checkout(site, name)
    sizes = {d["path"]: d for d in shown["tree_sizes"]}
    directories = {"/" + str(p.relative_to(where)) if p != where else "/"
                   for p in [where, *where.rglob("*")] if p.is_dir() and not p.is_symlink()}
    assert set(sizes) == directories and len(directories) > (5 if name == APP else 20)
    assert {path: d["bytes"] for path, d in sizes.items()} == {path: du(where / path[1:]) for path in directories}
    assert sizes["/"]["bytes"] == shown["whole"] == shown["own"] + shown["shared"]
    # whiteouts of a checkout are no files of the layer's, and are not counted as such by either
    assert {path: d["files"] for path, d in sizes.items()} == {path: files_below(where / path[1:]) for path in directories}


def test_hard_links_and_equal_files(site):
    sizes = {d["path"]: d["bytes"] for d in show(site, BASE, "--tree")["tree_sizes"]}
    assert sizes["/opt/a"] == 10_000 + 5_000_000
    assert sizes["/opt/b"] == 10_000 + 5 * 777
    assert sizes["/opt"] == 10_000 + 5_000_000 + 5 * 777


def test_own_and_shared(site):
    """Own is what would go with the layer: what no other one has."""
    for name in (BASE, APP, FLAT):
        others = {p.stat().st_ino for other in (BASE, APP, FLAT) if other != name
                  for p in checkout(site, other).rglob("*") if p.is_file() and not p.is_symlink() and p.stat().st_size}
        where, shown = checkout(site, name), show(site, name, "--tree", "--depth=50")

        def own(top):
            found = {p.stat().st_ino: p.stat().st_size for p in top.rglob("*") if p.is_file() and not p.is_symlink()}
            return sum(size for inode, size in found.items() if inode not in others)
        for d in shown["tree_sizes"]:
            assert d["own"] == own(where / d["path"][1:]) and d["own"] + d["shared"] == d["bytes"], d
        assert shown["tree_sizes"][0]["own"] == shown["own"]
    # the flat one has all that app has, and of the base all but what app hides
    assert show(site, APP)["own"] == 0 and show(site, FLAT)["own"] == 0
    assert show(site, BASE)["own"] > 5_000_000


def describe(top):
    script = r"find . -printf '%P %y %m %U:%G %s %l\n' | grep -v '^[^ ]* d ' | LC_ALL=C sort; find . -type d -printf '%P %m %U:%G\n' | LC_ALL=C sort;" \
             r"find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum; find . -type f -printf '%P %T@\n' | sed 's/[.][0-9]*$//' | LC_ALL=C sort"
    return subprocess.run(["sh", "-c", script], cwd=top, check=True, capture_output=True).stdout


def test_squash_is_the_stack(site):
    """Its content is that of the layers on top of each other, as the kernel shows them, and its size that of the result."""
    base, app, flat = (checkout(site, name) for name in (BASE, APP, FLAT))
    with lab.folder() as place:
        script = 'mount -t overlay -o "lowerdir=$1:$2" overlay "$3"; shift 3; exec "$@"'
        merged = site.where / "merged"
        merged.mkdir()
        subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-ec", script, "sh", app, base, place,
                        "cp", "-a", f"{place}/.", merged], check=True)
        assert describe(merged) == describe(flat) == describe(site.tree)
    # the manifests: as if the tree had been imported whole
    site.stead("layer", "import", "-q", "lab/sizes/whole", site.tree)
    assert show(site, "lab/sizes/whole")["tree"] == show(site, FLAT)["tree"]
    assert show(site, FLAT)["whole"] == du(flat)
    # on disk it takes nothing: each of its files is one of the two layers'
    assert du(base, app, flat, size="-a") == du(base, app, size="-a") > 0


def test_squashed_versions_keep_the_last_content(site):
    """A..B is B."""
    for number in range(4):
        (site.tree / "opt/number").write_text(str(number))
        site.stead("layer", "import", "-q", "lab/sizes/versions", site.tree)
    last = show(site, "lab/sizes/versions")
    site.stead("layer", "squash", "lab/sizes/versions~3..lab/sizes/versions")
    now = show(site, "lab/sizes/versions")
    assert (now["tree"], now["whole"], now["parent"]) == (last["tree"], last["whole"], None)
    assert now["version"] != last["version"]


def test_table(site):
    head, *rows = site.stead("layer", "show", BASE, "--tree", "--depth=1").split("\n\n")[-1].splitlines()
    assert head.split() == ["SIZE", "OWN", "SHARED", "FILES", "DIRECTORY"]
    assert [row.split()[-1] for row in rows] == ["/", "/etc", "/opt", "/usr"]
