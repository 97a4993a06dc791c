# SPDX-License-Identifier: LGPL-2.1-or-later
"""The store of layers through the verbs of `stead layer`: what they print, what they refuse, what survives a
round trip of whole trees, and what a kill leaves.
"""
import fcntl
import hashlib
import json
import os
import random
import shutil
import stat
import subprocess
import tempfile
import time

import pytest

import lab
from layer_site import NAME, World


class Layers:
    """A store, a directory of states, and the verbs on them. Definitions are the host's: names of layers must be
    those of no other test."""

    def __init__(self, where):
        self.where = where
        self.store = where / "store"
        self.state = where / "state"
        self.env = lab.clean_environment(STEAD_STORE=str(self.store), STEAD_STATE=str(self.state), TZ="UTC")

    def start(self, *words, **more):
        return subprocess.Popen([lab.STEAD, *words], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **more)

    def __call__(self, *words, status=0):
        p = self.start("layer", *words)
        out, err = p.communicate(timeout=lab.PATIENCE)
        assert p.returncode == status, f"{words}: {p.returncode}, not {status}\n{out}{err}"
        return out if status == 0 else out + err

    def json(self, *words, status=0):
        p = self.start("layer", *words, "--json")
        out, err = p.communicate(timeout=lab.PATIENCE)
        assert p.returncode == status, f"{words}: {out}{err}"
        return json.loads(out)

    def one(self, name):
        return next(x for x in self.json("list") if x["name"] == name)

    def generation(self, machine, number, **layers):
        """Writes a generation as stack/generation.h has it, of the layers' newest versions."""
        folder = self.state / machine / "generations"
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f"layer {x['version']} {x['tree']} {name}" for name, x in layers.items()]
        (folder / str(number)).write_text("\n".join(["stead-generation 1", "time 1790000000", "reason test", *lines, ""]))
        (self.state / machine / "wanted").write_text(f"{number}\n")


@pytest.fixture
def here():
    import pathlib
    where = pathlib.Path(tempfile.mkdtemp(prefix="layers-", dir=lab.work))
    yield where
    shutil.rmtree(where)


@pytest.fixture
def layer(here):
    return Layers(here)


STANZA = "Package: {}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {}\n\n"


def write_tree(where, files, packages=None):
    if packages is not None:
        files = dict(files, **{"var/lib/dpkg/status": "".join(STANZA.format(*p) for p in packages)})
    for path, text in files.items():
        (where / path).parent.mkdir(parents=True, exist_ok=True)
        (where / path).write_text(text)
    for path in [where, *where.rglob("*")]:
        os.utime(path, (1700000000, 1700000000), follow_symlinks=False)
    return where


@pytest.fixture
def two(layer, here):
    """Two versions of a layer: what changed is all that a difference can be."""
    first = write_tree(here / "first", {"bin/tool": "one\n" * 1000, "etc/same": "same\n", "etc/gone": "gone\n",
                                        "etc/mode": "mode\n"}, [("openssl", "3.0.9-1"), ("zsh", "5.9")])
    second = write_tree(here / "second", {"bin/tool": "two\n" * 1000, "etc/same": "same\n", "etc/new": "new\n",
                                          "etc/mode": "mode\n"}, [("openssl", "3.0.11-1"), ("bash", "5.2")])
    os.chmod(second / "etc/mode", 0o600)
    layer("import", "-q", "lab/store/base", str(first), "-m", "the first one")
    layer("import", "-q", "lab/store/base", str(second), "-m", "the second one")
    return layer


# --- what they print -----------------------------------------------------------------------------

def test_nothing_yet(layer):
    assert "There are no layers here" in layer("list")
    assert layer.json("list") == []
    assert layer("list", "-q") == ""
    out = layer("show", "lab/store/base", status=1)
    assert "There is no layer 'lab/store/base'" in out and "Try:" in out


