"""Write recordings as .csv: a header `time,ax,ay,az,gx,gy,gz,label`, then seconds, g, deg/s."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from harpi.files import write_atomically
from harpi.recording.delimited import HEADER
from harpi.recording.table import Table
from harpi.recording.timing import GAP_PERIODS


def write_csv(path: Path, table: Table) -> None:
    """Write a table, atomically; a second and more is left out between segments.

    Raises:
        OSError: the file cannot be written.
    """
    gaps = (table.segment - table.segment[0]) * (1.0 + GAP_PERIODS / table.rate)
    times = np.arange(len(table.values)) / table.rate + gaps
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADER.split(","))
    names = [*table.label_names, ""]
    writer.writerows(
        (f"{time:.6f}", *sample, names[label])
        for time, sample, label in zip(
            times.tolist(), table.values.tolist(), table.label.tolist(), strict=True
        )
    )
    write_atomically(path, buffer.getvalue().encode())
