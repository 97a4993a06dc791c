# SPDX-License-Identifier: LGPL-2.1-or-later
"""Layers from end to end on a host without systemd: see story.py."""
import os
import subprocess
import sys

import pytest

import lab
import story


class Here:
    """This host, with a store and states of its own."""

    def __init__(self, work):
        self.work, self.word = work, lab.new_name("story")
        self.v1, self.v2, self.apps = (lab.tree(n) for n in ("layer-v1", "layer-v2", "layer-apps"))
        self.state, self.servers = work / "machines", []
        self.environment = lab.clean_environment(STEAD_STORE=str(work / "store"), STEAD_STATE=str(work / "machines"),
                                                 PATH=f"{lab.STEAD.parent}:{os.environ['PATH']}")

    def run(self, command, status=0):
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300,
                              env=self.environment)
        assert status is None or done.returncode == status, f"{command}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def serve(self, directory):
        server = subprocess.Popen([sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "-d", directory],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.servers.append(server)
        return f"http://127.0.0.1:{server.stdout.readline().split()[5]}"


@pytest.fixture
def here():
    work = lab.work / lab.new_name("story")
    work.mkdir()
    host = Here(work)
    yield host
    for server in host.servers:
        server.kill()
        server.wait()
    lab.remove_tree(work)


def test_story(here):
    told = story.Story(here)
    try:
        told.run()
    finally:
        told.clean()
