"""Made-up recordings in the layout of the data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from harpi_models.datasets.catalogue import DataSet

UP = np.array([0, 0.6, 0.8])


def arrays(
    data_set: DataSet,
    labels: tuple[str, ...],
    *,
    subjects: tuple[int, ...] = (1, 2, 3),
    positions: tuple[str, ...] = ("left_leg", "wrist"),
    seconds: float = 12.0,
    rate: float = 50.0,
) -> dict[str, Any]:
    """Every person at every place does everything: a swing whose pace tells the label."""
    rng = np.random.default_rng(len(data_set.name))
    count = int(seconds * rate)
    times = np.arange(count) / rate
    columns: dict[str, list[Any]] = {name: [] for name in ("acc", "gyro", "keys")}
    segment = 0
    for subject in subjects:
        for p in range(len(positions)):
            for c in range(len(labels)):
                swing = np.sin(2 * np.pi * (0.7 + 0.6 * c) * times + rng.uniform(0, 6))
                swing = swing[:, None] * [0.2, 0.4, 0.1] + rng.normal(0, 0.02, (count, 3))
                columns["acc"].append((swing + UP) * 4096)
                columns["gyro"].append(swing * 200 * 32.8)
                columns["keys"].append(np.tile([subject, p, c, segment, segment], (count, 1)))
                segment += 1
    keys = np.concatenate(columns["keys"])
    return {
        "acc": np.concatenate(columns["acc"]).astype(np.int16),
        "gyro": np.concatenate(columns["gyro"]).astype(np.int16),
        "subject": keys[:, 0].astype(np.uint16),
        "position": keys[:, 1].astype(np.uint8),
        "label": keys[:, 2].astype(np.uint8),
        "segment": keys[:, 3].astype(np.int32),
        "recording": keys[:, 4].astype(np.int32),
        "label_names": np.array(labels),
        "position_names": np.array(positions),
        "fs": np.float64(rate),
        "acc_lsb_per_g": np.float64(4096),
        "gyro_lsb_per_dps": np.float64(32.8),
    }


def write(folder: Path, data_set: DataSet, labels: tuple[str, ...], **options: Any) -> Path:
    """Write such recordings where a reader looks for the set."""
    path = folder / f"{data_set.name}.npz"
    np.savez(path, **arrays(data_set, labels, **options))
    return path


def damaged(content: bytes, data: st.DataObject) -> bytes:
    """Some bytes changed, and perhaps the end lost."""
    changed = bytearray(content)
    places = st.integers(0, len(changed) - 1)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)):
        changed[place] = value
    return bytes(changed[: data.draw(st.integers(len(changed) // 2, len(changed)))])