def test_list(two, here):
    two("import", "-q", "site/other", str(write_tree(here / "other", {"bin/tool": "two\n" * 1000, "x": "own\n"})))
    base, other = two.one("lab/store/base"), two.one("site/other")
    assert base["kind"] == "base" and len(base["version"]) == 64 and base["users"] == []
    assert base["message"] == "the second one"
    for x in (base, other):
        assert x["own"] + x["shared"] == x["whole"]
    assert other["own"] == 4 and other["shared"] == 4000
    assert base["shared"] == 4000
    assert two("list", "-q").split() == ["lab/store/base", "site/other"]
    assert two("list", "-q", "site/*").split() == ["site/other"]
    head, row = two("list", "site/*").splitlines()
    assert head.split() == ["NAME", "KIND", "VERSION", "TIME", "OWN", "SHARED", "WHOLE", "USED", "BY"]
    assert row.split()[0] == "site/other" and other["version"].startswith(row.split()[2])


def test_show(two):
    x = two.json("show", "lab/store/base", "--tree", "--depth=1")
    assert x["newest"] and x["here"] and not x["checkout"]
    assert x["files"] == 5 and x["directories"] == 6
    sizes = {d["path"]: d["bytes"] for d in x["tree_sizes"]}
    assert sizes["/bin"] == 4000 and sizes["/"] == x["whole"] and "/var/lib" not in sizes
    text = two("show", "lab/store/base~1")
    assert "(not the newest)" in text and "Message: the first one" in text
    before = two.json("show", f"lab/store/base@{x['parent'][:8]}")
    assert before["version"] == x["parent"] and not before["newest"]
    assert "takes at least 8 digits" in two("show", "lab/store/base@12", status=1)


def test_log(two):
    log = two.json("log", "lab/store/base")
    assert [x["message"] for x in log] == ["the second one", "the first one"]
    assert [x["state"] for x in log] == ["here", "here"]
    assert len(two.json("log", "lab/store/base", "-n", "1")) == 1
    two("gc", "-q", "--keep=1")
    assert [x["state"] for x in two.json("log", "lab/store/base")] == ["here", "gone"]
    out = two("diff", "lab/store/base", status=2)
    assert "stead layer log lab/store/base" in out


def test_diff(two):
    d = two.json("diff", "lab/store/base", status=1)
    assert {(p["name"], p["change"], p["before"], p["after"]) for p in d["packages"]} == {
        ("bash", "added", None, "5.2"), ("openssl", "upgraded", "3.0.9-1", "3.0.11-1"), ("zsh", "removed", "5.9", None)}
    files = {f["path"]: f["change"] for f in d["files"]}
    assert files == {"/bin/tool": "content", "/etc/gone": "removed", "/etc/new": "added", "/etc/mode": "attributes",
                     "/var/lib/dpkg/status": "content"}
    text = two("diff", "lab/store/base~1", "lab/store/base", status=1)
    assert "openssl 3.0.9-1 -> 3.0.11-1" in text and "- /etc/gone" in text and "1 added, 1 removed, 3 changed" in text
    assert "/etc/gone" not in two("diff", "-p", "lab/store/base", status=1)
    assert two.json("diff", "lab/store/base", "lab/store/base")["files"] == []
    # a time alone is no difference unless it is asked for
    os.utime(two.where / "second/etc/same", (1, 1))
    two("import", "-q", "lab/store/base", str(two.where / "second"))
    assert two.json("diff", "lab/store/base")["files"] == []
    assert [f["change"] for f in two.json("diff", "-a", "lab/store/base", status=1)["files"]] == ["time"]


def test_tag(two):
    two("tag", "lab/store/base~1", "old/base")
    first = two.json("log", "lab/store/base")[1]["version"]
    assert two.one("old/base")["version"] == first
    out = two("tag", "lab/store/base", "old/base", status=1)
    assert "There is a layer 'old/base' already" in out and "--force" in out
    two("tag", "--force", "lab/store/base", "old/base")
    assert two.one("old/base")["version"] == two.one("lab/store/base")["version"]
    assert "is no name of a layer" in two("tag", "lab/store/base", "../x", status=1)


