"""`make bench`: measure, and print what was measured, as it is.

python -m tests.labs.benchmarks [NAME ...] [--quick] [--data DIR] [--models DIR]
                           [--tflite-runtime PYTHON] [--json | --write FILE]
"""

from __future__ import annotations

import argparse
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.labs.benchmarks import surroundings
from tests.labs.benchmarks.effort import FULL, QUICK
from tests.labs.benchmarks.page_of_figures import page
from tests.labs.benchmarks.register import BENCHMARKS
from tests.labs.benchmarks.table import Spread, Table


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.labs.benchmarks", description=__doc__
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--quick", action="store_true", help="a fifth of the repetitions")
    parser.add_argument("--data", type=_folder, metavar="DIR", help="further recordings, *.npz")
    parser.add_argument(
        "--models", type=_folder, metavar="DIR", help="what `harpi-models train` wrote"
    )
    parser.add_argument(
        "--tflite-runtime", type=_program, metavar="PYTHON", help="one that has tflite-runtime"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a table")
    form.add_argument("--write", type=Path, metavar="FILE", help="also write the page")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(
            f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}"
        )
    if options.write is not None and not os.access(options.write.parent, os.W_OK):
        parser.error(f"{options.write} cannot be written: {options.write.parent} is no folder")
    names = options.names or list(BENCHMARKS)
    effort = replace(
        QUICK if options.quick else FULL,
        data=options.data,
        models=options.models,
        tflite_runtime=options.tflite_runtime,
    )
    logging.getLogger("harpi").addHandler(logging.NullHandler())  # what it meets is counted
    before = surroundings.machine()
    if not options.json:
        print(f"{before}\n{surroundings.versions()}")
    measured: dict[str, list[Table]] = {}
    loads: dict[str, str] = {}
    for name in names:
        measured[name] = BENCHMARKS[name].measure(effort)
        loads[name] = surroundings.load()
        for table in measured[name]:
            _show(name, table, as_json=options.json)
        if options.write is not None:  # each time: a run that is broken off leaves what it has
            options.write.write_text(page(measured, loads, before, effort), encoding="utf-8")


def _folder(text: str) -> Path:
    folder = Path(text)
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text}")
    return folder


def _program(text: str) -> Path:
    if not os.access(text, os.X_OK):
        raise argparse.ArgumentTypeError(f"there is no program {text}")
    return Path(text)


def _show(name: str, table: Table, *, as_json: bool) -> None:
    if not as_json:
        print(f"\n{table}", flush=True)
        return
    rows = [
        {key: vars(cell) if isinstance(cell, Spread) else cell for key, cell in row.items()}
        for row in table.rows
    ]
    told = {"benchmark": name, "title": table.title, "rows": rows, "note": table.note}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
