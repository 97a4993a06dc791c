# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks as data: one row is one `in:` check of the container interface, from which one test is made
whose name starts with the item's. Rows that hold only with or without a user namespace, or only for
some trees, are not made for the others, so that nothing has to be skipped.
"""
import collections
import re

import pytest

import lab

Row = collections.namedtuple("Row", "item title command expect unless userns trees options env")


def row(item, title, command, expect=None, *, unless=None, userns=None, trees=None, options=(), env=None):
    """@expect must be found in the output, @unless must not; @userns None: with and without."""
    return Row(item, title, command, expect, unless, userns, trees or lab.DEBIANS, tuple(options), env)


# pytest compares parameters by identity when it decides whether a fixture can be used again
COMBINATIONS = [(t, u) for t in lab.DEBIANS for u in (True, False)]


def combinations(userns=None, trees=None):
    return [c for c in COMBINATIONS if c[0] in (trees or lab.DEBIANS) and userns in (None, c[1])]


def label(combination):
    return f"{combination[0]}-{'users' if combination[1] else 'nousers'}"


def on_machines(userns=None, trees=None):
    """Decorator: the test gets `machine`, booted once for each tree with and without user namespace."""
    return pytest.mark.parametrize("machine", combinations(userns, trees), indirect=True, ids=label,
                                   scope="session")


def on_trees(userns=None, trees=None):
    """Decorator: the test gets `plain`, a function that runs one command as PID 1 of a tree."""
    return pytest.mark.parametrize("plain", combinations(userns, trees), indirect=True, ids=label,
                                   scope="session")


def judge(r, output):
    if r.expect is not None:
        assert re.search(r.expect, output, re.M), f"{r.item} {r.title}: {r.command!r} printed:\n{output}"
    if r.unless is not None:
        assert not re.search(r.unless, output, re.M), f"{r.item} {r.title}: {r.command!r} printed:\n{output}"


def _add(scope, r, test, used):
    name = "test_" + r.item.replace("-", "_") + "_" + re.sub(r"\W+", "_", r.title.lower()).strip("_")
    assert name not in used, f"two rows are called {name}"
    used.add(name)
    test.__name__ = test.__qualname__ = name
    test.__doc__ = f"{r.item}: {r.title}"
    scope[name] = test


def in_machine(scope, rows):
    """Makes one test of each row, run in a booted machine."""
    for r in rows:
        def test(machine, r=r):
            judge(r, machine.sh(r.command))
        # pytest must not take the row for a fixture
        test.__signature__ = _only("machine")
        _add(scope, r, on_machines(r.userns, r.trees)(test), set(scope))


def in_command(scope, rows):
    """Makes one test of each row, run as the plain command of a launcher of its own."""
    for r in rows:
        def test(plain, r=r):
            result = plain("/bin/sh", "-c", "exec 2>&1; " + r.command, options=r.options, env=r.env)
            judge(r, (result.stdout + result.stderr).rstrip("\n"))
        test.__signature__ = _only("plain")
        _add(scope, r, on_trees(r.userns, r.trees)(test), set(scope))


def _only(name):
    import inspect
    return inspect.Signature([inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD)])