def test_progress_as_events(two):
    p = two.start("layer", "fsck", "--json")
    out, err = p.communicate(timeout=lab.PATIENCE)
    assert json.loads(out) == {"defects": [], "left": 0}
    events = [json.loads(line) for line in err.splitlines()]
    checked = next(e for e in events if e["stage"] == "Checking" and e["event"] == "stage")
    assert checked["bytes"] == checked["total_bytes"] > 0


def test_completion_of_names(two):
    script = (f'set -- stead layer show l; PATH={lab.STEAD.parent}:$PATH; '
              f'. {lab.BUILD}/src/cli/completion/stead; COMP_WORDS=("$@"); COMP_CWORD=3; _stead; '
              'echo "${COMPREPLY[@]}"; COMP_WORDS=(stead layer f); COMP_CWORD=2; _stead; echo "${COMPREPLY[@]}"')
    p = subprocess.run(["bash", "-c", script], env=two.env | {"PATH": lab.PATH}, capture_output=True, text=True)
    assert p.stdout.split() == ["lab/store/base", "fsck"], p.stderr


# --- machines that use layers --------------------------------------------------------------------

def test_used_layers_stay(two):
    second = two.one("lab/store/base")
    two.generation("weba", 1, **{"lab/store/base": second})
    two.generation("weba", 2, **{"site/x@01234567": second})
    assert two.one("lab/store/base")["users"] == []  # of a generation before
    out = two("remove", "lab/store/base", status=1)
    assert "is used by weba" in out and "stead history weba" in out
    two.generation("weba", 3, **{"lab/store/base@" + second["version"][:8]: second})
    assert two.one("lab/store/base")["users"] == ["weba"]
    assert two.json("log", "lab/store/base")[0]["users"] == ["weba"]
    assert two("remove", "--dry-run", "--force", "lab/store/base") == "lab/store/base\n"
    two("remove", "--force", "lab/store/base")
    assert two.json("list") == []
    # the name is gone, what the machine has is not
    assert two.json("gc", "--keep=1")["trees"] == 1
    assert (two.store / "trees" / second["tree"]).exists()
    assert two.json("fsck")["left"] == 0
    shutil.rmtree(two.state)
    assert two.json("gc")["trees"] == 1
    assert list(two.store.glob("objects/*/*")) == []


def test_missing_generation_is_a_defect(two):
    second = two.one("lab/store/base")
    two.generation("webb", 1, **{"lab/store/base": dict(second, tree="0" * 64)})
    d = two.json("fsck", status=1)["defects"]
    assert len(d) == 1 and "Machine 'webb'" in d[0]["defect"] and "generation 1" in d[0]["defect"]


def test_unreadable_generations_stop_a_collection(two):
    two.generation("webc", 1, **{"lab/store/base": two.one("lab/store/base")})
    (two.state / "webc/generations/1").write_text("nonsense\n")
    before = sorted(two.store.glob("objects/*/*"))
    assert "Machine 'webc'" in two("gc", "--keep=1", status=1)
    assert sorted(two.store.glob("objects/*/*")) == before


def fails_at(n, fault, trace):
    """A command in front of another one: the n-th of these calls fails in that."""
    return ["strace", "-f", "-o", str(trace), "-e", f"trace={fault.split(':')[0]}", "-e", f"inject={fault}:when={n}"]


@pytest.mark.parametrize("fault", ["getdents64:error=EIO", "openat:error=EMFILE"])
def test_directories_that_cannot_be_read_stop_a_collection(two, fault):
    """What was not seen to be needed must not be taken for garbage. Afterwards nothing that is needed is gone."""
    first = two.json("log", "lab/store/base")[1]
    two.generation("webd", 1, **{"lab/store/base": first})
    two("tag", "lab/store/base", "other")
    before = sorted(two.store.glob("objects/*/*")) + sorted(two.store.glob("trees/*"))
    for n in range(1, 50):
        p = subprocess.run([*fails_at(n, fault, two.where / "trace"), lab.STEAD, "layer", "gc", "-q", "--keep=1"],
                           env=two.env, capture_output=True, text=True)
        assert sorted(two.store.glob("objects/*/*")) + sorted(two.store.glob("trees/*")) == before, f"{n}: {p.stdout}"
        if "(INJECTED)" not in (two.where / "trace").read_text():
            break
    assert n > 5 and two.json("fsck") == {"defects": [], "left": 0}


