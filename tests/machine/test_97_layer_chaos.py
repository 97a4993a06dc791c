# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whatever verb is killed at whatever moment: the store passes its check, the machine boots, the next verb goes on."""
import json
import os
import pathlib
import random
import shutil
import subprocess
import time

import pytest

import lab

KILLS = int(os.environ.get("STEAD_CHAOS", "100"))
random.seed(os.environ.get("STEAD_TEST_SEED", "stead"))


class Site:
    """Two stores, one that publishes and one that pulls, and a machine on the second."""

    def __init__(self, work):
        self.work, self.name = work, lab.new_name("chaos")
        self.tree, self.site, self.n = work / "tree", work / "site", 0
        self.environment = {
            store: lab.clean_environment(STEAD_STORE=str(work / store), STEAD_STATE=str(work / "machines"))
            for store in ("origin", "store")}
        lab.copy_tree("busybox", self.tree)
        self.site.mkdir()
        pathlib.Path(f"/etc/stead/{self.name}.machine").parent.mkdir(exist_ok=True)
        pathlib.Path(f"/etc/stead/{self.name}.machine").write_text("[Network]\nPrivate=yes\n")

    def stead(self, *words, store="store", status=0):
        done = subprocess.run([lab.STEAD, *map(str, words)], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              env=self.environment[store], timeout=120)
        assert status is None or done.returncode == status, f"stead {' '.join(map(str, words))}: {done.stderr}"
        return done

    def killed(self, *words, store="store"):
        """Starts it and kills it, if it is not faster."""
        p = subprocess.Popen([lab.STEAD, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                             env=self.environment[store], start_new_session=True)
        time.sleep(random.uniform(0, 0.06))
        early = p.poll() is None
        p.kill()
        p.wait()
        return early

    def change(self):
        """Another version of the tree."""
        self.n += 1
        (self.tree / "etc/version").write_text(f"{self.n}\n")
        for i in range(20):
            (self.tree / f"etc/file{i}").write_bytes(random.randbytes(random.choice([0, 100, 5000, 40000])))

    def base(self):
        return f"{self.name}/base"

    def prepare(self):
        self.change()
        self.stead("layer", "import", "-q", self.base(), self.tree, store="origin")
        self.stead("remote", "key", self.name)
        self.stead("publish", "-q", self.site, self.base(), f"--key={self.name}", store="origin")
        self.stead("remote", "add", self.name, f"file://{self.site}", f"--key=/etc/stead/keys/{self.name}.pub")
        self.stead("pull", "-q", f"{self.name}:{self.base()}")
        self.stead("create", "-q", self.name, self.base())
        upper = self.work / "machines" / self.name / "upper/etc"
        upper.mkdir(exist_ok=True)
        (upper / "mine").write_text("mine\n")

    def clean(self):
        self.stead("stop", "--force", self.name, status=None)
        self.stead("remove", "--yes", "--purge", self.name, status=None)
        self.stead("remote", "remove", self.name, status=None)
        for path in (f"/etc/stead/{self.name}.machine", f"/etc/stead/keys/{self.name}.key", f"/etc/stead/keys/{self.name}.pub"):
            pathlib.Path(path).unlink(missing_ok=True)
        left = [path for path in pathlib.Path("/etc/stead").rglob(f"*{self.name}*") if path.is_file()]
        for path in left:
            path.unlink()
        return left


@pytest.fixture
def site():
    work = lab.work / lab.new_name("chaos")
    work.mkdir()
    s = Site(work)
    s.prepare()
    yield s
    left = s.clean()
    lab.remove_tree(work)
    assert len(left) < 3, f"killed verbs leave files behind: {left}"


def version_inside(site):
    done = site.stead("run", site.name, "--", "/bin/cat", "/etc/version", "/etc/mine")
    version, mine = done.stdout.split()
    assert mine == "mine"
    return int(version)


def test_kill_anything_anytime(site):
    verbs = {
        "import": lambda: (site.change(), site.killed("layer", "import", "-q", site.base(), site.tree, store="origin")),
        "publish": lambda: (None, site.killed("publish", "-q", site.site, site.base(), f"--key={site.name}", store="origin")),
        "pull": lambda: (None, site.killed("pull", "-q", f"{site.name}:{site.base()}")),
        "update": lambda: (None, site.killed("update", site.name)),
        "run": lambda: (None, site.killed("run", site.name, "--", "/bin/true")),
        "rollback": lambda: (None, site.killed("rollback", site.name)),
        "commit": lambda: (None, site.killed("commit", "--state", site.name, f"{site.name}/app", "-m", "state")),
        "squash": lambda: (None, site.killed("layer", "squash", f"{site.name}/flat", "=", site.base(), store="origin")),
        "gc": lambda: (None, site.killed("layer", "gc", "--keep=2")),
        "fsck": lambda: (None, site.killed("layer", "fsck", "--repair")),
        "create": lambda: (None, site.killed("create", "-q", site.name + "x", site.base())),
    }
    killed = {verb: 0 for verb in verbs}
    total = 0
    for i in range(20 * KILLS):
        verb = random.choice(list(verbs))
        early = verbs[verb]()[1]
        killed[verb] += early
        total += early
        if verb == "create":
            site.stead("remove", "--yes", "--purge", site.name + "x", status=None)
        if total >= KILLS and all(killed.values()):  # some are over before most kills
            break
        if i % 10 == 9:
            # the ones that get through keep the rest going
            site.stead("layer", "fsck", store="origin")
            site.stead("publish", "-q", site.site, site.base(), f"--key={site.name}", store="origin")
            site.stead("pull", "-q", f"{site.name}:{site.base()}")
            site.stead("layer", "fsck")
            assert 1 <= version_inside(site) <= site.n
            site.stead("update", site.name)
    assert total >= KILLS and all(killed.values()), killed
    site.change()
    site.stead("layer", "import", "-q", site.base(), site.tree, store="origin")
    site.stead("publish", "-q", site.site, site.base(), f"--key={site.name}", store="origin")
    site.stead("pull", "-q", f"{site.name}:{site.base()}")
    site.stead("update", site.name)
    assert version_inside(site) == site.n
    for store in ("origin", "store"):
        site.stead("layer", "fsck", store=store)
    site.stead("layer", "gc", "--keep=1")
    site.stead("layer", "fsck")
    site.stead("start", site.name)
    site.stead("stop", site.name)
    assert json.loads(site.stead("history", "--json", site.name).stdout)


def test_two_at_once(site):
    """Four of everything beside each other: each ends well or says why, and nothing is damaged."""
    running = []
    for i in range(4):
        tree = site.work / f"tree{i}"
        shutil.copytree(site.tree, tree, symlinks=True)
        (tree / "etc/version").write_text(f"{100 + i}\n")
        for words in (("layer", "import", "-q", f"{site.name}/t{i % 2}", tree), ("update", site.name), ("layer", "gc"),
                      ("pull", "-q", f"{site.name}:{site.base()}"), ("layer", "fsck")):
            running.append((words, subprocess.Popen([lab.STEAD, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                                    stdin=subprocess.DEVNULL, env=site.environment["store"])))
    for words, p in running:
        out, error = p.communicate(timeout=120)
        assert p.returncode == 0 or error.startswith("stead: "), (words, p.returncode, out, error)
        assert p.returncode >= 0 and "Assertion" not in error and "Input/output" not in error, (words, error)
        assert words[1] != "fsck" or p.returncode == 0 or "adding" in error or "in use" in error or "Something" in error, (out, error)
    site.stead("layer", "fsck")
    assert version_inside(site) == 1
