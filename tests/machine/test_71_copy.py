# SPDX-License-Identifier: LGPL-2.1-or-later
"""stead cp: between the host and machines that run, and what a hostile one can do about it."""
import os
import pathlib
import signal
import stat
import subprocess

import pytest

import lab
import rich_tree
from test_50_verbs import forget, show, stead

TEMPORARY = ".#stead-cp-"


@pytest.fixture(scope="module")
def pair():
    """Two machines with user namespaces of their own."""
    names = [lab.new_name(word) for word in ("from", "to")]
    for name in names:
        stead("create", "-q", name, f"--from={lab.tree('bookworm')}")
    stead("start", *names)
    yield names
    for name in names:
        forget(name)


@pytest.fixture
def live(pair):
    yield pair[0]
    sh(pair[0], "rm -rf /srv/*")


@pytest.fixture
def here():
    with lab.folder("copy") as d:
        yield d


@pytest.fixture(scope="module")
def rich():
    with lab.folder("rich") as d:
        yield rich_tree.make(d / "tree")


def sh(name, script, status=0):
    return stead("exec", name, "--", "sh", "-c", f"exec 2>&1; {script}", status=status).stdout.rstrip("\n")


def root(name):
    return pathlib.Path(f"/proc/{show(name, 'Leader')}/root")


def base(name):
    return int(pathlib.Path(f"/proc/{show(name, 'Leader')}/uid_map").read_text().split()[1])


def without(described, *names, trusted=False):
    """What is left when these entries, and attributes that only the host may set, stay away."""
    return {path: {**one, "attributes": {k: v for k, v in one["attributes"].items() if trusted or not k.startswith("trusted.")}}
            for path, one in described.items() if path not in names}


def leftovers(*folders):
    return [str(p) for d in folders for p in pathlib.Path(d).rglob(TEMPORARY + "*")]


def same(found, expected):
    different = {k: (found.get(k), expected.get(k)) for k in found.keys() | expected.keys() if found.get(k) != expected.get(k)}
    assert not different, "\n".join(f"{k}: {str(a)[:400]}\n   not {str(b)[:400]}" for k, (a, b) in different.items())


# --- everything is kept --------------------------------------------------------------------------

def test_cp_keeps_everything_both_ways(pair, live, here, rich):
    """Owners, modes, times, links, holes, ACLs, attributes, capabilities: host, machine, other machine, host."""
    other = pair[1]
    expected = without(rich_tree.describe(rich), "char", "block")
    p = stead("cp", rich, f"{live}:/srv/tree")
    assert "device nodes are left out" in p.stderr and "and 1 more" in p.stderr
    assert "attributes" in p.stderr, "trusted.note is for the host alone"
    same(rich_tree.describe(root(live) / "srv/tree", rich_tree.shift(base(live))), expected)

    assert stead("cp", f"{live}:/srv/tree", f"{other}:/srv").stderr == ""
    same(rich_tree.describe(root(other) / "srv/tree", rich_tree.shift(base(other))), expected)

    assert stead("cp", f"{other}:/srv/tree", here / "back").stderr == ""
    same(rich_tree.describe(here / "back"), expected)
    assert not leftovers(here)
    sh(other, "rm -rf /srv/tree")
    assert sh(live, "getcap /srv/tree/ping 2>/dev/null || true") in ("", "/srv/tree/ping cap_net_raw=ep")


def test_cp_into_a_machine_without_user_namespace(here, rich):
    tree = lab.copy_tree("bookworm")
    try:
        with lab.Machine(tree, userns=False) as m:
            stead("cp", "--devices", rich, f"{m.name}:/srv/tree")
            same(rich_tree.describe(tree / "srv/tree"), without(rich_tree.describe(rich), trusted=True))
            stead("cp", "--devices", f"{m.name}:/srv/tree", here / "back")
            same(rich_tree.describe(here / "back"), without(rich_tree.describe(rich), trusted=True))
    finally:
        lab.remove_tree(tree)


