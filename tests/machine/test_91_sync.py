# SPDX-License-Identifier: LGPL-2.1-or-later
"""stead publish and stead pull over HTTP: what a pull costs, what a broken or lying server can do to it (nothing),
and that it can be killed, cut, or run out of space at any moment.
"""
import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest

import lab
from layer_site import NAME, Server, World, change, small_tree


@pytest.fixture
def world():
    where = pathlib.Path(tempfile.mkdtemp(prefix="sync.", dir=lab.work))
    w = World(where)
    w.key()
    yield w
    lab.remove_tree(where)


@pytest.fixture
def server(world):
    s = Server(world.site)
    world.remote(s.url)
    yield s
    s.close()


@pytest.fixture
def tree(world):
    return small_tree(world.where / "tree")


@contextlib.contextmanager
def program(world, kind):
    """The URL of a server that people have."""
    port = lab.free_port()
    if kind == "python":
        command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", world.site]
    else:
        if not shutil.which("nginx"):
            pytest.skip("there is no nginx. Try: apt-get install nginx-light")
        conf, listen = world.where / "nginx.conf", f"127.0.0.1:{port}"
        if kind == "https":
            subprocess.run(["openssl", "req", "-x509", "-nodes", "-days", "2", "-newkey", "rsa:2048", "-subj", "/CN=a",
                            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", world.where / "tls.key",
                            "-out", world.where / "tls.pem"], check=True, capture_output=True)
            listen += (f" ssl http2; ssl_certificate {world.where}/tls.pem; "
                       f"ssl_certificate_key {world.where}/tls.key")
        conf.write_text(f"user root; daemon off; pid {world.where}/nginx.pid; error_log {world.where}/nginx.log;\n"
                        "events {} http { access_log off; server { "
                        f"listen {listen}; root {world.site}; }} }}\n")
        command = ["nginx", "-p", world.where, "-c", conf]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        def ready():
            with contextlib.suppress(OSError):
                lab.socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return True
        lab.wait_for(ready, what=kind)
        yield f"{'https' if kind == 'https' else 'http'}://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("kind", ["python", "nginx"])
def test_first_update_nothing(world, kind):
    """A real Debian: the first pull, an update, and nothing new."""
    tree = lab.copy_tree("bookworm", world.where / "tree", links=False)
    with program(world, kind) as url:
        world.remote(url + "/")
        world.add(tree)
        world.publish()
        first = world.pull("-q")
        assert first["outcome"] == "new" and first["requests"] <= 7
        world.same()

        for path in (tree / "usr/share/doc").rglob("copyright"):
            os.utime(path, (1700000000, 1700000000), follow_symlinks=False)
        with open(tree / "usr/bin/bash", "r+b") as f:
            f.seek(500000)
            f.write(b"something else")
        os.chmod(tree / "etc/hosts.allow" if (tree / "etc/hosts.allow").exists() else tree / "etc/fstab", 0o600)
        (tree / "usr/bin/newprogram").write_bytes((tree / "usr/bin/ls").read_bytes())
        world.add(tree)
        published = world.publish()
        assert published["delta_bytes"] < 20_000
        update = world.pull()
        assert update["outcome"] == "updated" and update["requests"] <= 5
        assert update["bytes"] < 100_000 and update["contents"] == 1  # newprogram is ls, which is here
        world.same()

        again = world.pull()
        assert again["outcome"] == "up to date" and again["requests"] == 1
    for store in ("from", "to"):
        world.stead("layer", "export", "-q", NAME, f"{world.where}/out-{store}/", store=store)
    assert lab.checksum(world.where / "out-from") == lab.checksum(world.where / "out-to")


def test_bases(world, server, tree):
    """With an app comes the very version that it was made on: an update merges it with that one."""
    app = world.where / "app"
    world.add(tree)
    world.publish()
    made_on = world.version("from")
    shutil.copytree(tree, app, symlinks=True)
    (app / "etc/app").write_text("app\n")
    world.stead("layer", "import", "-q", "site/app", app, f"--base={NAME}", store="from")
    world.stead("publish", world.site, "site/app", "--key=site", store="from")
    (tree / "etc/version").write_text("2\n")
    world.add(tree)
    world.publish()

    r = world.call("pull", "site:site/app")
    assert r.returncode == 0 and f"with {NAME}@{made_on[:12]}, which it was made on" in r.stderr, r.stderr
    assert world.version(name="site/app") == world.version("from", "site/app")
    assert world.version() is None, "no ref but the one that was asked for"
    world.stead("layer", "gc", "-q", "--keep=1")
    assert made_on in os.listdir(world.where / "to/commits")
    world.check()
    world.pull()
    world.same()
    again = world.call("pull", "site:site/app")
    assert again.returncode == 0 and again.stderr == ""

    (world.site / f"commits/{made_on}").unlink()
    r = world.call("pull", "site:site/app", store="other")
    assert r.returncode == 0 and "which neither this store nor the remote has" in r.stderr, r.stderr
    world.check("other")


