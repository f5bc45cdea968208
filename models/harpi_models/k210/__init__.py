"""The Kendryte K210: its neural network processor runs a `kmodel`, compiled by nncase 1.x.

nncase 1.9 is the last with a target for this chip, and has wheels for Python 3.7 to 3.10 only.
It therefore runs in an environment of its own; `compile.py` here is the script that runs there,
and the chip's simulator in it is the judge.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Final

import numpy as np

from harpi_models.errors import ExportRefused, MissingLibrary
from harpi_models.export import Answering, Exported, plain_tflite
from harpi_models.images import read_representative
from harpi_models.output import write_result

PYTHON: Final = Path(".venv-k210/bin/python")
MEMORY: Final = 6 * 1024 * 1024
"""Bytes of the chip's memory that a model may take; 2 MB more are its processor's own."""
AGREEING: Final = 0.5
"""Least share of windows that the chip must answer as the device does."""


def export_kmodel(
    answering: Answering,
    path: Path,
    representative: Path,
    python: Path | None,
    *,
    tell: Callable[[str], None],
) -> Exported:
    """Compile for the K210, and let the simulator answer what the device answered.

    Args:
        answering: base and head.
        path: of the `.kmodel`; `detect.py` for MaixPy and the labels are written beside it.
        representative: images or windows; the ranges of 8 bits come from them.
        python: that has nncase; that of `.venv-k210` by default.
        tell: told what is done.

    Raises:
        MissingLibrary: there is no such Python.
        DataRefused: the images or windows cannot be read.
        ExportRefused: nncase lacks an operator, or the chip would answer otherwise.
        OutputFailed: a file cannot be written.
    """
    python = python or PYTHON
    if not python.exists():
        raise MissingLibrary(
            f"there is no {python}: nncase 1.9 needs a Python 3.10 of its own",
            where="export",
            remedy="Run `make .venv-k210`, or name such a Python with --k210_python",
        )
    windows = read_representative(representative, answering.shape)
    wanted = answering.on_device(windows)
    with tempfile.TemporaryDirectory(prefix="harpi-models-") as folder:
        work = Path(folder)
        (work / "model.tflite").write_bytes(plain_tflite(answering, batch=1))
        np.save(work / "inputs.npy", windows)
        script = files("harpi_models.k210").joinpath("compile.py")
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        ended = subprocess.run(  # noqa: S603 - the interpreter is the user's
            [str(python.absolute()), str(script), folder],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            cwd=folder,  # nncase leaves a note where it runs
        )
        if ended.returncode != 0:
            lines = ended.stderr.strip().splitlines() or ["nothing was said"]
            raise ExportRefused(
                f"nncase cannot compile it: {lines[-1][:200]}",
                where="K210",
                remedy="The chip's compiler knows the plain convolutional networks; take "
                "MobileNet V1 or V2",
            )
        content = (work / "model.kmodel").read_bytes()
        got = np.load(work / "outputs.npy")
    tell(f"kmodel: {len(content) / 1024:.1f} KiB, {len(answering.labels)} classes")
    if len(content) > MEMORY:
        raise ExportRefused(
            f"it takes {len(content) / 2**20:.1f} MB, the chip has {MEMORY / 2**20:.0f} MB",
            where=str(path),
            remedy="Take a narrower network, --alpha 0.5, or smaller images",
        )
    agreeing = int(np.sum(np.argmax(got, axis=1) == np.argmax(wanted, axis=1)))
    if agreeing < AGREEING * len(windows):
        raise ExportRefused(
            f"the chip answers {agreeing} of {len(windows)} as the device does",
            where=str(path),
            remedy="Give more representative images; 8 bits are too few for some networks",
        )
    write_result(path, content)
    write_result(path.with_suffix(".labels.txt"), ("\n".join(answering.labels) + "\n").encode())
    if len(answering.shape) == 3:
        text = files("harpi_models.k210").joinpath("detect.template").read_text("utf-8")
        text = text.replace("NAME", path.name).replace("SIZE", str(answering.shape[0]))
        text = text.replace("LABELS", repr(list(answering.labels)))
        write_result(path.parent / "detect.py", text.encode())
    difference = float(np.max(np.abs(got - wanted)))
    return Exported(path, difference, agreeing, len(windows))
