"""harpi on the processors and with the wheels of a Pi."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harpi.timebase import SystemTime
from tests.rigs import shim
from tests.rigs.arm import COMPILER_32, COMPILER_64, PI_OS_32, PI_OS_64, System
from tests.rigs.cache import ROOT
from tests.rigs.wire import Adapter
from tests.support.device import emulated

pytestmark = [pytest.mark.rig, pytest.mark.timeout(1500)]

PROGRAM = "tests/rigs/arm_program.py"


@pytest.fixture(scope="module")
def here() -> dict[str, Any]:
    """The figures of this machine."""
    done = subprocess.run(
        [sys.executable, ROOT / PROGRAM],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


@pytest.mark.parametrize(
    ("system", "machine", "runtime"),
    [(PI_OS_64, "aarch64", "ai_edge_litert"), (PI_OS_32, "armv7l", "tflite_runtime")],
    ids=["aarch64", "armv7l"],
)
def test_inference_and_a_training_step_give_the_same(
    system: System, machine: str, runtime: str, here: dict[str, Any]
) -> None:
    there = json.loads(system.run(f"/source/{PROGRAM}"))
    assert (there["machine"], there["runtime"]) == (machine, runtime)
    for name in ("generic", "features", "loss"):
        np.testing.assert_allclose(there[name], here[name], atol=1e-5, rtol=1e-5)
    assert there["parameters"].keys() == here["parameters"].keys()
    for name, values in here["parameters"].items():
        np.testing.assert_allclose(there["parameters"][name], values, atol=1e-5)
    for name, values in here["of two layers"].items():
        np.testing.assert_allclose(there["of two layers"][name], values, atol=1e-4)


SMBUS = """
from smbus2 import SMBus, i2c_msg
with SMBus(1) as bus:
    write, read = i2c_msg.write(0x68, [0x75]), i2c_msg.read(0x68, 1)
    bus.i2c_rdwr(write, read)
    print(bus.read_byte_data(0x68, 0x75), *read)
"""


@pytest.mark.parametrize(
    ("system", "compiler"),
    [(PI_OS_64, COMPILER_64), (PI_OS_32, COMPILER_32)],
    ids=["aarch64", "armv7l"],
)
def test_the_shim_works(system: System, compiler: str, tmp_path: Path) -> None:
    library = shim.build(tmp_path, compiler)
    with shim.serving(Adapter(emulated(SystemTime())), library, tmp_path):
        said = system.run("-c", SMBUS, shared=tmp_path, preload=f"/shared/{library.name}")
    assert said.split() == ["104", "104"]


@pytest.mark.parametrize("system", [PI_OS_64, PI_OS_32], ids=["aarch64", "armv7l"])
def test_the_demo_plays(system: System) -> None:
    outcome = json.loads(system.run("-m", "harpi", "demo", "--fast", "--json", seconds=1200))
    assert outcome["samples_lost"] == 0