def test_https(world, tree):
    """A certificate that nobody vouches for is refused, though all that is pulled is signed; over HTTP/2 else."""
    world.add(tree)
    world.publish()
    for path in (world.site / "packs").iterdir():
        path.unlink()
    with program(world, "https") as url:
        world.remote(url)
        err = world.fails("pull", NAME)
        assert url in err and "certificate" in err
        script = f'cat {world.where}/tls.pem >>/etc/ssl/certs/ca-certificates.crt; exec "$@"'
        world.stead("pull", NAME, prefix=("sh", "-c", script, "sh"))
    world.same()


def test_file_url_all_and_list(world, tree):
    world.remote(f"file://{world.site}")
    world.add(tree)
    world.add(tree, "site/app")
    world.stead("publish", world.site, "--key=site", store="from")
    assert world.stead("remote", "list", "site").split() == ["LAYER", NAME, "site/app"]
    assert set(re.findall(r"(?m)^(\S+)@", world.stead("pull", "site:*"))) == {NAME, "site/app"}
    out = world.stead("pull", "--all")
    assert out.count("up to date") == 2 and out.count("in 1 request,") == 2
    world.same()


def test_words(world, tree):
    """Who mistypes is told what to type."""
    assert "There is no remote to pull 'x/y' from" in world.fails("pull", "x/y")
    world.remote(f"file://{world.site}")
    err = world.fails("pull", "sit:" + NAME)
    assert "There is no remote 'sit'" in err and "did you mean 'site'" in err
    assert "There is no 'file://" in world.fails("pull", NAME)
    (world.etc / "remotes/bad.remote").write_text("[Remote]\nUrl=http://x/\n\nKy=a\n")
    err = world.fails("pull", "bad:a/b")
    assert "/etc/stead/remotes/bad.remote:4: " in err and "no key Ky=" in err and "Key=" in err
    assert "There is no layer" in world.fails("publish", world.site, "a/b", "--key=site", store="from")
    assert "stead remote key other" in world.fails("publish", world.site, NAME, "--key=other", store="from")
    assert "There is a key 'site' already" in world.fails("remote", "key", "site")
    assert world.call("pull").returncode == 2
    assert world.call("publish", world.site).returncode == 2


def test_skips_versions(world, server, tree):
    """Three versions behind, and more versions behind than there are deltas."""
    world.add(tree)
    world.publish()
    world.pull()
    for number in range(1, 4):
        change(tree, number)
        world.add(tree)
        world.publish()
    update = world.pull()
    assert update["requests"] <= 5 and update["outcome"] == "updated"
    world.same()
    for number in range(4, 9):
        change(tree, number)
        world.add(tree)
        world.publish()
    assert world.pull()["outcome"] == "updated"
    world.same()
    assert world.pull(store="fresh")["outcome"] == "new"
    world.check("fresh")


def test_resume_pack(world, server, tree):
    world.add(tree)
    whole = world.publish()["pack_bytes"]
    server.left = whole // 2
    err = world.fails("pull", NAME)
    assert server.url in err and "try again" in err
    assert world.version() is None
    server.left = None
    second = world.pull()
    assert second["bytes"] < whole * 3 // 4, "the pack was got again from its beginning"
    world.same()


def test_resume_singles(world, server, tree):
    world.add(tree)
    world.publish()
    for path in (world.site / "packs").iterdir():
        path.unlink()
    server.left = 2_000_000
    world.fails("pull", NAME)
    staged = len([p for p in (world.where / "to/stage").glob("*/??/*") if not p.is_symlink()])
    server.left = None
    server.log.clear()
    second = world.pull()
    total = len(list((world.site / "contents").glob("*/*")))
    assert 10 < staged and second["contents"] == total - staged
    assert len(server.log) >= second["requests"]  # some of the first pull may come late
    world.same()


