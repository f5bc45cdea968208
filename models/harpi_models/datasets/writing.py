"""Recordings into the common layout that `layout` reads."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harpi_models.datasets.catalogue import DataSet
from harpi_models.datasets.originals import Stretch

ACC_LSB_PER_G = 4096.0
GYRO_LSB_PER_DPS = 32.8


def to_layout(data_set: DataSet, rate: float, stretches: Sequence[Stretch]) -> bytes:
    """Write recordings as an ``.npz`` of the layout.

    Values beyond the 16 bits of +/-8 g and +/-1000 deg/s are clipped; samples that are not
    finite are left out.
    """
    labels = _names(np.concatenate([_labels(s) for s in stretches]))
    positions = _names(np.array([s.position for s in stretches]))
    recordings = _names(np.array([s.recording for s in stretches]))
    columns: dict[str, list[NDArray[np.generic]]] = {}
    for i, stretch in enumerate(stretches):
        both = np.column_stack([stretch.acceleration, stretch.rate])
        kept = np.isfinite(both).all(axis=1)
        count = int(kept.sum())
        counts = _to_int16(both[kept])
        parts: dict[str, NDArray[np.generic]] = {
            "acc": counts[:, :3],
            "gyro": counts[:, 3:],
            "subject": np.full(count, stretch.subject, np.uint16),
            "position": np.full(count, positions.index(stretch.position), np.uint8),
            "label": np.array([labels.index(x) for x in _labels(stretch)[kept]], np.uint8),
            "segment": np.full(count, i, np.int32),
            "recording": np.full(count, recordings.index(stretch.recording), np.int32),
        }
        for name, values in parts.items():
            columns.setdefault(name, []).append(values)
    arrays: dict[str, Any] = {n: np.concatenate(parts) for n, parts in columns.items()}
    meta = {
        "name": data_set.name,
        "source": data_set.title,
        "licence": data_set.licence,
        "citation": data_set.citation,
    }
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        label_names=np.array(labels),
        position_names=np.array(positions),
        fs=np.float64(rate),
        acc_lsb_per_g=np.float64(ACC_LSB_PER_G),
        gyro_lsb_per_dps=np.float64(GYRO_LSB_PER_DPS),
        meta=np.array(json.dumps(meta)),
        **arrays,
    )
    return buffer.getvalue()


def _to_int16(values: NDArray[np.floating]) -> NDArray[np.int16]:
    scaled = values * np.repeat([ACC_LSB_PER_G, GYRO_LSB_PER_DPS], 3)
    return np.asarray(np.clip(np.rint(scaled), -32768, 32767), np.int16)


def _labels(stretch: Stretch) -> NDArray[np.str_]:
    if isinstance(stretch.labels, str):
        return np.full(len(stretch.acceleration), stretch.labels)
    return stretch.labels


def _names(values: NDArray[np.str_]) -> list[str]:
    """Every name once, in the order in which they come."""
    unique, first = np.unique(values, return_index=True)
    return [str(name) for name in unique[np.argsort(first)]]
