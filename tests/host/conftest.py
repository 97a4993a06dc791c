# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures of the host tests.

A host is booted once for each systemd and shared; so are the two machines on it that tests only look at,
one started as a service and one by hand. A test that changes something makes its own machine, and one that
harms the host its own host.
"""
import contextlib
import os
import pathlib
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402

VERSIONS = sorted(lab.VERSIONS)


def pytest_configure(config):
    if os.geteuid() != 0:
        pytest.exit("host tests boot hosts and need root. Try: sudo tools/check --only host", 2)
    if not config.option.collectonly:
        if not lab.STEAD.exists():
            pytest.exit(f"there is no {lab.STEAD}. Try: tools/check --only gcc", 2)
        # a run that is stopped ends its hosts, as with Ctrl-C
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        lab.new_work()


def pytest_sessionfinish(session):
    changed = lab.machines.changed_trees()
    if changed:
        print(f"\nFAILED: tests changed {len(changed)} files of trees that all of them share:", *changed[:20], sep="\n  ")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config):
    if lab.work:
        subprocess.run(["rm", "-rf", "--one-file-system", lab.work], check=False)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """All tests of one systemd together, and of those the ones that share a host first."""
    def place(item):
        params = item.callspec.params if hasattr(item, "callspec") else {}
        shares = "host" in getattr(item, "fixturenames", ())
        return (VERSIONS.index(params["version"]) if "version" in params else len(VERSIONS), not shares)
    items.sort(key=place)


@pytest.fixture(scope="session", params=VERSIONS)
def version(request):
    """systemd's version, where a test makes its own host."""
    return request.param


@pytest.fixture(scope="session")
def host(version):
    """The shared host of this systemd."""
    with lab.Host(version) as h:
        yield h


@pytest.fixture(scope="session")
def service(host):
    """The shared machine that systemd started."""
    host.add_guest("web")
    yield from run_shared(lab.Guest(host, "web", "service"))


@pytest.fixture(scope="session")
def scope(host):
    """The shared machine that a person started."""
    host.add_guest("by-hand")
    yield from run_shared(lab.Guest(host, "by-hand", "scope"))


def run_shared(guest):
    try:
        guest.start()
        yield guest
        guest.stop()
        guest.wait_gone()
    finally:
        guest.remove()


@pytest.fixture(params=lab.KINDS)
def machine(request, host):
    """The shared machine of either kind; tests only look at it, or undo what they did."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def make(host):
    """A function that gives a machine of its own on the shared host, not yet started, removed after the test."""
    made = []

    def call(name, kind="service", options=(), **more):
        host.add_guest(name, **more)
        made.append(lab.Guest(host, name, kind, options))
        return made[-1]
    yield call
    for guest in made:
        guest.remove()


@pytest.fixture
def make_host(version):
    """A function that boots a host of its own for a test that harms it."""
    with contextlib.ExitStack() as stack:
        yield lambda **more: stack.enter_context(lab.Host(version, **more))