def test_server_fails(world, server, tree):
    """Said plainly, with the address and the status."""
    world.add(tree)
    world.publish()
    for status, word in ((403, "refuses"), (500, "fails"), (404, "has no")):
        server.statuses = {f"refs/{NAME}.ref": status}
        err = world.fails("pull", NAME)
        assert f"{server.url}/refs/{NAME}.ref" in err and f"HTTP status {status}" in err and word in err
    server.close()
    assert "Failed to get" in world.fails("pull", NAME)


def test_answers_without_an_end(world, server, tree):
    """What the server says instead of a file is not read for ever."""
    world.add(tree)
    world.publish()
    ref = f"refs/{NAME}.ref"
    server.endless = True
    for status, word in ((404, "has no"), (500, "fails"), (403, "refuses")):
        server.statuses = {ref: status}
        err = world.fails("pull", NAME)
        assert f"HTTP status {status}" in err and word in err
    server.statuses, server.redirects = {}, {ref: f"{server.url}/moved"}
    shutil.copy(world.site / ref, world.site / "moved")
    assert "HTTP status 302" in world.fails("pull", NAME)
    server.redirects = {}
    world.pull()
    world.same()


def updated(world, tree):
    """The second version is published, the first is here."""
    world.add(tree)
    world.publish()
    world.pull()
    change(tree, 1)
    world.add(tree)
    world.publish()
    return next((world.site / "deltas").iterdir())