def test_directory_that_cannot_be_read_is_not_imported_in_part(layer, here):
    tree = write_tree(here / "tree", {f"d{i}/f": f"{i}\n" for i in range(3)})
    for n in range(1, 20):
        p = subprocess.run([*fails_at(n, "getdents64:error=EIO", here / "trace"), lab.STEAD, "layer", "import", "-q",
                            "lab/store/part", str(tree)], env=layer.env, capture_output=True, text=True)
        if p.returncode == 0:
            assert layer.json("show", "lab/store/part")["files"] == 3
        if "(INJECTED)" not in (here / "trace").read_text():
            break
    assert n > 3 and p.returncode == 0


def test_prune_removes_nothing_that_it_did_not_see(here):
    world = World(here)
    world.key()
    for name in ("site/a", "site/b/c"):
        world.add(write_tree(here / name, {"f": name}), name)
        world.stead("publish", world.site, name, "--key=site", store="from")
    before = sorted(world.site.rglob("*"))
    for n in range(1, 30):
        world.call("publish", world.site, "site/a", "--key=site", "--prune", store="from",
                   prefix=fails_at(n, "getdents64:error=EIO", here / "trace"))
        assert [p for p in before if not p.exists()] == [], n
        if "(INJECTED)" not in (here / "trace").read_text():
            break
    assert n > 3



# --- locks ---------------------------------------------------------------------------------------

def test_collection_waits_for_nobody(two):
    with open(two.store / "lock") as f:
        fcntl.flock(f, fcntl.LOCK_SH)
        assert "Something is being added" in two("gc", status=1)
        assert two.json("list")  # looking needs no lock


def test_addition_waits_for_a_collection(two, here):
    write_tree(here / "third", {"a": "b\n"})
    with open(two.store / "lock") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        p = two.start("layer", "import", "-q", "x", str(here / "third"))
        time.sleep(0.3)
        assert p.poll() is None
    p.communicate(timeout=lab.PATIENCE)
    assert p.returncode == 0 and two.one("x")


# --- damage --------------------------------------------------------------------------------------

def object_of(layer, text):
    return next(p for p in layer.store.glob("objects/*/*") if p.is_file() and p.read_text() == text)


def test_repair(two, here):
    path = object_of(two, "two\n" * 1000)
    s = path.stat()
    with open(path, "r+") as f:
        f.seek(100)
        f.write("X")
    os.utime(path, ns=(s.st_atime_ns, s.st_mtime_ns))
    out = two("fsck", status=1)
    assert "'/bin/tool' of lab/store/base, is damaged: its content has changed" in out
    assert "stead layer fsck --repair" in out
    x = two.json("fsck", "--repair", status=1)
    assert [d["repaired"] for d in x["defects"]] == [True, False] and x["left"] == 1
    assert list((two.store / "damaged").iterdir())
    two("import", "-q", "lab/store/base", str(here / "second"))
    assert "is sound" in two("fsck")
    two("gc", "-q")
    assert not (two.store / "damaged").exists()


def test_repair_of_attributes(two):
    path = object_of(two, "same\n")
    os.chown(path, 33, 33)
    os.chmod(path, 0o4755)
    assert "its mode is 4755, not 0644" in two("fsck", status=1)
    x = two.json("fsck", "--repair")
    assert [d["repaired"] for d in x["defects"]] == [True]
    s = path.stat()
    assert (s.st_uid, stat.S_IMODE(s.st_mode), int(s.st_mtime)) == (0, 0o644, 1700000000)
    assert two.json("fsck") == {"defects": [], "left": 0}


