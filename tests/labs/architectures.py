"""Convert every network of `keras.applications`: `python -m tests.labs.architectures`.

Needs TensorFlow, and half an hour. Random weights, the smallest images that each takes, a
classifier for three classes, wrapped as a stranger would save it. Writes the table of
docs/architectures.md anew.
"""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from harpi.recognition.interpreter import Interpreter
from harpi.recognition.model_file import ModelFile
from harpi_models.applications import applications
from harpi_models.bases import keras_base
from harpi_models.converter import convert_model
from harpi_models.errors import WorkshopError
from harpi_models.heads import softmax_head
from harpi_models.optimizers import Sgd

PAGE = Path(__file__).resolve().parents[2] / "docs" / "architectures.md"
HEAD = """\
# Networks that become a base

Networks of `keras.applications`, written by `python -m tests.labs.architectures`: built with
random weights at the smallest size that each takes, with a classifier for three classes, and
read as a stranger's network would be. *Cut* is the layer whose output becomes the features, and
*preprocessing* what the graph does to pixels 0..255; both are found from the network alone.
*Runs* means that the device's interpreter answers as Keras does, within the difference shown.

| network | size | parameters | cut | features | preprocessing | converts | runs |
|---|---|---|---|---|---|---|---|
"""
LARGEST = 512 * 1024 * 1024
"""Bytes of a model file that the device reads."""
SIZES = (32, 48, 71, 75, 96, 224, 331)
LABELS = ("a", "b", "c")


@dataclass(frozen=True)
class Row:
    """What was found of one network."""

    name: str
    size: int
    parameters: int
    cut: str = ""
    features: int = 0
    preprocessing: str = ""
    converts: str = ""
    runs: str = ""

    def line(self) -> str:
        """As a line of the table."""
        cells = (
            self.name, self.size, f"{self.parameters / 1e6:.1f} M", f"`{self.cut}`",
            self.features, self.preprocessing, self.converts, self.runs,
        )  # fmt: skip
        return f"| {' | '.join(map(str, cells))} |"


def smallest(name: str) -> tuple[int, Any]:
    """The network at the smallest size that it takes, with its classifier."""
    builder, _ = applications()[name]
    for size in SIZES:
        try:
            keras.utils.set_random_seed(1)
            return size, builder(
                weights=None, input_shape=(size, size, 3), include_top=True, classes=len(LABELS)
            )
        except ValueError:
            continue
    raise ValueError(f"{name} takes none of {SIZES}")


def examine(name: str) -> Row:
    """Cut, convert and run one network."""
    size, model = smallest(name)
    parameters = int(model.count_params())
    told: list[str] = []
    base = keras_base(model, labels=LABELS, name="strange", tell=told.append)
    cut = re.search(r"layer '([^']+)'", told[-1])
    row = Row(
        name, size, parameters, cut[1] if cut else "?", base.features,
        base.input.preprocessing,  # type: ignore[union-attr]
    )  # fmt: skip
    found = dict(vars(row))
    if parameters * 4 > LARGEST:
        return Row(**{**found, "converts": "larger than 512 MB", "runs": "no"})
    try:
        converted = convert_model(base, softmax_head(), Sgd(1e-3))
    except WorkshopError as error:
        return Row(**{**found, "converts": f"no: {str(error)[:80]}", "runs": "no"})
    images = np.random.default_rng(1).uniform(0, 255, (2, size, size, 3)).astype(np.float32)
    file = ModelFile.parse(converted.content, name)
    answers = Interpreter(file).run("generic", {"window": images})["probabilities"]
    wanted = base.run(images)["probabilities"]
    difference = float(np.max(np.abs(answers - wanted)))
    return Row(**{**found, "converts": "yes", "runs": f"{difference:.0e}"})


def main() -> None:
    """Examine all, or those named, and write the page."""
    known = {
        line.split("|")[1].strip(): line
        for line in (PAGE.read_text("utf-8").splitlines() if PAGE.exists() else [])
        if line.startswith("| ") and not line.startswith("| network")
    }
    names = sys.argv[1:] or sorted(applications(), key=_weight)
    for name in names:
        known[name] = examine(name).line()
        print(known[name], flush=True)
        keras.backend.clear_session()
        PAGE.write_text(HEAD + "\n".join(known[n] for n in sorted(known)) + "\n", "utf-8")


def _weight(name: str) -> int:
    """Larger networks later."""
    heavy = ("Large", "XLarge", "B5", "B6", "B7", "V2L", "V2M", "152", "VGG", "ConvNeXtBase")
    return (
        sum(name.endswith(word) or word in name for word in heavy)
        + len(inspect.signature(applications()[name][0]).parameters) // 100
    )


if __name__ == "__main__":
    main()
