"""The whole run behind the shipped base: train, convert, judge, write down."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harpi.recognition.model_file import ModelFile
from harpi.types import FloatArray
from harpi_models.converter import Converted, convert_model
from harpi_models.datasets.catalogue import CORE, SPAR, TRAINED_ON
from harpi_models.datasets.layout import LENGTH
from harpi_models.errors import ConversionRefused
from harpi_models.examples import Examples, read_examples
from harpi_models.folds import ALL, PEOPLE_RUNS, PLACE_RUNS, Run
from harpi_models.heads import softmax_head
from harpi_models.imu_network import imu_base
from harpi_models.judging import (
    SPAR_TEST_AFTER,
    confidence_at,
    confusion,
    embedder,
    join,
    judge_classes,
    judge_generic,
    judge_personal,
)
from harpi_models.optimizers import Adam
from harpi_models.output import write_result, writing
from harpi_models.protocol import TEST_AFTER
from harpi_models.quantization import Quantization
from harpi_models.reference import knn_reference
from harpi_models.training import Recipe, Trained, train

VERSION = "1.1"
LICENCE = "Apache-2.0; trained on data under the licences in the model card"
TRAINING_LENGTH = 80
"""Samples of the windows that are trained on, which leaves room to warp time."""
UNKNOWN_RATE = 0.05
"""Share of strangers' familiar windows that `generic` may call unknown."""
CALIBRATION = 500
"""Windows that int8 finds its ranges with."""
REFERENCE = "knn_reference.safetensors"
QUANTIZED: tuple[Quantization, ...] = ("float16", "dynamic", "int8")