@pytest.mark.parametrize("what", ["commits", "trees"])
def test_a_pull_brings_back_what_was_set_aside(here, what):
    world = World(here)
    world.key()
    world.remote(f"file://{world.site}")
    world.add(write_tree(here / "tree", {"f": "f\n"}))
    world.publish()
    world.pull()
    text = next((here / "to" / what).iterdir())
    text.write_text("damaged\n")
    assert "stead layer fsck --repair" in world.fails("pull", NAME)
    done = world.call("layer", "fsck", "--repair")
    assert done.returncode == 1 and "is missing" in done.stdout, "what it has taken out is not there"
    assert world.pull()["outcome"] == "repaired"
    world.same()
    (here / "to/refs" / f"{NAME}.ref").write_text("damaged\n")
    assert "stead layer fsck --repair" in world.fails("pull", NAME)
    world.call("layer", "fsck", "--repair")
    world.pull()
    world.same()


# --- whole trees ---------------------------------------------------------------------------------

def inventory(top):
    """Everything about a tree that a layer has to keep; times in whole seconds."""
    found, first = {}, {}
    for folder, names, files in os.walk(top):
        names.sort()
        for name in [None, *sorted(files + [n for n in names if os.path.islink(os.path.join(folder, n))])]:
            path = os.path.join(folder, name) if name else folder
            s = os.lstat(path)
            kind = stat.S_IFMT(s.st_mode)
            what = None
            if kind == stat.S_IFREG:
                with open(path, "rb") as f:
                    what = hashlib.sha1(f.read()).hexdigest()
            elif kind == stat.S_IFLNK:
                what = os.readlink(path)
            elif kind in (stat.S_IFCHR, stat.S_IFBLK):
                what = s.st_rdev
            elif kind == stat.S_IFSOCK:
                continue
            attributes = {n: os.getxattr(path, n, follow_symlinks=False) for n in os.listxattr(path, follow_symlinks=False)}
            relative = os.path.relpath(path, top)
            same = first.setdefault((s.st_dev, s.st_ino), relative)
            found[relative] = (kind, stat.S_IMODE(s.st_mode) if kind != stat.S_IFLNK else 0, s.st_uid, s.st_gid,
                               int(s.st_mtime), what, same if kind != stat.S_IFDIR else None, attributes)
    return found