@pytest.mark.parametrize("tree", ["busybox", "static"])
def test_cp_needs_nothing_inside(here, own_tree, tree):
    (here / "file").write_text("x")
    with lab.Machine(own_tree(tree)) as m:
        stead("cp", here / "file", f"{m.name}:/run/file")
        assert (pathlib.Path(f"/proc/{m.leader}/root/run/file")).read_text() == "x"
        stead("cp", f"{m.name}:/run/file", here / "again")
        assert (here / "again").read_text() == "x"


def test_a_new_tree_from_another_keeps_everything(here, rich):
    """create --from is the same copy, with devices and what only the host may set."""
    tree = lab.copy_tree("busybox")
    name = lab.new_name("copy")
    try:
        subprocess.run(["cp", "-a", rich, tree / "rich"], check=True)
        stead("create", "-q", name, f"--from={tree}")
        same(rich_tree.describe(f"/var/lib/machines/{name}/rich"), rich_tree.describe(tree / "rich"))
    finally:
        forget(name)
        lab.remove_tree(tree)


def test_cp_unknown_owners_become_nobody(live, here):
    (here / "far").write_text("x")
    os.chown(here / "far", 70000, 80000)
    p = stead("cp", here / "far", f"{live}:/srv/")
    assert sh(live, "stat -c %u:%g /srv/far") == "65534:65534" and "nobody" in p.stderr and "far" in p.stderr
    # files of the host in a machine: strangers there
    (here / "shared").mkdir()
    (here / "shared/one").write_text("x")
    (here / "shared/two").write_text("x")
    here.chmod(0o755)
    stead("bind", "--mkdir", live, here / "shared", "/srv/shared")
    p = stead("cp", f"{live}:/srv/shared", here / "out")
    assert (here / "out/one").stat().st_uid == 65534 and "and 1 more" in p.stderr and "nobody" in p.stderr
    stead("unbind", live, "/srv/shared")


def test_cp_owner_and_mode(live, here):
    (here / "script").write_text("#!/bin/sh\n")
    (here / "script").chmod(0o600)
    stead("cp", "--owner=www-data", "--mode=0751", here / "script", f"{live}:/srv/a")
    stead("cp", "-o", "www-data:adm", here / "script", f"{live}:/srv/b")
    stead("cp", "-o", ":4", "-m", "4755", here / "script", f"{live}:/srv/c")
    assert sh(live, "stat -c %u:%g:%a /srv/a /srv/b /srv/c").split() == ["33:33:751", "33:4:600", "0:4:4755"]
    stead("cp", "-o", "nobody", f"{live}:/etc/hostname", here / "out")
    assert (here / "out").stat().st_uid == 65534
    (here / "tree/sub").mkdir(parents=True)
    (here / "tree/sub/file").write_text("x")
    stead("cp", "-o", "33:44", here / "tree", f"{live}:/srv/")
    assert set(sh(live, "find /srv/tree -printf '%U:%G '").split()) == {"33:44"}
    for option, status, text in [("--owner=nosuch", 1, "no user 'nosuch'"), ("--owner=0:nosuch", 1, "no group 'nosuch'"),
                                 ("--owner=70000", 1, "from 0 to 65535"), ("--owner=:", 2, "USER:GROUP"),
                                 ("--mode=rw", 2, "'rw' is no mode"), ("--mode=77777", 2, "is no mode")]:
        assert text in stead("cp", option, here / "script", f"{live}:/srv/d", status=status).stderr


# --- where things go -----------------------------------------------------------------------------

