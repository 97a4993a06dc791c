# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trees of other architectures: the 32-bit side of this kernel."""
import platform

import lab
import pytest

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="its trees are for a host of x86-64")


def test_exec_shows_what_pid_1_was_given(own_tree):
    """Of a 64-bit tree that pretends, too."""
    with lab.Machine(own_tree("busybox"), "--personality=x86") as m:
        assert m.exec("uname", "-m").stdout == "i686\n"
