# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines of layers, made by hand: checkouts as plain directories of a store of the test's own, and the
files `stack` and `wanted` that name them. Knows the formats of stack/generation.h and stack/stack.h; no
program of the store is needed.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess

import lab


class Store:
    """A store and a directory of states below @where."""

    def __init__(self, where):
        self.where = pathlib.Path(where)
        self.checkouts = self.where / "store/checkouts"
        self.states = self.where / "state"
        self.checkouts.mkdir(parents=True)
        self.states.mkdir()
        os.chmod(self.where / "store", 0o700)

    @property
    def env(self):
        return {"STEAD_STORE": str(self.where / "store"), "STEAD_STATE": str(self.states)}

    def new(self, name):
        """An empty checkout; its hash is that of its name."""
        path = self.checkouts / hashlib.sha256(name.encode()).hexdigest()
        path.mkdir(mode=0o755)
        return path

    def base(self, name, tree):
        """A cached tree as a layer, by hard links where they can be."""
        source = lab.tree(tree)
        path = self.checkouts / hashlib.sha256(name.encode()).hexdigest()
        how = "-al" if source.stat().st_dev == self.where.stat().st_dev else "-a"
        subprocess.run(["cp", how, source, path], check=True)
        return path

    def stack(self, machine, *names, generation=1, layers=None):
        """Says what @machine is made of; the definition names @layers, or the same."""
        state = self.states / machine
        state.mkdir(mode=0o700, exist_ok=True)
        lines = ["stead-stack 1", f"generation {generation}"]
        lines += [f"lower {hashlib.sha256(n.encode()).hexdigest()} {n}" for n in names]
        (state / "stack").write_text("\n".join(lines) + "\n")
        (state / "wanted").write_text(f"{generation}\n")
        return state

    def upper(self, machine):
        return self.states / machine / "upper"

    def machine(self, name, layers, *options, **more):
        more.setdefault("env", {}).update(self.env)
        m = lab.Machine(self.states / name, *options, name=name, **more)
        at = m.args.index("-D")
        m.args[at:at + 2] = ["--layers=" + " ".join(layers)]
        return m

    def run(self, name, layers, *command, options=(), env=None, prefix=(), **more):
        """A plain command in a machine of layers; returns CompletedProcess with text."""
        args = [*prefix, lab.LAUNCH, "--quiet", "--layers=" + " ".join(layers), "-M", name, "--private-network",
                "--console=pipe", "--resolv-conf=off", "--timezone=off", *options, *command]
        more.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=lab.PATIENCE,
                              env=lab.clean_environment(**self.env, **(env or {})), **more)

    def remove(self):
        shutil.rmtree(self.where, ignore_errors=True)


class Disk:
    """A file system in a file, which is where states are for whoever runs behind prefix()."""

    def __init__(self, store, kind, megabytes=400, options="loop"):
        self.store, self.options = store, options
        self.image = store.where / f"{kind}.disk"
        with open(self.image, "wb") as f:
            f.truncate(megabytes << 20)
        subprocess.run([f"mkfs.{kind}", "-q", self.image], check=True, capture_output=True)

    def prefix(self, name):
        """The first time what stack() has made is copied in."""
        script = (f"mkdir -p {self.store.where}/seed && mount --bind {self.store.states} {self.store.where}/seed && "
                  f"mount -o {self.options} {self.image} {self.store.states} && "
                  f"{{ test -d {self.store.states}/{name} || cp -a {self.store.where}/seed/{name} {self.store.states}/; }} && "
                  'exec "$@"')
        return ["unshare", "-m", "--propagation", "private", "sh", "-ec", script, "sh"]