@pytest.mark.parametrize("source, target, status, result", [
    ("file", "/srv/new", 0, "/srv/new=file"),
    ("file", "/srv/there", 0, "/srv/there/file=file"),
    ("file", "/srv/there/", 0, "/srv/there/file=file"),
    ("file", "/srv/there/.", 0, "/srv/there/file=file"),
    ("file", "/srv/old", 0, "/srv/old=file"),
    ("file", "/srv/link", 0, "/srv/old=file"),  # written where the link leads, as cp does
    ("file", "/srv/new/", 1, None),
    ("file", "/srv/old/", 1, None),
    ("file", "/srv/no/such", 1, None),
    ("file", "srv/new", 0, "/srv/new=file"),
    ("file", "", 0, "/file=file"),
    ("dir", "/srv/new", 0, "/srv/new/in=in"),
    ("dir/", "/srv/new", 0, "/srv/new/in=in"),
    ("dir", "/srv/new/", 0, "/srv/new/in=in"),
    ("dir", "/srv/there", 0, "/srv/there/dir/in=in"),
    ("dir/", "/srv/there", 0, "/srv/there/dir/in=in"),
    ("dir/.", "/srv/there", 0, "/srv/there/in=in"),
    ("dir/.", "/srv/new", 0, "/srv/new/in=in"),
    ("dir", "/srv/old", 1, None),
    ("dir/.", "/srv/old", 1, None),
    ("link", "/srv/new", 0, None),
    ("link/", "/srv/new", 0, "/srv/new/in=in"),
    ("none", "/srv/new", 1, None),
])
def test_cp_names(live, here, source, target, status, result):
    (here / "file").write_text("file")
    (here / "dir").mkdir()
    (here / "dir/in").write_text("in")
    (here / "link").symlink_to("dir")
    sh(live, "mkdir /srv/there; echo old >/srv/old; ln -s old /srv/link; rm -f /file")
    before = sh(live, "cd /srv; find . -type f -exec head -v {} + ; find . -ls | awk '{print $3,$11,$13}'")
    p = stead("cp", source, f"{live}:{target}", cwd=here, status=status)
    if status:
        assert p.stderr.startswith("stead: ") and target.rstrip("/") in p.stderr or source in p.stderr, p.stderr
        assert sh(live, "cd /srv; find . -type f -exec head -v {} + ; find . -ls | awk '{print $3,$11,$13}'") == before
    elif result:
        path, content = result.split("=")
        assert sh(live, f"cat {path}") == content
    else:
        assert sh(live, "readlink /srv/new") == "dir"
    assert sh(live, f"find / -xdev -name '{TEMPORARY}*'") == ""


def test_cp_several_need_a_directory(live, here):
    for name in ("a", "b"):
        (here / name).write_text(name)
    stead("cp", here / "a", here / "b", f"{live}:/srv")
    assert sh(live, "cat /srv/a /srv/b") == "ab"
    p = stead("cp", here / "a", here / "b", f"{live}:/srv/new", status=1)
    assert "There is no directory" in p.stderr and sh(live, "ls /srv/new", status=2)
    stead("cp", f"{live}:/srv/a", f"{live}:/etc/hostname", here)
    assert (here / "hostname").read_text() == f"{live}\n"


def test_cp_fills_directories_and_leaves_them_what_they_are(live, here):
    (here / "tree/dir").mkdir(parents=True)
    (here / "tree/dir/new").write_text("new")
    (here / "tree/dir/old").write_text("changed")
    (here / "tree").chmod(0o700)
    os.chown(here / "tree", 1000, 1000)
    sh(live, "mkdir -p /srv/tree/dir; chmod 751 /srv/tree; chown 33:33 /srv/tree; echo old >/srv/tree/dir/old; "
             "echo keep >/srv/tree/dir/keep; ln /srv/tree/dir/old /srv/other-name")
    stead("cp", here / "tree", f"{live}:/srv")
    assert sh(live, "stat -c %u:%a /srv/tree; cd /srv/tree/dir; cat new old keep ../../other-name").split() == \
        ["33:751", "newchangedkeep", "old"], "a file is replaced, not written into"