@pytest.mark.parametrize("name", lab.DEBIANS)
def test_round_trip(layer, here, name):
    """Owners, modes, times, links, attributes and devices of a real tree, and some that are seldom."""
    tree = lab.copy_tree(name, here / "tree")
    torture = tree / "torture"
    (torture / "empty").mkdir(parents=True)
    for odd in (b"tab\tand\nnewline", b"back\\slash", b"\xff\xfe not utf-8", b"-dash", b" "):
        with open(os.path.join(os.fsencode(torture), odd), "w") as f:
            f.write("odd")
    os.link(torture / "-dash", torture / "other-dash")
    os.symlink("nowhere/at all", torture / "link with words")
    os.mkfifo(torture / "fifo", 0o622)
    os.mknod(torture / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    (torture / "set").write_text("x")
    os.chown(torture / "set", 12345, 54321)
    os.chmod(torture / "set", 0o6711)
    os.setxattr(torture / "set", "user.note", b"\0binary\xff")
    os.setxattr(torture / "set", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
    os.setxattr(torture, "system.posix_acl_default",
                bytes.fromhex("0200000001000700ffffffff020005000a00000004000500ffffffff10000700ffffffff20000000ffffffff"))
    os.chmod(torture / "empty", 0o1777)
    os.utime(torture / "empty", (-1, -1))
    layer("import", "-q", "--keep-state", "a/tree", str(tree))
    layer("export", "-q", "a/tree", str(here / "out") + "/")
    before, after = inventory(tree), inventory(here / "out")
    assert before.keys() == after.keys()
    differ = {k: (before[k], after[k]) for k in before if before[k] != after[k]}
    assert not differ, list(differ.items())[:5]
    assert layer.json("fsck") == {"defects": [], "left": 0}
    # a second import of what came out is the same tree
    tree_id = layer.one("a/tree")["tree"]
    layer("import", "-q", "--keep-state", "b/tree", str(here / "out"))
    assert layer.one("b/tree")["tree"] == tree_id
    assert layer.one("b/tree")["own"] == 0


# --- kills ---------------------------------------------------------------------------------------

def test_killed_at_any_moment(layer, here):
    """Imports, collections and repairs that are killed: the store is sound, and the last version is whole."""
    rng = random.Random(5)
    tree = write_tree(here / "tree", {f"d{i % 20}/f{i}": f"{i}\n" * 200 for i in range(600)})
    layer("import", "-q", "x", str(tree))
    for round in range(24):
        for i in rng.sample(range(600), 60):
            (tree / f"d{i % 20}/f{i}").write_text(f"{round} {i}\n" * 200)
        verb = [("import", "-q", "x", str(tree)), ("gc", "-q", "--keep=1"), ("fsck", "-q", "--repair")][round % 3]
        p = layer.start("layer", *verb)
        time.sleep(rng.random() * 0.08)
        p.kill()
        p.communicate()
        assert layer.json("fsck") == {"defects": [], "left": 0}, f"round {round}: {verb}"
    layer("import", "-q", "x", str(tree))
    layer("gc", "-q", "--keep=1")
    layer("export", "-q", "x", str(here / "out") + "/")
    assert inventory(here / "out") == inventory(tree)
    assert layer.json("gc", "--keep=1")["objects"] == 0


def test_what_could_not_be_written_is_not_believed_later(layer, here):
    """The kernel tells of a failed write once; the next import would find the objects in the stage."""
    tree = write_tree(here / "tree", {"f": "f\n"})
    p = subprocess.run([*fails_at(1, "syncfs:error=EIO", here / "trace"), lab.STEAD, "layer", "import", "-q", "x",
                        str(tree)], env=layer.env, capture_output=True, text=True)
    assert p.returncode == 1 and "Failed to sync" in p.stderr
    assert list(layer.store.glob("stage/*/*")) == [] and layer.json("list") == []
    layer("import", "-q", "x", str(tree))
    assert layer.json("fsck")["left"] == 0


# --- names that somebody else chose --------------------------------------------------------------

def test_hostile_names(layer, here):
    """Paths that are no UTF-8, or that would tell the terminal something."""
    tree = write_tree(here / "tree", {"a": "a\n"})
    layer("import", "-q", "x", str(tree))
    for name in (b"\xff\xfe", b"esc\x1b[2J", b"new\nline"):
        with open(os.path.join(os.fsencode(tree), name), "w") as f:
            f.write("x")
    layer("import", "-q", "x", str(tree), "-m", "one\n\x1b[31mtwo")
    out = layer("diff", "x", status=1)
    assert "\\377\\376" in out and "esc\\033[2J" in out and "new\\012line" in out and "\x1b" not in out
    assert len(layer.json("diff", "x", status=1)["files"]) == 3
    assert "\x1b" not in layer("log", "x") + layer("show", "x") + layer("list")
    assert layer.json("log", "x")[0]["message"] == "one\n\x1b[31mtwo"
    path = next(p for p in layer.store.glob("objects/*/*") if p.is_file() and p.read_text() == "x")
    path.chmod(0o666)
    out = layer("fsck", status=1)
    assert "\x1b" not in out and "its mode is 0666" in out


def test_check_beside_additions(layer, here):
    """What comes while the store is looked at is no defect."""
    trees = [write_tree(here / f"t{n}", {f"{n}/f{i}": f"{n} {i}\n" * 50 for i in range(300)}) for n in range(6)]
    layer("import", "-q", "first", str(trees[0]))
    adders = [layer.start("layer", "import", "-q", f"l{n}", str(trees[n])) for n in range(1, 6)]
    while any(p.poll() is None for p in adders):
        assert layer.json("fsck") == {"defects": [], "left": 0}
    for p in adders:
        assert p.wait() == 0, p.communicate()
    assert layer.json("fsck") == {"defects": [], "left": 0}
    assert len(layer.json("list")) == 6
