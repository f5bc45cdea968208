"""How `head_layout_1.safetensors` was made; it is not made again while layout 1 is read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from harpi.recognition.head import Head
from harpi.recognition.model_file import ImuInput
from harpi.recognition.rejection import Rejection

HEAD = Head(
    kind="softmax",
    labels=("rest", "Kniebeuge", "走る"),
    parameters={
        "w0": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b0": np.array([0.5, 0.25, 0], np.float32),
    },
    slots={"m_b0": np.array([1, 2, 3], np.float32)},
    step=7,
    base="0123456789abcdef" * 4,
    base_name="made up 1.2",
    input=ImuInput(rate=25.0, length=64),
    features=2,
    rejection=Rejection(
        means=np.array([[0, 0], [9, 9]], np.float32),
        scales=np.array([[1, 2], [3, 4]], np.float32),
        threshold=1.5,
    ),
    figures={"accuracy": 0.875, "held_out": 40},
    created=datetime(2025, 3, 1, 12, 30, tzinfo=UTC),
)

if __name__ == "__main__":
    HEAD.write(Path(__file__).parent / "head_layout_1.safetensors")
