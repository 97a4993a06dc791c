# SPDX-License-Identifier: LGPL-2.1-or-later
"""
What others do with the same two versions of a tree: keep them, serve them from a plain web server, and bring a client
that has the first to the second. Each peer is a class of the same few verbs; none knows of another.
"""

import os
import pathlib
import shutil
import subprocess


def run(*command, **more):
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, **more)
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(str(c) for c in command)}: {done.stderr.strip()}")
    return done


def shell(script, *arguments):
    return run("sh", "-euc", script, "sh", *arguments)


def size(path):
    """Megabytes on disk, a file with several names once."""
    return int(run("du", "-s", "--block-size=1", path).stdout.split()[0]) / 1e6


class Peer:
    """A store below @where, what a web server shows of it (@site), and a client's own store (@client)."""
    needs = ()  # (program, Debian package)

    def __init__(self, where):
        self.where = pathlib.Path(where)
        self.store, self.site, self.client = (self.where / n for n in ("store", "site", "client"))
        self.where.mkdir()
        self.site.mkdir()
        self.client.mkdir()

    @classmethod
    def missing(cls):
        for program, package in cls.needs:
            if not shutil.which(program):
                return f"not installed: apt-get install {package}"
        return None


class Tar(Peer):
    """The whole tree each time, as one compressed archive."""
    name = "tar, zstd -3"
    needs = (("zstd", "zstd"),)

    def ingest(self, tree, version):
        shell('tar --xattrs --acls --numeric-owner -C "$1" -c . | zstd -q -3 -T0 -f -o "$2"', tree, self.site / f"{version}.tar.zst")

    def stored(self):
        return size(self.site)

    def publish(self, version):
        pass

    def pull(self, url, version):
        target = self.client / version
        target.mkdir()
        shell('curl -sf "$1" | zstd -dq | tar --xattrs --acls --numeric-owner -C "$2" -x', f"{url}/{version}.tar.zst", target)


class Casync(Peer):
    """Chunks by content, and an index of them; the archive carries times with the data."""
    name = "casync"
    needs = (("casync", "casync"),)

    def ingest(self, tree, version):
        run("casync", "make", f"--store={self.site / 'default.castr'}", "--with=2sec-time", "--with=unix", "--with=xattrs",
            "--with=fcaps", self.site / f"{version}.caidx", tree)

    def stored(self):
        return size(self.site)

    def publish(self, version):
        pass

    def pull(self, url, version):
        # what the client had before is a seed, as casync means it
        seeds = [f"--seed={d}" for d in sorted(self.client.iterdir())]
        run("casync", "extract", f"--store={url}/default.castr", *seeds, f"{url}/{version}.caidx", self.client / version)


class Oci(Peer):
    """An image whose second version is a layer with the difference, unpacked by umoci. A registry's file tree is served."""
    name = "OCI tar.gz, umoci"
    needs = (("umoci", "umoci"),)

    def ingest(self, tree, version):
        bundle = self.where / "bundle"
        if not self.store.exists():
            run("umoci", "init", "--layout", self.store)
            run("umoci", "new", "--image", f"{self.store}:empty")
            run("umoci", "unpack", "--image", f"{self.store}:empty", bundle)
        shell('rm -rf "$2/rootfs"; cp -a --reflink=auto "$1" "$2/rootfs"', tree, bundle)
        run("umoci", "repack", "--image", f"{self.store}:{version}", "--refresh-bundle", bundle)

    def stored(self):
        return size(self.store)

    def publish(self, version):
        shell('rm -rf "$2"; cp -al "$1" "$2"', self.store, self.site / "image")

    def pull(self, url, version):
        """Index, manifest, configuration and the blobs that are not here yet; then the layers are unpacked."""
        import json
        image = self.client / "image"
        blobs = image / "blobs" / "sha256"
        blobs.mkdir(parents=True, exist_ok=True)

        def fetch(digest):
            name = digest.split(":")[1]
            if not (blobs / name).exists():
                run("curl", "-sf", "-o", blobs / name, f"{url}/image/blobs/sha256/{name}")
            return blobs / name
        run("curl", "-sf", "-o", image / "index.json", f"{url}/image/index.json")
        shutil.copy(self.store / "oci-layout", image)
        index = json.loads((image / "index.json").read_text())
        entry = next(m for m in index["manifests"] if m["annotations"]["org.opencontainers.image.ref.name"] == version)
        manifest = json.loads(fetch(entry["digest"]).read_text())
        for part in [manifest["config"], *manifest["layers"]]:
            fetch(part["digest"])
        index["manifests"] = [entry]
        (image / "index.json").write_text(json.dumps(index))
        run("umoci", "unpack", "--image", f"{image}:{version}", self.client / version)


class Git(Peer):
    """Content alone: owners, setuid and empty directories are lost. Served as a dumb repository, by packs."""
    name = "git (loses metadata)"
    needs = (("git", "git"),)

    def git(self, *words, tree=None):
        environment = {**os.environ, "GIT_DIR": str(self.store), "HOME": str(self.where), "GIT_AUTHOR_NAME": "b", "GIT_AUTHOR_EMAIL": "b@b",
                       "GIT_COMMITTER_NAME": "b", "GIT_COMMITTER_EMAIL": "b@b"}
        if tree:
            environment["GIT_WORK_TREE"] = str(tree)
        return run("git", "-c", "gc.auto=0", *words, env=environment)

    def ingest(self, tree, version):
        if not self.store.exists():
            run("git", "init", "-q", "--bare", "-b", "main", self.store)
        self.git("add", "-A", "-f", ".", tree=tree)
        self.git("commit", "-q", "--allow-empty", "-m", version, tree=tree)
        self.git("tag", "-f", version)

    def stored(self):
        return size(self.store)

    def publish(self, version):
        """A pack a version, against the one before: the least that git can move."""
        versions = sorted(self.git("tag").stdout.split())
        before = [f"^{v}" for v in versions if v < version]
        revisions = "\n".join([version, *before]) + "\n"
        pack = subprocess.run(["git", "pack-objects", "--revs", "--thin", "--stdout", "-q"], input=revisions.encode(), check=True,
                              capture_output=True, env={**os.environ, "GIT_DIR": str(self.store)}).stdout
        (self.site / f"{version}.pack").write_bytes(pack)
        (self.site / f"{version}.ref").write_text(self.git("rev-parse", version).stdout)

    def pull(self, url, version):
        repository, target = self.client / "git", self.client / version
        if not repository.exists():
            run("git", "init", "-q", "--bare", repository)
        target.mkdir()
        shell('commit=$(curl -sf "$1.ref"); curl -sf -o "$2/new" "$1.pack"; git -C "$2" unpack-objects -q <"$2/new"; '
              'git -C "$2" --work-tree="$3" checkout -q -f "$commit" -- .', f"{url}/{version}", repository, target)


PEERS = (Tar, Casync, Oci, Git)
