# SPDX-License-Identifier: LGPL-2.1-or-later
"""One virtual machine for all tests of a run. A test leaves it as it found it: `machine` removes what it
made, and what a test writes elsewhere it takes away itself."""
import pathlib
import shutil
import signal
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import lab  # noqa: E402
import vm as virtual  # noqa: E402


def pytest_configure(config):
    if not config.option.collectonly:
        if not (virtual.BUILD / "src/launch/stead-launch").exists():
            pytest.exit(f"there is no build in {virtual.BUILD}. Try: tools/check --only gcc", 2)
        if shutil.which("qemu-system-x86_64") is None:
            pytest.exit("there is no qemu-system-x86_64. Try: sudo tools/check --only packages", 2)
    # a run that is stopped ends its virtual machine, as with Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def vm():
    work = pathlib.Path(tempfile.mkdtemp(prefix="stead-vm.", dir="/var/tmp"))
    machine = virtual.Vm(work)
    try:
        yield machine.attach(lab.running_vm()) if lab.running_vm() else machine.start()
    finally:
        machine.stop()
        shutil.rmtree(work)


@pytest.fixture
def machine(vm):
    """A function that defines a machine: its name and lines of its definition give a lab.Machine, which is
    stopped and forgotten after the test."""
    made = []

    def call(name, text="", **more):
        made.append(lab.Machine(vm, name, text, **more))
        return made[-1]
    yield call
    for one in made:
        one.remove()
