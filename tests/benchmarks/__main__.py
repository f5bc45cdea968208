"""`make bench`: measure, and print what was measured, as it is.

python -m tests.benchmarks [NAME ...] [--json]
"""

from __future__ import annotations

import argparse
import json
import platform

from tests.benchmarks import bus, live, mounting, page, rest, runtimes, start, training
from tests.benchmarks.table import Table

BENCHMARKS = {
    "bus": bus.measure,
    "live": live.measure,
    "mounting": mounting.measure,
    "page": page.measure,
    "rest": rest.measure,
    "runtimes": runtimes.measure,
    "start": start.measure,
    "training": training.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--json", action="store_true", help="one JSON object a table")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    if not arguments.json:
        print(f"{platform.machine()}, Python {platform.python_version()}, {platform.system()}")
    for name in arguments.names or BENCHMARKS:
        table: Table = BENCHMARKS[name]()
        if arguments.json:
            print(json.dumps({"benchmark": name, "title": table.title, "rows": table.rows}))
        else:
            print(f"\n{table}")


if __name__ == "__main__":
    main()
