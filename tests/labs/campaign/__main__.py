"""`make campaign`: hours of faults, power cuts, virtual weeks and hostile input.

python -m tests.labs.campaign [NAME ...] [--seed N] [--quick]

Whole campaigns write their tables into the pages of docs/; quick ones only print them.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from tests.labs.campaign.result import Result

DOCS = Path(__file__).resolve().parents[3] / "docs"

PAGES = {
    "faults": "faults.md",
    "power": "faults.md",
    "soak": "faults.md",
    "fuzz": "fuzzing.md",
}
"""The campaigns, each `tests.labs.campaign.NAME` with a `run(seed, quick)`, and their pages."""


def write(page: Path, name: str, text: str) -> None:
    """Replace what stands between the marks of a campaign.

    Raises:
        ValueError: the page has no such marks.
    """
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{page} has no place for {name}: {begin.strip()} ... {end}")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.labs.campaign", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PAGES)}")
    parser.add_argument("--seed", type=int, default=1, help="chooses what happens (1)")
    parser.add_argument("--quick", action="store_true", help="a minute instead of hours")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(PAGES):
        parser.error(f"no campaign {', '.join(unknown)}; there are {', '.join(PAGES)}")
    failed = False
    for name in arguments.names or PAGES:
        campaign = importlib.import_module(f"tests.labs.campaign.{name}")
        result: Result = campaign.run(arguments.seed, arguments.quick)
        print(result.markdown(), flush=True)
        failed = failed or bool(result.failures)
        if not arguments.quick:
            write(DOCS / PAGES[name], name, result.markdown())
    if failed:
        sys.exit("Something failed that must not.")


if __name__ == "__main__":
    main()
