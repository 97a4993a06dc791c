# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures of the machine tests, and the table of compliance made from a run.

A machine is booted once for each tree with and without user namespace; every check that only looks
shares it. A test that changes something makes its own.
"""
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import compliance  # noqa: E402
import lab  # noqa: E402
import table  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--compliance", metavar="FILE", help="write the table of compliance to FILE")


def pytest_configure(config):
    if os.geteuid() != 0:
        pytest.exit("machine tests boot trees and need root. Try: sudo tools/check --only machine", 2)
    if not config.option.collectonly and not lab.LAUNCH.exists():
        pytest.exit(f"there is no {lab.LAUNCH}. Try: tools/check --only gcc", 2)
    parent = os.environ.get("STEAD_TEST_WORK", "/var/tmp")
    # a run that is stopped ends its machines, as with Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    lab.work = pathlib.Path(tempfile.mkdtemp(prefix="stead-test.", dir=parent))
    config.pluginmanager.register(compliance.Recorder(config.option.compliance))


def combination_of(item):
    """(tree, user namespace) of the shared machine that a test looks at, or None."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    return params.get("machine") or params.get("plain")


def pytest_itemcollected(item):
    """What shares a machine stays in one process, if there are several (--dist=loadgroup)."""
    combination = combination_of(item)
    item.add_marker(pytest.mark.xdist_group(table.label(combination) if combination else item.path.stem))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """All tests of one (tree, user namespace) together, so that each machine is booted once."""
    def place(item):
        combination = combination_of(item)
        return table.COMBINATIONS.index(combination) if combination else len(table.COMBINATIONS)
    items.sort(key=place)


def pytest_sessionfinish(session):
    changed = lab.changed_trees()
    if changed:
        print(f"\nFAILED: tests changed {len(changed)} files of trees that all of them share:", *changed[:20], sep="\n  ")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config):
    # the console's last words outlive a machine by design; these machines have no reader
    for path in pathlib.Path("/run/stead/console").glob(f"st{os.getpid()}-*"):
        path.unlink(missing_ok=True)
    # a killed launcher's control group stays until its name starts again, which these never do
    for where in ("machine.slice", "*/machine.slice"):
        for path in pathlib.Path("/sys/fs/cgroup").glob(f"{where}/stead-st{os.getpid()}-*"):
            with contextlib.suppress(OSError):  # somebody is in it: the check of what is left shall see it
                for below in path.iterdir():
                    if below.is_dir():
                        below.rmdir()
                path.rmdir()
    if lab.work:
        subprocess.run(["rm", "-rf", "--one-file-system", lab.work], check=False)


@pytest.fixture(scope="session")
def machine(request):
    """A booted Debian of (tree, user namespace)."""
    name, userns = request.param
    where = lab.copy_tree(name)
    m = lab.Machine(where, userns=userns, name=lab.new_name(name))
    m.tree_name = name
    links = lab.links()
    m.start()
    yield m
    try:
        status = m.stop()
        assert status == 0, f"launcher ended with {status}:\n{m.output()[-2000:]}"
        m.assert_clean()
        lab.assert_no_more(lab.links, links)
    finally:
        lab.remove_tree(where)


@pytest.fixture(scope="session")
def plain(request):
    """A function that runs one command in (tree, user namespace); the copy is shared, so do not write."""
    name, userns = request.param
    where = lab.copy_tree(name)

    def call(*command, **more):
        return lab.run(where, *command, userns=userns, **more)
    call.where, call.userns, call.tree_name = where, userns, name
    yield call
    lab.remove_tree(where)


@pytest.fixture
def own_tree():
    """A function that gives a fresh copy of a tree, removed after the test."""
    made = []

    def call(name="bookworm", links=True):
        made.append(lab.copy_tree(name, links=links))
        return made[-1]
    yield call
    for path in made:
        lab.remove_tree(path)
