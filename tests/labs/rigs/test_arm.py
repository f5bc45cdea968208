"""harpi on the processors and with the wheels of a Pi."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harpi.timebase import SystemTime
from tests.labs.rigs import shim
from tests.labs.rigs.arm import COMPILER_32, COMPILER_64, PI_OS_32, PI_OS_64, System
from tests.labs.rigs.figures import PROGRAM, assert_the_same, of_this_machine
from tests.labs.rigs.wire import Adapter
from tests.support.device import emulated

pytestmark = [pytest.mark.rig, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def here() -> dict[str, Any]:
    return of_this_machine()


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
    assert_the_same(there, here)


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
