# SPDX-License-Identifier: LGPL-2.1-or-later
"""The trees that are started: one Debian 12 with systemd, made once and kept, and a tiny one of a single static program."""

import atexit
import os
import pathlib
import shutil
import subprocess
import tempfile

CACHE = pathlib.Path(os.environ.get("STEAD_TREES", "/var/cache/stead-test/trees"))
RECIPE = ["--variant=minbase", "--include=systemd,systemd-sysv,dbus", "bookworm"]


# As the images debian:*-slim are made from minbase.
SLIM = ["path-exclude=/usr/share/" + p for p in ("doc/*", "man/*", "groff/*", "info/*", "lintian/*", "linda/*", "locale/*")] + [
    "path-include=/usr/share/doc/*/copyright"]


def made(name, recipe):
    """A tree of that name out of the cache; made there in about 20 seconds when it is missing."""
    tree = CACHE / name
    if tree.exists():
        return tree
    if not shutil.which("mmdebstrap"):
        raise SystemExit(f"bench: {tree} is missing, and mmdebstrap makes it: apt-get install mmdebstrap")

    CACHE.mkdir(parents=True, exist_ok=True)
    # Made beside and renamed: an interrupted run leaves no half tree that the next one takes for whole.
    unfinished = tempfile.mkdtemp(prefix=f".{name}.", dir=CACHE)
    try:
        subprocess.run(["mmdebstrap", "--quiet"] + recipe + [unfinished], check=True)
        os.rename(unfinished, tree)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return tree


def debian(given=None):
    """The tree that was given, or ours."""
    if not given:
        return made("bench-bookworm", RECIPE)
    if not os.path.exists(os.path.join(given, "usr")):
        raise SystemExit(f"bench: {given} holds no tree: there is no usr/ in it")
    return pathlib.Path(given).absolute()


def slim(name, packages):
    """What an image of a program on top of debian-slim would hold."""
    include = ["--include=" + ",".join(packages)] if packages else []
    return made(f"bench-slim-{name}", ["--variant=minbase", *include, *(f"--dpkgopt={o}" for o in SLIM), "bookworm"])


def scratch():
    """A directory beside the trees, so that copies can share blocks or links with them. Removed at exit."""
    CACHE.mkdir(parents=True, exist_ok=True)
    path = pathlib.Path(tempfile.mkdtemp(prefix=".bench.", dir=CACHE))
    path.chmod(0o755)
    me = os.getpid()
    atexit.register(lambda: os.getpid() == me and shutil.rmtree(path, ignore_errors=True))
    return path


def copy(tree, to, links=False):
    """A throw-away copy. With links only directories are new: for many machines that do not write to their files."""
    subprocess.run(["cp", "-a", "-l" if links else "--reflink=auto", str(tree), str(to)], check=True)
    return to


def tiny(to, idle):
    """The least that every contender takes for a tree: empty directories, an os-release and one static program."""
    for name in ("dev", "etc", "proc", "root", "run", "sys", "tmp", "usr/lib", "var"):
        (to / name).mkdir(parents=True)
    (to / "usr/lib/os-release").write_text("ID=idle\nNAME=idle\n")
    (to / "etc/os-release").symlink_to("../usr/lib/os-release")
    (to / "etc/machine-id").write_text("")
    try:
        os.link(idle, to / "idle")
    except OSError:  # another file system
        shutil.copy2(idle, to / "idle")
    return to
