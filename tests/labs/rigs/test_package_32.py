"""The libraries in the 32-bit packages, on the processor that they are for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from deb.debian import unpack
from deb.targets import TARGETS, Target
from deb.wheels import install

from tests.labs.rigs.cache import ROOT, cached
from tests.labs.rigs.figures import MODEL, PROGRAM, assert_the_same, of_this_machine
from tests.labs.rigs.fresh import enter, namespace

pytestmark = [pytest.mark.rig, pytest.mark.timeout(1800)]

LIBRARIES = "/usr/lib/arm-linux-gnueabihf"
RUN = f"""
import runpy, sys
sys.path.insert(0, "/shared/harpi")
runpy.run_path("/shared/{PROGRAM}", run_name="__main__")
"""


def root_of(target: Target) -> Path:
    """Debian's Python with NumPy, unpacked."""
    version = ".".join(map(str, target.python))
    wanted = [f"python{version}-minimal", f"libpython{version}-stdlib", "libstdc++6"]
    wanted += [f"python3-{name}" for name in target.from_debian]

    def make(folder: Path) -> None:
        unpack(folder, target.suite, target.architecture, wanted)
        if not (folder / "lib").exists():
            (folder / "lib").symlink_to("usr/lib")
        for name in ("dev", "proc", "run", "shared", "sys"):
            (folder / name).mkdir(exist_ok=True)

    return cached(f"python-{target.name}", [repr(wanted), Path(__file__)], make, megabytes=400)


@pytest.mark.parametrize(
    ("target", "runtime"),
    [(TARGETS[3], "tflite_runtime"), (TARGETS[1], "harpi")],
    ids=lambda value: getattr(value, "name", value),
)
def test_they_judge_windows_and_learn_as_this_computer(
    target: Target, runtime: str, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    shared = tmp_path / "shared"
    install(target, shared / "harpi", scratch)
    for name in (PROGRAM, MODEL):
        (shared / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, shared / name)
    python = f"/usr/bin/python{target.python[0]}.{target.python[1]}"
    with namespace() as inside:
        done = enter(
            target.architecture,
            inside,
            root_of(target),
            shared=shared,
            words=[python, "-P", "-c", RUN],
            environment={"LD_LIBRARY_PATH": f"{LIBRARIES}/blas:{LIBRARIES}/lapack"},
            seconds=900,
        )
    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout)
    assert (there["machine"], there["runtime"]) == ("armv7l", runtime)
    assert_the_same(there, of_this_machine())