@pytest.mark.parametrize("how", ["truncated", "other", "flipped", "empty", "larger"])
def test_bad_delta(world, server, tree, how):
    """Costs what it would have saved, and nothing else."""
    delta = updated(world, tree)
    data = bytearray(delta.read_bytes())
    if how == "flipped":
        data[-2000] ^= 1
    delta.write_bytes({"truncated": data[:len(data) // 2], "other": b"x" * len(data), "flipped": data, "empty": b"",
                       "larger": data + bytes(50_000_000)}[how])
    r = world.call("pull", NAME)
    assert r.returncode == 0, r.stderr
    assert "the delta" in r.stderr
    assert any(p.startswith("contents/") for p in server.log)
    world.same()


def test_bad_tree_patch(world, server, tree):
    updated(world, tree)
    patch = next(p for p in (world.site / "trees").iterdir() if "-" in p.name)
    patch.write_bytes(b"nonsense")
    r = world.call("pull", NAME)
    assert r.returncode == 0 and "patch of the manifest is wrong" in r.stderr
    world.same()


def test_bad_pack(world, server, tree):
    world.add(tree)
    world.publish()
    pack = next((world.site / "packs").glob("*.pack"))
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.write_bytes(data)
    r = world.call("pull", NAME)
    assert r.returncode == 0 and "a pack cannot be used" in r.stderr
    world.same()


def singles_only(world):
    for where in ("packs", "deltas"):
        for path in (world.site / where).iterdir() if (world.site / where).exists() else ():
            path.unlink()


def content_of(world, path):
    """The file on the server that holds the content of a path."""
    import hashlib
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return world.site / f"contents/{digest[:2]}/{digest[2:]}.zst"


def compress(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def test_corrupted_content(world, server, tree):
    """Refused by name; the layer does not move, and the next pull is fine."""
    updated(world, tree)
    singles_only(world)
    before = world.version()
    content = content_of(world, tree / "usr/new1")
    good = content.read_bytes()
    for bad in (compress(b"something else"), b"nonsense", good[:-3], b""):
        content.write_bytes(bad)
        err = world.fails("pull", NAME)
        assert "'/usr/new1'" in err and str(content.relative_to(world.site)) in err
        assert world.version() == before
        world.check()
    content.unlink()
    assert "HTTP status 404" in world.fails("pull", NAME)
    content.write_bytes(good)
    world.pull()
    world.same()


def bomb():
    command = "head -c 4G /dev/zero | zstd -q -1 -c"
    return subprocess.run(command, shell=True, stdout=subprocess.PIPE, check=True).stdout


def test_bombs(world, server, tree):
    """What unpacks to gigabytes is stopped at the size that was signed, with little memory."""
    updated(world, tree)
    before, zeros = world.version(), bomb()
    limit = ("prlimit", "--as=700000000")
    singles_only(world)
    content = content_of(world, tree / "usr/new1")
    good = content.read_bytes()
    content.write_bytes(zeros[:6000])
    assert "is not the content" in world.fails("pull", NAME, prefix=limit)
    content.write_bytes(good + bytes(10_000_000))
    assert "larger than" in world.fails("pull", NAME, prefix=limit)
    content.write_bytes(good)
    assert world.version() == before
    (world.site / "trees").rename(world.site / "good")
    (world.site / "trees").mkdir()
    for path in (world.site / "good").iterdir():
        (world.site / "trees" / path.name).write_bytes(zeros)
    assert "is not the manifest" in world.fails("pull", NAME, prefix=limit)
    assert world.version() == before
    world.check()


def test_wrong_key(world, server, tree):
    world.add(tree)
    world.key("other")
    world.publish(key="other")
    err = world.fails("pull", NAME)
    assert "cannot be trusted" in err and "is not trusted" in err and "stead remote add --force" in err
    ref = world.site / f"refs/{NAME}.ref"
    unsigned = re.sub(r"(?m)^signature .*\n", "", ref.read_text())
    ref.write_text(unsigned)
    assert "not signed" in world.fails("pull", NAME)
    assert world.version() is None and server.log == [f"refs/{NAME}.ref"] * 2
    # both keys are trusted while they change
    world.stead("remote", "add", "--force", "site", server.url, f"--key={world.etc}/keys/site.pub",
                f"--key={world.etc}/keys/other.pub")
    world.publish(key="other")
    world.pull()
    world.publish(key="site")
    assert world.pull()["outcome"] == "up to date"


def test_replayed_and_exchanged(world, server, tree):
    """An older ref, one that was changed, and one of another layer: each signed by the right key."""
    world.add(tree)
    world.publish()
    ref = world.site / f"refs/{NAME}.ref"
    old = ref.read_text()
    change(tree, 1)
    world.add(tree)
    world.add(tree, "site/other")
    world.publish()
    world.stead("publish", world.site, "site/other", "--key=site", store="from")
    new, other = ref.read_text(), (world.site / "refs/site/other.ref").read_text()
    world.pull()
    now = world.version()
    ref.write_text(old)
    err = world.fails("pull", NAME)
    assert "is an old one" in err and "stead pull --force" in err
    ref.write_text(other)
    assert "it is the ref of 'site/other'" in world.fails("pull", NAME)
    ref.write_text(re.sub("(?m)^sequence .*$", "sequence 99", new))
    assert "signature of key 'site' is wrong" in world.fails("pull", NAME)
    ref.write_text("stead-ref 1\n" + "x" * 100_000)
    assert "larger than" in world.fails("pull", NAME)
    assert world.version() == now
    ref.write_text(old)
    assert world.pull("--force")["outcome"] == "updated"
    assert world.version() != now
    world.check()


def test_redirects(world, server, tree):
    """Within the web it may lead on, but never to a file of the host."""
    world.add(tree)
    world.publish()
    ref = f"refs/{NAME}.ref"
    server.redirects = {ref: f"file://{world.site}/{ref}"}
    assert "another place than it may" in world.fails("pull", NAME)
    server.redirects = {ref: server.url.replace("http:", "https:") + "/moved"}  # it may, but does not speak it
    assert "another place" not in world.fails("pull", NAME)
    server.redirects = {ref: f"{server.url}/moved"}
    shutil.copy(world.site / ref, world.site / "moved")
    world.pull()
    world.same()


def test_two_at_once(world, server, tree):
    world.add(tree)
    world.publish()
    pulls = [world.popen("pull", NAME) for _ in range(3)]
    for pull in pulls:
        _, err = pull.communicate(timeout=120)
        assert pull.returncode == 0, err
    assert len([p for p in server.log if p.endswith(".pack")]) == 1, "each got the pack for itself"
    world.same()


def test_local_changes(world, server, tree):
    """What somebody committed here is not lost to a pull unless he says so."""
    updated(world, tree)
    mine = world.where / "mine"
    shutil.copytree(tree, mine, symlinks=True)
    (mine / "etc/mine").write_text("mine\n")
    world.stead("layer", "remove", NAME)
    world.stead("layer", "import", "-q", NAME, mine)
    before = world.version()
    err = world.fails("pull", "site:" + NAME)
    assert "both have changed" in err and f"stead pull --force site:{NAME}" in err
    assert world.version() == before
    world.stead("pull", "--force", "site:" + NAME)
    world.same()


def test_expires(world, server, tree):
    world.add(tree)
    world.publish("--expires=1s")
    time.sleep(2.1)
    assert "has expired" in world.fails("pull", NAME)
    world.publish("--expires=1h")
    world.pull()
    world.same()


class Moments:
    """Kills at a random moment of what such a process takes, which what gets through tells."""

    def __init__(self, seed):
        self.random, self.took = random.Random(seed), 0.5

    def kill(self, process):
        """Whether it was still at work."""
        start = time.monotonic()
        try:
            process.wait(self.random.uniform(0, self.took))
            self.took = time.monotonic() - start
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        return process.returncode == -signal.SIGKILL


def test_killed_pulls(world, server, tree):
    """At any moment: the layer is the old one or the new one, and the next pull brings the rest."""
    moments = Moments(91)
    world.add(tree)
    world.publish()
    killed = 0
    for number in range(1, 41):
        if world.version() is not None and world.version() == world.version("from"):
            change(tree, number)
            world.add(tree)
            world.publish()
        before, published = world.version(), world.version("from")
        killed += moments.kill(world.popen("pull", "-q", NAME))
        assert world.version() in (before, published)
        if number % 8 == 0:
            world.check()
    assert killed >= 20
    world.pull()
    world.same()
    world.stead("layer", "gc", "-q")
    world.same()


def test_killed_publishing(world, server, tree):
    """At any moment: readers get the old version or the new one, whole."""
    moments = Moments(92)
    world.add(tree)
    world.publish()
    killed = 0
    for number in range(1, 21):
        change(tree, number)
        world.add(tree)
        process = world.popen("publish", "-q", world.site, NAME, "--key=site", store="from")
        killed += moments.kill(process)
        if number % 4 == 0:
            fresh = f"fresh{number}"
            world.pull(store=fresh)
            world.check(fresh)
            lab.remove_tree(world.where / fresh)
        r = world.call("pull", NAME)
        assert r.returncode == 0 and r.stderr == "", r.stderr
        world.check()
    assert killed >= 10
    world.publish("--prune")
    world.pull()
    world.same()


def test_full_disk(world, server, tree):
    """Says so, and is finished when there is room. The same for who publishes."""
    world.add(tree)
    world.publish()
    small = world.where / "small"
    small.mkdir()
    inside = f"mount -t tmpfs -o size=4m tmpfs {small}; "
    script = (inside + '"$@" && exit 9; echo ==; mount -o remount,size=64m ' + str(small) +
              '; "$@" && "$0" layer fsck')
    r = world.call("pull", NAME, store="small", prefix=("sh", "-c", script, lab.STEAD))
    assert r.returncode == 0, r.stderr
    assert "No space left" in r.stderr and "df -h" in r.stderr
    script = (inside + '"$@" && exit 9; mount -o remount,size=64m ' + str(small) + '; "$@"')
    r = world.call("publish", small, NAME, "--key=site", store="from", prefix=("sh", "-c", script, lab.STEAD))
    assert r.returncode == 0, r.stderr
    assert "No space left" in r.stderr


def test_prune(world, server, tree):
    """Old versions go, and whoever has one of those kept still gets a delta."""
    world.add(tree)
    world.publish()
    for number in range(1, 6):
        change(tree, number)
        world.add(tree)
        world.publish()
        if number == 4:
            world.pull()
    before = sum(p.stat().st_size for p in world.site.rglob("*"))
    world.publish("--prune", "--keep=1")
    assert sum(p.stat().st_size for p in world.site.rglob("*")) < before
    assert world.pull()["requests"] <= 5
    world.same()
    assert world.pull(store="fresh")["outcome"] == "new"


def test_repair(world, server, tree):
    """What fsck takes out, a pull brings back."""
    world.add(tree)
    world.publish()
    world.pull()
    objects = [p for p in (world.where / "to/objects").rglob("*") if p.is_file() and p.stat().st_size > 100]
    victim = random.Random(1).choice(objects)
    with open(victim, "r+b") as f:
        f.write(b"damage")
    assert world.call("layer", "fsck").returncode == 1
    world.call("layer", "fsck", "--repair")
    repaired = world.pull()
    assert repaired["outcome"] == "repaired" and repaired["bytes"] < 200_000
    world.same()
