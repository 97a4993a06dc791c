# SPDX-License-Identifier: LGPL-2.1-or-later
"""Running machines: start one, hear that it is ready, find its supervisor's memory, stop it."""

import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import time

import ground

# What both programs are asked for. The rest is each one's default.
OPTIONS = ["-q", "--private-users=pick", "--private-users-ownership=map", "--private-network"]


def stead():
    program, missing = ground.built("src", "launch", "stead-launch")
    return missing or [program] + OPTIONS


def nspawn():
    program, missing = ground.installed("systemd-nspawn", "systemd-container")
    return missing or [program, "--register=no", "--keep-unit"] + OPTIONS


CONTENDERS = {"stead-launch": stead, "systemd-nspawn": nspawn}


class Failed(Exception):
    pass


class Machine:
    """A machine from its spawn on. `ready_ms` is the time to READY=1 on a notification socket of its own."""

    def __init__(self, name, command, directory, timeout=120):
        self.name = name
        self.log = directory / f"{name}.log"
        path = directory / f"{name}.notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
            notify.bind(str(path))
            # A unit gives each launcher a cgroup of its own; two in one would share their machines' cgroups.
            ground.enter(name)
            with open(self.log, "wb") as log:
                begin = time.monotonic_ns()
                self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                env=dict(os.environ, NOTIFY_SOCKET=str(path)))
            try:
                self.ready_ms = (self._await_ready(notify, begin, timeout) - begin) / 1e6
            except Failed:
                self.kill()
                raise
            finally:
                path.unlink()
                ground.enter("bench")

    def _await_ready(self, notify, begin, timeout):
        pidfd = os.pidfd_open(self.process.pid)
        try:
            while True:
                left = timeout - (time.monotonic_ns() - begin) / 1e9
                readable = select.select([notify, pidfd], [], [], max(left, 0))[0]
                now = time.monotonic_ns()
                if notify in readable:
                    if b"READY=1" in notify.recv(65536).split(b"\n"):
                        return now
                elif pidfd in readable:
                    raise Failed(f"exit status {self.process.wait()} before READY=1: {self.last_words()}")
                elif not readable:
                    raise Failed(f"no READY=1 within {timeout} seconds: {self.last_words()}")
        finally:
            os.close(pidfd)

    def last_words(self):
        """The end of the console without its terminal control sequences."""
        text = self.log.read_bytes()[-65536:].decode(errors="replace")
        lines = [s for s in (re.sub(r"\x1b[\[\]][0-9;?]*[ -/]*[@-~]", "", l).strip() for l in text.splitlines()) if s]
        return " / ".join(lines[-3:]) if lines else "no message"

    def supervisor(self):
        """Memory in KiB, as (PSS, RSS), of all processes that the machine needs on the host's side."""
        pss = rss = 0
        for pid in self._host_processes():
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            pss += int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
            rss += int(re.search(r"^Rss:\s+(\d+)", text, re.M)[1])
        return pss, rss

    def _host_processes(self):
        """Our child and its descendants, as far as they are in the host's process namespace."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            if len(re.search(r"^NSpid:(.*)", status, re.M)[1].split()) > 1:
                continue
            found.append(pid)
            todo += map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return found

    def ask_to_stop(self):
        self.process.send_signal(signal.SIGTERM)

    def wait_stopped(self, timeout=30):
        """Milliseconds waited, or None when it had to be killed."""
        begin = time.monotonic_ns()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return None
        return (time.monotonic_ns() - begin) / 1e6

    def kill(self):
        self.process.kill()
        self.process.wait()
