# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/compliance.md: every item of the container interface with the result of its tests.

`pytest tests/machine --compliance docs/compliance.md` writes it. The items stand in items.tsv: id,
level, section, title; a fifth column says why an item has no test here.
"""
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
COLUMNS = [f"{t} {u}" for t in ("bullseye", "bookworm", "trixie") for u in ("users", "nousers")]
HEAD = """<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->
# What a machine owes its tree, and what the tests say

Made by `tools/check --compliance`; do not edit. Level R is required, E expected, O optional. A cell
holds the result for that Debian release with a user namespace (U) and without (-); an item that is
tested only once, or on the host, has its result under *any*.

| Item | Level | What | 11 U | 11 - | 12 U | 12 - | 13 U | 13 - | any |
|---|---|---|---|---|---|---|---|---|---|
"""


def items():
    for line in (HERE / "items.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            yield (line.split("\t") + [""])[:5]


def item_ids(name):
    """CI-nnn in the name of a test; test_CI_064_065_x is both."""
    m = re.match(r"test_CI((?:_\d{3})+)", name)
    return [f"CI-{n}" for n in m[1].split("_")[1:]] if m else []


class Recorder:
    def __init__(self, path):
        self.path, self.results = path, {}

    def pytest_runtest_logreport(self, report):
        if report.when != "call" and report.outcome == "passed":
            return
        name = report.nodeid.split("::")[-1]
        place = "any"
        m = re.search(r"\[(bullseye|bookworm|trixie)-(users|nousers)", name)
        if m:
            place = f"{m[1]} {m[2]}"
        for item in item_ids(name):
            self.results.setdefault(item, {}).setdefault(place, []).append(report.outcome)

    def cell(self, item, place):
        got = self.results.get(item, {}).get(place, [])
        if not got:
            return ""
        for bad in ("failed", "skipped"):
            if bad in got:
                return bad
        return "ok"

    def pytest_sessionfinish(self):
        if not self.path:
            return
        lines = []
        for item, level, _, title, reason in items():
            cells = [self.cell(item, place) for place in [*COLUMNS, "any"]]
            if not any(cells):
                cells[-1] = reason or "no test"
            lines.append(f"| {item} | {level} | {title} | {' | '.join(cells)} |")
        pathlib.Path(self.path).write_text(HEAD + "\n".join(lines) + "\n")
