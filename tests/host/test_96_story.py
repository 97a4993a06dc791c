# SPDX-License-Identifier: LGPL-2.1-or-later
"""Layers from end to end on hosts with systemd, where the machines are units: tests/machine/story.py."""
import importlib.util

import pytest

import lab

_spec = importlib.util.spec_from_file_location("story", lab.TOP / "tests/machine/story.py")
story = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(story)

WORK = "/var/tmp/story"


class There:
    """A host as the story wants one. Its trees are those of the cache, bound into it."""
    work, word, state = WORK, "story", "/var/lib/stead/machines"

    def __init__(self, host, v1, v2, apps):
        self.host, self.v1, self.v2, self.apps = host, v1, v2, apps

    def run(self, command, status=0):
        done = self.host.run("/bin/sh", "-c", command, timeout=300)
        assert status is None or done.returncode == status, f"{command}: {done.returncode}\n{done.stdout[-3000:]}"
        return done.stdout

    def serve(self, directory):
        self.run(f"systemd-run -q --unit=site python3 -m http.server 8099 --bind 127.0.0.1 -d {directory}")
        self.host.wait("ss -ltn | grep -q :8099")
        return "http://127.0.0.1:8099"


@pytest.mark.parametrize("version", ["252", "257"])
def test_story(version):
    trees = [lab.machines.tree(n) for n in ("layer-v1", "layer-v2", "layer-apps")]
    with lab.Host(version, options=[f"--bind-ro={t}" for t in trees]) as host:
        told = story.Story(There(host, *trees))
        told.host.run(f"mkdir -p {WORK}")
        try:
            told.run()
            assert host.sh("systemctl is-system-running") in ("running", "degraded")
        finally:
            told.clean()
