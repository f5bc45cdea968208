"""What `arm_program.py` computes on this machine and on another, held against each other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from tests.labs.rigs.cache import ROOT

PROGRAM: Final = "tests/labs/rigs/arm_program.py"
MODEL: Final = "tests/data/tiny_mlp.tflite"
"""What it reads beside itself."""
EXACT: Final = 1e-5
LEARNT: Final = 1e-4
"""Exactness of what many steps learn: each adds to what the ones before have left."""


def of_this_machine() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, ROOT / PROGRAM],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def assert_the_same(there: dict[str, Any], here: dict[str, Any]) -> None:
    """Hold figures against each other.

    Raises:
        AssertionError: they differ by more than single precision does.
    """
    for name in ("generic", "features", "loss"):
        _assert_near(there[name], here[name], EXACT, name)
    for group, exactness in (("parameters", EXACT), ("of two layers", LEARNT)):
        assert there[group].keys() == here[group].keys()
        for name, values in here[group].items():
            _assert_near(there[group][name], values, exactness, f"{group}: {name}")


def _assert_near(there: ArrayLike, here: ArrayLike, exactness: float, name: str) -> None:
    # Single precision adds terms of all sizes: what is left of them where they cancel is as
    # exact as the largest.
    largest = max(1.0, float(np.abs(here).max()))
    np.testing.assert_allclose(there, here, atol=exactness * largest, rtol=0, err_msg=name)