def test_cp_does_not_replace_one_kind_by_another(live, here):
    (here / "tree/a").mkdir(parents=True)
    (here / "tree/a/x").write_text("x")
    (here / "tree/b").write_text("b")
    (here / "tree/c").write_text("c")
    sh(live, "mkdir -p /srv/tree/b; echo a >/srv/tree/a; echo in >/srv/tree/b/in")
    p = stead("cp", here / "tree", f"{live}:/srv", status=1)
    assert "/srv/tree/a': Not a directory" in p.stderr and "/srv/tree/b': Is a directory" in p.stderr
    assert sh(live, "cat /srv/tree/a /srv/tree/b/in /srv/tree/c") == "a\nin\nc", "the rest is copied"


def test_cp_into_itself_ends(live):
    sh(live, "mkdir -p /srv/d/sub; echo x >/srv/d/file")
    stead("cp", f"{live}:/srv/d", f"{live}:/srv/d/sub")
    assert sh(live, "cd /srv/d; find . | sort") == "\n".join(
        [".", "./file", "./sub", "./sub/d", "./sub/d/file", "./sub/d/sub"])
    stead("cp", f"{live}:/srv/d/file", f"{live}:/srv/d/file")
    assert sh(live, "cat /srv/d/file") == "x"


@pytest.mark.parametrize("words, text", [
    (["/etc/hostname", "/tmp/x"], "cp -a /etc/hostname /tmp/x"),
    (["./no:machine", "/tmp/x"], "Neither './no:machine'"),
    (["", "NAME:/x"], "empty word"),
    (["-", "NAME:/x"], "tar c FILES"),
    (["NAME:/x"], "needs SRC... DST"),
])
def test_cp_usage(live, words, text):
    assert text in stead("cp", *[w.replace("NAME", live) for w in words], status=2).stderr


def test_cp_says_what_is_wrong(live, here):
    assert "There is no machine 'nosuch'" in stead("cp", "/etc/hostname", "nosuch:/x", status=1).stderr
    assert "Cannot copy" in stead("cp", f"{live}:/no/such", here, status=1).stderr
    (here / "a:b").write_text("colon")
    stead("cp", "./a:b", f"{live}:/srv/c:d", cwd=here)
    assert sh(live, "cat /srv/c:d") == "colon"


def test_cp_special_files(live, here):
    """Nothing waits for a writer that never comes, and a device is a node that has to be asked for."""
    sh(live, "mkdir /srv/s; mkfifo -m 640 /srv/s/fifo; echo x >/srv/s/file")
    stead("cp", f"{live}:/srv/s", here / "out")
    stead("cp", f"{live}:/srv/s/fifo", here / "fifo")
    assert stat.S_ISFIFO((here / "out/fifo").lstat().st_mode) and (here / "fifo").lstat().st_mode & 0o777 == 0o640
    p = stead("cp", f"{live}:/dev/null", here / "null", status=1)
    assert "device node" in p.stderr and "--devices" in p.stderr and not (here / "null").exists()
    stead("cp", "--devices", f"{live}:/dev/null", here / "null")
    assert (here / "null").lstat().st_rdev == os.makedev(1, 3)
    p = stead("cp", "--devices", here / "null", f"{live}:/srv/null", status=1)
    assert "Operation not permitted" in p.stderr and sh(live, "ls /srv/null", status=2)


def test_cp_files_without_a_size(live, here):
    """proc says 0 and holds something."""
    stead("cp", f"{live}:/proc/1/status", here / "status")
    text = (here / "status").read_text()
    assert text.startswith("Name:\tsystemd") and "NSpid:\t1\n" in text
    stead("cp", "/proc/cpuinfo", f"{live}:/srv/")
    assert sh(live, "grep -c ^processor /srv/cpuinfo") == sh(live, "grep -c ^processor /proc/cpuinfo")


