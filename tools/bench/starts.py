# SPDX-License-Identifier: LGPL-2.1-or-later
"""Timing starts to their end, all contenders alternating. Knows nothing of what is started."""

import subprocess

import ground


def probe(command):
    """One start whose words are kept: the reason if it does not work, else None."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=30, text=True, errors="replace")
    except subprocess.TimeoutExpired:
        return "did not end within 30 seconds"
    if done.returncode == 0:
        return None
    words = done.stdout.strip().splitlines()
    return f"exit status {done.returncode}: {words[-1] if words else 'no message'}"


def measure(args, commands, log):
    """Returns the milliseconds of each command, and of how many starts the status was not 0."""
    names = list(commands)
    program, missing = ground.built("tools", "bench", "stopwatch")
    if missing:
        raise SystemExit(f"bench: {missing}")

    vector = [program, str(args.rounds), str(args.settle)]
    for i, name in enumerate(names):
        vector += ([":::"] if i else []) + commands[name]
    done = subprocess.run(vector, stdout=subprocess.PIPE, stderr=log, text=True, check=True)

    times = {name: [] for name in names}
    failed = dict.fromkeys(names, 0)
    for line in done.stdout.splitlines():
        k, ns, status = map(int, line.split())
        times[names[k]].append(ns / 1e6)
        failed[names[k]] += status != 0
    return times, failed