Tell = Callable[[str], None]
Progress = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Windows to learn from, and windows to judge on.

    Attributes:
        training: longer ones, that overlap.
        judging: ones that do not overlap.
        spar: of the set that no base learns from.
    """

    training: Examples
    judging: Examples
    spar: Examples

    @classmethod
    def read(cls, folder: Path) -> Data:
        """Read all sets.

        Raises:
            DataRefused: one is missing or damaged.
        """
        return cls(
            read_examples(folder, TRAINED_ON, hop=LENGTH // 2, length=TRAINING_LENGTH),
            read_examples(folder, TRAINED_ON, hop=LENGTH, length=LENGTH),
            read_examples(folder, [SPAR], hop=LENGTH, length=LENGTH),
        )


def train_and_judge(
    data: Data,
    recipe: Recipe,
    out: Path,
    *,
    judged: bool = True,
    tell: Tell = lambda line: None,
    progress: Callable[[str], Progress] | None = None,
) -> dict[str, Any]:
    """Train the shipped base, and its siblings that figures can be taken from.

    Args:
        data: the sets.
        recipe: how to train.
        out: folder for `generic.tflite`, the same quantised as far as that does it no harm,
            `knn_reference.safetensors` and `figures.json`; the siblings go to `runs/` below it.
        judged: whether the siblings are trained and judged; else only the base is made.
        tell: told what was done.
        progress: for the name of a run, what is told after each epoch.

    Returns:
        The figures.

    Raises:
        OutputFailed: something cannot be written.
    """
    begun, cpu = time.monotonic(), time.process_time()
    follow = progress or (lambda name: lambda epoch, epochs, figures: None)
    runs: dict[str, dict[str, Any]] = {}
    for run in (*PEOPLE_RUNS, *PLACE_RUNS) if judged else ():
        mine = data.training.where(run.trained_on(data.training))
        trained = train(mine, recipe, progress=follow(run.name))
        converted = to_file(trained, None)
        path = out / "runs" / f"{run.name.replace(' ', '_')}.tflite"
        converted.write(path)
        runs[run.name] = judge_run(run, path, data)
        if run.fold == 0 and not run.without:
            runs[run.name]["quantized"] = judge_quantized(trained, run, data)
        tell(f"{run.name}: {path}")
    unknown_below = None
    if judged:
        limits = [runs[run.name]["confidence"] for run in PEOPLE_RUNS]
        unknown_below = round(float(np.mean(limits)), 3)
    trained = train(
        data.training.where(ALL.trained_on(data.training)), recipe, progress=follow(ALL.name)
    )
    base = to_file(trained, unknown_below)
    reference = knn_reference(data.judging)
    figures = {
        "version": VERSION,
        "digest": base.metadata.digest,
        "recipe": asdict(recipe),
        "unknown_below": unknown_below,
        "size": len(base.content),
        "people": people_by_set(data.training),
        "history": trained.history,
        "cost": {
            "minutes": round((time.monotonic() - begun) / 60, 1),
            "core_hours": round((time.process_time() - cpu) / 3600, 2),
            "machine": platform.machine(),
        },
        "runs": runs,
    }
    write_result(out / "figures.json", json.dumps(figures, indent=1).encode())
    with writing(out / REFERENCE):
        reference.write(out / REFERENCE)
    base.write(out / "generic.tflite")
    tell(f"{ALL.name}: {out / 'generic.tflite'}, {len(base.content)} bytes")
    for kind in QUANTIZED:
        path = out / f"generic_{kind}.tflite"
        try:
            smaller = to_file(trained, unknown_below, kind, representative(ALL, data))
        except ConversionRefused as error:
            # A base stands without its smaller sisters; one of an earlier run is not its.
            path.unlink(missing_ok=True)
            tell(f"{ALL.name}: no {kind}: {error}")
        else:
            smaller.write(path)
            tell(f"{ALL.name}: {path}, {len(smaller.content)} bytes")
    return figures


def to_file(
    trained: Trained,
    unknown_below: float | None,
    quantization: Quantization = "none",
    representative: FloatArray | None = None,
) -> Converted:
    """Convert a trained base with the head that it ships with."""
    base = imu_base(
        trained.body,
        trained.kernel,
        trained.bias,
        branch=trained.branch,
        kinds=trained.channels,
        labels=CORE,
        version=VERSION,
        licence=LICENCE,
        data=[d.name for d in TRAINED_ON],
        unknown_below=unknown_below,
    )
    return convert_model(
        base,
        softmax_head(l2=1e-3),
        Adam(0.01),
        quantization=quantization,
        representative=representative,
    )


def judge_run(run: Run, path: Path, data: Data) -> dict[str, Any]:
    """Judge the file of a run on its strangers."""
    file = ModelFile.read(path)
    strangers = data.judging.where(run.judged_on(data.judging))
    probabilities = embedder(file, "generic")
    personal, unknown = judge_personal(strangers, file, test_after=TEST_AFTER)
    if run.fold == 0 and not run.without:
        spar, spar_unknown = judge_personal(data.spar, file, test_after=SPAR_TEST_AFTER)
        personal, unknown = join([personal, spar]), join([unknown, spar_unknown])
    return {
        "generic": judge_generic(strangers, probabilities),
        "classes": judge_classes(strangers, probabilities),
        "confusion": confusion(strangers, probabilities),
        "confidence": confidence_at(strangers, probabilities, UNKNOWN_RATE),
        "personal": personal,
        "unknown": unknown,
    }


def judge_quantized(trained: Trained, run: Run, data: Data) -> dict[str, Any]:
    """Size and figures of a run's base in every quantisation that passes the guards."""
    strangers = data.judging.where(run.judged_on(data.judging))
    found: dict[str, Any] = {}
    for kind in QUANTIZED:
        try:
            converted = to_file(trained, None, kind, representative(run, data))
        except ConversionRefused:
            continue
        file = ModelFile.parse(converted.content, kind)
        found[kind] = {
            "size": len(converted.content),
            "generic": judge_generic(strangers, embedder(file, "generic")),
        }
    return found


def representative(run: Run, data: Data) -> FloatArray:
    """Windows of a run's own training that int8 finds its ranges with."""
    mine = np.flatnonzero(run.trained_on(data.training))
    chosen = np.random.default_rng(0).choice(mine, min(len(mine), CALIBRATION), replace=False)
    return np.ascontiguousarray(data.training.values[chosen, :LENGTH])


def people_by_set(examples: Examples) -> dict[str, list[int]]:
    """Numbers of the people of each set."""
    found: dict[str, list[int]] = {}
    for person in examples.people:
        data_set, _, number = person.partition("/")
        found.setdefault(data_set, []).append(int(number))
    return found
