"""Feed some targets for some minutes: python -m tests.labs.campaign.fuzz [TARGET ...].

Adds to the record, and writes it into docs/fuzzing.md.
"""

from __future__ import annotations

import argparse
import sys

from tests.labs.campaign.__main__ import DOCS, PAGES, write
from tests.labs.campaign.fuzz.campaign import INPUTS, MINUTES, feed, table
from tests.labs.campaign.fuzz.record import Record
from tests.labs.campaign.fuzz.targets import TARGETS


def main() -> None:
    """Read the command line and feed."""
    names = [target.name for target in TARGETS]
    parser = argparse.ArgumentParser(
        prog="python -m tests.labs.campaign.fuzz",
        description=(__doc__ or "").partition("\n")[0],
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(names)}")
    parser.add_argument("--seed", type=int, default=1, help="chooses what they are fed (1)")
    parser.add_argument(
        "--inputs",
        type=int,
        default=INPUTS,
        help=f"over all ({INPUTS:,}); 0 only writes the table",
    )
    parser.add_argument(
        "--minutes", type=float, default=MINUTES, help=f"of one target at most ({MINUTES:g})"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.targets) - set(names):
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    chosen = [target for target in TARGETS if target.name in (arguments.targets or names)]
    result = feed(chosen, arguments.seed, arguments.inputs, arguments.minutes, keep=True)
    print(result.markdown())
    write(DOCS / PAGES["fuzz"], "fuzz", table(Record.read()).markdown())
    if result.failures:
        sys.exit("Something failed that must not.")


if __name__ == "__main__":
    main()