def test_cp_default_acls_of_the_target_do_not_leak(live, here):
    (here / "tree/dir").mkdir(parents=True)
    for path in ("file", "tree/file", "tree/dir/file"):
        (here / path).write_text("x")
    top = root(live) / "srv/acl"
    sh(live, "mkdir /srv/acl")
    os.setxattr(top, rich_tree.ACL_DEFAULT, rich_tree.acl([(1, 7, -1), (2, 7, base(live) + 33), (4, 5, -1), (16, 7, -1), (32, 0, -1)]))
    stead("cp", here / "file", here / "tree", f"{live}:/srv/acl")
    found = rich_tree.describe(top, rich_tree.shift(base(live)))
    assert all(not one["attributes"] for path, one in found.items() if path != "."), found


# --- interruption --------------------------------------------------------------------------------

@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("what", ["file", "tree"])
def test_cp_interrupted_leaves_nothing_half(live, here, how, what):
    source = here / what
    if what == "file":
        with open(source, "wb") as f:
            for _ in range(30):
                f.write(os.urandom(1 << 20) * 10)
    else:
        for d in range(200):
            (source / f"d{d}").mkdir(parents=True)
            for f in range(30):
                (source / f"d{d}/f{f}").write_text("x")
    place = root(live) / "srv"
    for _ in range(10):
        p = subprocess.Popen([lab.STEAD, "cp", source, f"{live}:/srv/{what}"], stderr=subprocess.PIPE, text=True)
        lab.wait_for(lambda: p.poll() is not None or any(n.startswith(TEMPORARY) for n in os.listdir(place)), what="the copy to begin")
        p.send_signal(how)
        error = p.communicate(timeout=lab.PATIENCE)[1]
        if p.returncode != 0:
            break
        subprocess.run(["rm", "-r", place / what], check=True)  # it was quicker than we
    assert p.returncode == (-9 if how == signal.SIGKILL else 1), f"it was too quick, or did not stop: {error}"
    assert how == signal.SIGKILL or "Interrupted" in error
    lab.wait_for(lambda: not any(n.startswith(TEMPORARY) for n in os.listdir(place)), what="the clean-up")
    assert os.listdir(place) == []


def test_cp_full_disk(live, here):
    (here / "big").write_bytes(os.urandom(4 << 20))
    sh(live, "mkdir /srv/small && mount -t tmpfs -o size=1m tmpfs /srv/small && echo old >/srv/small/big")
    try:
        p = stead("cp", here / "big", f"{live}:/srv/small/big", status=1)
        assert "No space left" in p.stderr and f"{live}:/srv/small/big" in p.stderr
        assert sh(live, "ls -A /srv/small; cat /srv/small/big") == "big\nold"
    finally:
        sh(live, "umount /srv/small")


# --- hostile machines ----------------------------------------------------------------------------

def test_cp_links_lead_nowhere_else(live, here):
    """Whatever a link of the machine says, it means a place in the machine."""
    (here / "secret").mkdir()
    (here / "secret/file").write_text("SECRET")
    (here / "new").write_text("new")
    up = "../" * 20
    sh(live, f"mkdir /srv/l; cd /srv/l; ln -s {here}/secret abs; ln -s {up}{here}/secret rel; ln -s /proc/1/root{here}/secret magic; "
             f"ln -s /proc/self/cwd cwd; ln -s {here}/secret/file file; ln -s {here}/new dangling")
    for link in ("abs", "rel", "magic", "cwd"):
        for path in (f"/srv/l/{link}/file", f"/srv/l/{link}/", f"/srv/l/{link}/.", f"/srv/l/{link}/../secret/file"):
            stead("cp", f"{live}:{path}", here / "out", status=1)
        stead("cp", here / "new", f"{live}:/srv/l/{link}/file", status=1)
    for path in ("/../../../../..", "/srv/../../../..", "/.."):
        assert (f"{live}\n" == stead("exec", live, "cat", f"{path}/etc/hostname").stdout)
        stead("cp", f"{live}:{path}/etc/hostname", here / "name")
        assert (here / "name").read_text() == f"{live}\n"
    stead("cp", f"{live}:/srv/l", here / "links")
    assert os.readlink(here / "links/abs") == f"{here}/secret", "links are copied as links"
    # a link at the end of the target is followed, inside
    assert "No such file" in stead("cp", here / "new", f"{live}:/srv/l/dangling", status=1).stderr
    sh(live, f"mkdir -p {here}")
    stead("cp", here / "new", f"{live}:/srv/l/dangling")
    assert sh(live, f"cat {here}/new; rm -r {here}") == "new"
    assert sorted(p.name for p in here.iterdir()) == ["links", "name", "new", "secret"]
    assert (here / "secret/file").read_text() == "SECRET" and os.listdir(here / "secret") == ["file"]


