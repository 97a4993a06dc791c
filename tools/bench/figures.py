# SPDX-License-Identifier: LGPL-2.1-or-later
"""Figures and how they are shown: medians, aligned tables, goals, JSON. Knows nothing of what was measured."""

import json
import os
import statistics
import sys


class Row:
    """One contender: its samples, or the reason why there are none. A contender is never left out in silence."""

    def __init__(self, name, samples=(), missing=None):
        self.name = name
        self.samples = sorted(samples)
        self.missing = missing

    @property
    def median(self):
        return statistics.median(self.samples) if self.samples else None

    @property
    def p90(self):
        """The smallest sample that nine tenths of all do not exceed."""
        return self.samples[-(-9 * len(self.samples) // 10) - 1] if self.samples else None

    @property
    def least(self):
        return self.samples[0] if self.samples else None


class Goal:
    """A quotient or amount with an upper limit. A value of None says that a part of it could not be measured."""

    def __init__(self, name, value, limit, unit=""):
        self.name, self.value, self.limit, self.unit = name, value, limit, unit

    @property
    def met(self):
        return None if self.value is None else self.value <= self.limit

    def __str__(self):
        if self.value is None:
            return f"{self.name} not measured (goal <= {self.limit:g}{self.unit})"
        verdict = "reached" if self.met else "MISSED"
        # Three places below one, so that 0.104 does not look like the 0.1 that it misses.
        value = f"{self.value:.2f}" if self.value >= 1 else f"{self.value:.3f}"
        return f"{self.name} {value}{self.unit} (goal <= {self.limit:g}{self.unit}) {verdict}"


def ratio(a, b):
    return a / b if a is not None and b else None


def table(head, rows):
    """Aligned columns: the first to the left, numbers to the right; a row may end early."""
    cells = [head] + [[c if isinstance(c, str) else f"{c:.2f}" for c in row] for row in rows]
    width = [max(len(r[i]) for r in cells if len(r) == len(head)) for i in range(len(head))]
    width[0] = max(len(r[0]) for r in cells)
    for row in cells:
        if len(row) < len(head):
            print(row[0].ljust(width[0]) + "  " + "  ".join(row[1:]))
        else:
            print("  ".join([row[0].ljust(width[0])] + [c.rjust(w) for c, w in zip(row[1:], width[1:])]))


def host():
    """What the figures depend on, beside the programs."""
    return {
        "kernel": os.uname().release,
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "init": open("/proc/1/comm").read().strip(),
    }


def report(args, what, notes, head, cells, data, goals):
    """Prints everything as text or as one JSON object; returns the exit status that --check asks for."""
    if args.json:
        goals_data = [{"name": g.name, "value": g.value, "limit": g.limit, "met": g.met} for g in goals]
        json.dump({"bench": what, "host": host(), "notes": notes, "results": data, "goals": goals_data},
                  sys.stdout, indent=2)
        print()
    else:
        h = host()
        print(f"{what}: kernel {h['kernel']}, {h['cpus']} processors, load {h['load']}, PID 1 {h['init']}")
        for note in notes:
            print(f"note: {note}")
        print()
        table(head, cells)
        print()
        for goal in goals:
            print(goal)
    return 1 if args.check and not all(g.met for g in goals) else 0
