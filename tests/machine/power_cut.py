#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Simulated power cuts: while layers come into a store and go out of it, the block image below its file system is
cloned at random moments. What a clone holds is what a disk would hold if the power failed then. Each one is mounted,
which replays its journal, and the store on it is checked.

Needs a mount namespace of its own: unshare -m power_cut.py DIRECTORY STEAD FILESYSTEM CUTS
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import threading
import time

MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"], "btrfs": ["mkfs.btrfs", "-q", "-f"]}


def run(*command, check=True, **more):
    return subprocess.run([str(c) for c in command], check=check, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, **more)


def mount_image(kind, image, size, where):
    """A file system in a file, made if the file is not there."""
    if not image.exists():
        with open(image, "wb") as f:
            f.truncate(size)
        run(*MAKE[kind], image)
    where.mkdir(exist_ok=True)
    options = "loop,nouuid" if kind == "xfs" else "loop"  # clones have the same number
    run("mount", "-t", kind, "-o", options, image, where)


def make_tree(path, seed):
    """Some hundred files of all sizes, the larger part the same in every tree."""
    rng = random.Random(seed)
    same = random.Random(0)
    for i in range(400):
        folder = path / f"d{i % 20}"
        folder.mkdir(parents=True, exist_ok=True)
        source = rng if i % 4 == 0 else same
        size = source.choice([0, 10, 300, 4000, 20000, 150000])
        (folder / f"f{i}").write_bytes(source.randbytes(size))
        if i % 10 == 0:
            os.symlink(f"f{i}", folder / f"l{i}")


def load(stead, environment, trees, stop, told):
    """Imports and collections, one after the other, until told to stop."""
    n = 0
    while not stop.is_set():
        n += 1
        done = run(stead, "layer", "import", f"load/{n % 7}", trees[n % len(trees)], check=False, env=environment)
        if done.returncode == 0 and n % 5 == 0:
            done = run(stead, "layer", "gc", "--keep=1", check=False, env=environment)
        if done.returncode != 0:
            told.append(done.stderr)
            return


def check(stead, where, environment):
    """What is wrong with the store on this disk, as text."""
    store = where / "store"
    if not (store / "refs").exists():
        return "", 0  # cut before anything was finished
    environment = {**environment, "STEAD_STORE": str(store)}
    done = run(stead, "layer", "fsck", check=False, env=environment)
    listed = run(stead, "layer", "list", "--json", check=False, env=environment)
    if done.returncode == 0 and listed.returncode == 0:
        return "", len(json.loads(listed.stdout))
    return done.stdout + done.stderr + listed.stderr, 0


def main():
    directory, stead, kind, cuts = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    outer, inner, cut = directory / "outer", directory / "inner", directory / "cut"
    mount_image("xfs", directory / "outer.img", 6 << 30, outer)  # it clones files in one step
    mount_image(kind, outer / "disk.img", 1 << 30, inner)
    trees = []
    for seed in range(1, 6):
        trees.append(directory / f"tree{seed}")
        make_tree(trees[-1], seed)
    environment = {**os.environ, "STEAD_STORE": str(inner / "store"), "STEAD_STATE": str(inner / "machines")}
    begun = time.monotonic()
    run(stead, "layer", "import", "load/0", trees[0], env=environment)
    took = time.monotonic() - begun  # a disk that is busy with other things is given time
    stop, told = threading.Event(), []
    worker = threading.Thread(target=load, args=(stead, environment, trees, stop, told))
    worker.start()
    rng = random.Random(1)
    for i in range(cuts):
        time.sleep(rng.uniform(0.01, took))
        run("cp", "--reflink=always", outer / "disk.img", outer / f"cut{i}.img")
    stop.set()
    worker.join()
    # a name that was removed must not come back when what it meant is gone
    make_tree(directory / "last", 6)
    run(stead, "layer", "import", "last", directory / "last", env=environment)
    run("sync")
    run(stead, "layer", "remove", "last", env=environment)
    run(stead, "layer", "gc", env=environment)
    run("cp", "--reflink=always", outer / "disk.img", outer / f"cut{cuts}.img")
    bad, layers = [], []
    for i in range(cuts + 1):
        mount_image(kind, outer / f"cut{i}.img", 0, cut)
        defect, n = check(stead, cut, environment)
        layers.append(n)
        if defect:
            bad.append(f"cut {i}: {defect}")
        run("umount", cut)
    print(json.dumps({"cuts": cuts, "bad": bad, "failed": told, "layers": layers}))


if __name__ == "__main__":
    main()
