# SPDX-License-Identifier: LGPL-2.1-or-later
"""The list of items, the committed table and the tests agree."""
import pathlib
import re

import compliance
import lab

SECTIONS = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 20}


def test_every_required_item_has_a_test(request):
    """An item without a test says why in items.tsv."""
    tested = set()
    for path in pathlib.Path(__file__).parent.glob("test_*.py"):
        text = path.read_text()
        for name in re.findall(r"def (test_CI\w+)", text):
            tested.update(compliance.item_ids(name))
        tested.update(re.findall(r'row\("(CI-\d{3})"', text))
    missing = [item for item, level, section, _, reason in compliance.items()
               if level in "RE" and int(section) in SECTIONS and item not in tested and not reason]
    assert missing == []


def test_committed_table_lists_every_item():
    text = (lab.TOP / "docs/compliance.md").read_text()
    assert [item for item, *_ in compliance.items() if f"| {item} |" not in text] == []