def test_cp_has_no_more_rights_than_the_machine(live, here):
    """A directory of the host that the machine sees but may not open stays closed: cp is not its deputy."""
    shared = here / "shared"
    (shared / "closed").mkdir(parents=True)
    (shared / "closed/key").write_text("SECRET")
    (shared / "key").write_text("SECRET")
    (shared / "key").chmod(0o600)
    (shared / "closed").chmod(0o700)
    (here / "evil").write_text("evil")
    here.chmod(0o755)
    stead("bind", "--mkdir", live, shared, "/srv/shared")
    sh(live, "ln -s /srv/shared/key /srv/key; ln -s /srv/shared/closed /srv/closed")
    for path in ("/srv/shared/key", "/srv/key/", "/srv/closed/key", "/srv/shared/closed/key"):
        stead("cp", f"{live}:{path}", here / "out", status=1)
    p = stead("cp", f"{live}:/srv/shared", here / "all", status=1)
    assert p.stderr.count("Permission denied") == 2, p.stderr
    for path in ("/srv/shared/evil", "/srv/closed/evil", "/srv/shared/key", "/srv/shared"):
        stead("cp", here / "evil", f"{live}:{path}", status=1)
    stead("unbind", live, "/srv/shared")
    assert sorted(os.listdir(shared)) == ["closed", "key"] and (shared / "key").read_text() == "SECRET"
    assert os.listdir(shared / "closed") == ["key"] and not (here / "out").exists()
    assert "SECRET" not in "".join(p.read_text() for p in (here / "all").rglob("*") if p.is_file())


FLIP = r"""
use strict;
# x86_64: renameat2 is 316; RENAME_EXCHANGE is 2
my $n = 0;
open(my $count, '>', '/srv/flips') or die;
while (1) {
    for my $i (0 .. 9) {
        syscall(316, -100, "/srv/race/d$i", -100, "/srv/race/l$i", 2);
        syscall(316, -100, "/srv/race/d$i/f", -100, "/srv/race/d$i/x", 2);
    }
    $n += 20;
    sysseek($count, 0, 0); syswrite($count, "$n\n");
}
"""


@pytest.fixture
def race(live, here):
    """A tree in which directories and files change places with links all the time: links to where a file
    of the host is, to the same name in the machine, and up out of everything."""
    (here / "secret").mkdir()
    (here / "secret/f").write_text("SECRET")
    (here / "secret").chmod(0o700)
    script = f"mkdir -p /srv/race {here}/secret; echo SECRET > {here}/secret/f; cd /srv/race\n"
    for i in range(10):
        target = [f"{here}/secret", "../" * 12 + f"{here}/secret", f"/proc/1/root{here}/secret"][i % 3]
        script += f"mkdir d{i}; echo marker >d{i}/f; ln -s {target}/f d{i}/x; ln -s {target} l{i}\n"
    sh(live, script)
    (here / "flip.pl").write_text(FLIP)
    stead("cp", here / "flip.pl", f"{live}:/root/flip.pl")
    process = subprocess.Popen([lab.STEAD, "exec", live, "--", "perl", "/root/flip.pl"], stdin=subprocess.DEVNULL)
    flips = root(live) / "srv/flips"
    lab.wait_for(lambda: flips.exists() and flips.read_text().strip().isdigit(), what="the first flips")
    begin = int(flips.read_text())
    try:
        yield here / "secret"
        done = int(flips.read_text() or 0) - begin
        assert process.poll() is None and done > 5000, f"only {done} flips happened meanwhile"
    finally:
        process.kill()
        process.wait()
        sh(live, f"rm -rf {here} /root/flip.pl")


