# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two stores, a published directory and a web server in front of it, for tests of publish and pull.

The stores share an /etc/stead of their own, which each call of `stead` sees in a mount namespace.
"""
import http.server
import json
import os
import pathlib
import random
import re
import subprocess
import threading

import lab

ROOM = """
mount -t tmpfs tmpfs {room}
mkdir {room}/upper {room}/work
mount -t overlay -o lowerdir=/etc,upperdir={room}/upper,workdir={room}/work overlay /etc
mkdir -p /etc/stead
mount --bind {etc} /etc/stead
exec "$@"
"""
NAME = "debian/12/base"


def small_tree(where, seed=1, files=300):
    """Files of all sizes whose content does not compress to nothing, and what else a tree has."""
    rng = random.Random(seed)
    for i in range(files):
        path = where / f"usr/lib/d{i % 17}/file{i}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.randbytes(rng.randrange(1, 1000)) * rng.randrange(1, 60))
        os.utime(path, (1600000000 + i, 1600000000 + i))
    (where / "etc").mkdir()
    (where / "etc/shadow").write_text("root:*:\n")
    os.chmod(where / "etc/shadow", 0o640)
    os.chown(where / "etc/shadow", 0, 42)
    (where / "etc/empty").touch()
    (where / "lib").symlink_to("usr/lib")
    os.link(where / "etc/shadow", where / "etc/gshadow")
    big = bytearray(rng.randbytes(3_000_000))
    (where / "usr/big").write_bytes(big)
    return where


def change(where, number):
    """The next version: some contents, some times, something new, something gone."""
    rng = random.Random(number)
    paths = sorted(p for p in (where / "usr/lib").rglob("*") if p.is_file() and not p.is_symlink())
    for path in rng.sample(paths, 20):
        data = bytearray(path.read_bytes())
        data[len(data) // 2:len(data) // 2] = b"changed %d" % number
        path.write_bytes(data)
    for path in rng.sample(paths, 100):
        os.utime(path, (1650000000 + number, 1650000000 + number))
    rng.choice(paths).unlink()
    (where / f"usr/new{number}").write_bytes(rng.randbytes(5000))
    with open(where / "usr/big", "r+b") as f:
        f.seek(1_000_000 + 1000 * number)
        f.write(b"version %d" % number)


class World:
    def __init__(self, where):
        self.where = pathlib.Path(where)
        self.etc, self.site = self.where / "etc", self.where / "site"
        for name in ("etc", "room", "site"):
            (self.where / name).mkdir()

    def popen(self, *words, store="to", prefix=(), **more):
        script = ROOM.format(room=self.where / "room", etc=self.etc)
        env = {**os.environ, "STEAD_STORE": str(self.where / store), "STEAD_STATE": str(self.where / "state")}
        return subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", "-ec", script, "sh", *prefix,
                                 lab.STEAD, *map(str, words)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=env, **more)

    def call(self, *words, store="to", **more):
        process = self.popen(*words, store=store, **more)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def stead(self, *words, store="to", **more):
        r = self.call(*words, store=store, **more)
        assert r.returncode == 0, f"{' '.join(map(str, words))}: {r.stderr}"
        return r.stdout

    def fails(self, *words, store="to", **more):
        """What it says; the store is sound all the same."""
        r = self.call(*words, store=store, **more)
        assert r.returncode == 1, f"{' '.join(map(str, words))} ended with {r.returncode}: {r.stdout}{r.stderr}"
        return r.stderr

    def key(self, name="site"):
        return self.stead("remote", "key", name).strip()

    def remote(self, url, name="site", key="site"):
        self.stead("remote", "add", "--force", name, url, f"--key={self.etc}/keys/{key}.pub")

    def add(self, tree, name=NAME):
        self.stead("layer", "import", "-q", name, tree, store="from")

    def publish(self, *words, key="site"):
        out = self.stead("publish", "--json", self.site, NAME, f"--key={key}", *words, store="from")
        return json.loads(out)[0]

    def pull(self, *words, name=NAME, store="to"):
        return json.loads(self.stead("pull", "--json", *words, name, store=store))[0]

    def version(self, store="to", name=NAME):
        """The commit that a store has of a layer, or None."""
        path = self.where / store / f"refs/{name}.ref"
        return re.search(r"(?m)^commit (\w+)$", path.read_text())[1] if path.exists() else None

    def check(self, store="to"):
        out = self.call("layer", "fsck", store=store)
        assert out.returncode == 0, out.stdout + out.stderr

    def same(self):
        """Both stores hold the same tree: fsck has hashed all that its name says."""
        self.check()
        assert self.version() == self.version("from")


class Server:
    """A web server with ranges that can be told to fail."""

    def __init__(self, root):
        self.root, self.redirects, self.statuses = pathlib.Path(root), {}, {}
        self.left = None  # bytes that it still sends before it is dead
        self.endless = False  # what is no file has no end
        self.log = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.serve(self)

            def log_message(self, *_):
                pass
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None  # clients are killed
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def serve(self, request):
        path = request.path.lstrip("/")
        self.log.append(path)
        if path in self.redirects or path in self.statuses:
            request.send_response(self.statuses.get(path, 302))
            if path in self.redirects:
                request.send_header("Location", self.redirects[path])
            if self.endless:
                self.send_for_ever(request)
                return
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        file = self.root / path
        if not file.is_file():
            request.send_error(404)
            return
        data = file.read_bytes()
        start = re.match(r"bytes=(\d+)-$", request.headers.get("Range", ""))
        first = int(start[1]) if start else 0
        if start and first >= len(data):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        request.send_header("Content-Length", str(len(data) - first))
        request.end_headers()
        self.send(request, data[first:])

    def send(self, request, data):
        if self.left is not None:
            if len(data) > self.left:
                data, request.close_connection = data[:self.left], True
            self.left -= len(data)
        try:
            request.wfile.write(data)
        except OSError:
            request.close_connection = True

    @staticmethod
    def send_for_ever(request):
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        request.close_connection = True
        try:
            while True:
                request.wfile.write(b"10000\r\n" + bytes(65536) + b"\r\n")
        except OSError:
            pass

    def close(self):
        self.http.shutdown()
        self.http.server_close()
