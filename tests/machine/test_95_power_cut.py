# SPDX-License-Identifier: LGPL-2.1-or-later
"""A power cut at any moment leaves a store that is whole: what has a name in it is complete."""
import json
import os
import pathlib
import subprocess

import pytest

import lab

CUTS = int(os.environ.get("STEAD_POWER_CUTS", "50"))
SCRIPT = pathlib.Path(__file__).with_name("power_cut.py")


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_power_cut(kind, tmp_path_factory):
    where = lab.work / lab.new_name(f"cut-{kind}")
    where.mkdir()
    cuts = CUTS if kind == "ext4" else max(CUTS // 5, 5)
    try:
        done = subprocess.run(["unshare", "-m", "--propagation", "private", SCRIPT, where, lab.STEAD, kind, str(cuts)],
                              capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr[-3000:]
        result = json.loads(done.stdout)
        assert result["failed"] == []
        assert result["bad"] == []
        assert max(result["layers"]) >= 3, "the load did nothing"
    finally:
        lab.remove_tree(where)
