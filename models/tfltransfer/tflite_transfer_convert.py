"""The command `tflite-transfer-convert` of 2019: its options, and nothing else."""

from __future__ import annotations

import sys


def main() -> None:
    """Hand everything to `harpi-models convert`, which kept the names of the options.

    Raises:
        SystemExit: always.
    """
    from harpi_models.cli import main as harpi_models

    harpi_models(["convert", *sys.argv[1:]])


if __name__ == "__main__":
    main()