def test_cp_reads_nothing_else_while_a_tree_changes(live, here, race):
    complete = 0
    for i in range(60):
        out = here / "out"
        out.mkdir()
        p = stead("cp", f"{live}:/srv/race/.", out, status=None)
        assert p.returncode == 0 or "changed while" in p.stderr or "Failed to read" in p.stderr, p.stderr
        for path, st in rich_tree.entries(out):
            if stat.S_ISREG(st.st_mode):
                assert (out / path).read_text() == "marker\n", f"{path} came from elsewhere"
        complete += p.returncode == 0
        # a path through what changes: the machine's own file of that name, or none
        stead("cp", f"{live}:/srv/race/d{i % 10}/f", here / "one", status=None)
        subprocess.run(["rm", "-rf", out, here / "one"], check=True)
    assert complete > 0
    assert not leftovers(here)


def test_cp_writes_nowhere_else_while_a_tree_changes(live, here, race):
    source = here / "source"
    for d in [f"{word}{i}" for i in range(10) for word in "dl"]:
        (source / d).mkdir(parents=True)
        (source / d / "f").write_text("marker\n")
        (source / d / "evil").write_text("evil")
    before = {p: (p.stat().st_mtime_ns, p.read_text()) for p in race.iterdir()}
    for i in range(150):
        stead("cp", f"{source}/.", f"{live}:/srv/race", status=None)
        assert {p: (p.stat().st_mtime_ns, p.read_text()) for p in race.iterdir()} == before
    # below the copied path no link was followed, not even to the machine's own
    assert sh(live, f"cd {race}; ls; cat f") == "f\nSECRET"
    for i in range(60):
        stead("cp", source / "d0/evil", f"{live}:/srv/race/d{i % 10}/f", status=None)
        assert {p: (p.stat().st_mtime_ns, p.read_text()) for p in race.iterdir()} == before
    assert not leftovers(root(live) / "srv/race")


# --- completion ----------------------------------------------------------------------------------

def complete(*words, cwd="/"):
    """What bash offers; ':' is a word of its own to it."""
    script = ('compopt() { :; }; . "$1"; shift; COMP_WORDS=(stead "$@"); COMP_CWORD=$#; _stead; '
              'for w in "${COMPREPLY[@]}"; do echo "$w"; done')
    p = subprocess.run(["bash", "-c", script, "bash", lab.BUILD / "src/cli/completion/stead", *words], cwd=cwd, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
                       env=lab.clean_environment(PATH=f"{lab.STEAD.parent}:{lab.PATH}"))
    return p.stdout.splitlines()


def test_completion_of_paths(live, here):
    (here / "my file").write_text("x")
    sh(live, "mkdir -p '/srv/dir/a b'; cd /srv/dir; touch one two '$(touch evil)' '`touch evil`'")
    assert complete("cp", live, ":", "/srv/dir/o") == ["/srv/dir/one"]
    assert sorted(complete("cp", live, ":", "/srv/d")) == ["/srv/dir/"]
    found = complete("cp", live, ":", "/srv/dir/", cwd=here)
    assert "/srv/dir/a\\ b/" in found and len(found) == 5 and any("evil" in w for w in found)
    assert complete("cp", "my", cwd=here) == ["my\\ file"]
    assert f"{live}:" in complete("cp", live[:-1])
    assert complete("bind", live[:-1]) == [live]
    assert complete("bind", live, f"{here}/m") == [f"{here}/my\\ file"]
    assert complete("bind", live, str(here), "/srv/di") == ["/srv/dir/"]
    stead("bind", "--mkdir", live, here, "/srv/bound:idmap")
    assert complete("unbind", live, "") == ["/srv/bound"]
    stead("unbind", live, "/srv/bound")
    assert not (here / "evil").exists(), "names in a machine are no commands"
