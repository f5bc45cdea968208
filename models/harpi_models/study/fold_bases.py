"""The bases of a study: each saw neither the people nor the place that it is judged on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from harpi import shipped
from harpi.errors import ModelError
from harpi.recognition.knn_memory import KnnReference
from harpi.recognition.model_file import ModelFile
from harpi_models.datasets.catalogue import SPAR, TRAINED_ON
from harpi_models.datasets.layout import LENGTH
from harpi_models.examples import Examples, read_examples
from harpi_models.folds import Run
from harpi_models.output import write_result, writing
from harpi_models.reference import knn_reference
from harpi_models.study.plan import SHIPPED, Plan
from harpi_models.study.results import code_digest, key_of, slug

if TYPE_CHECKING:
    from harpi_models.datasets.motion_capture import VirtualWalkers
    from harpi_models.training import Recipe

TRAINING_CODE: Final = (
    "harpi_models.augmentation",
    "harpi_models.classifier",
    "harpi_models.examples",
    "harpi_models.folds",
    "harpi_models.imu_network",
    "harpi_models.mixture",
    "harpi_models.training",
    "harpi_models.virtual_imu",
)
"""What has a say in how a base turns out."""

Progress = Callable[[str, float], None]
"""Told what is being done, and the share of it that is."""


class StudyData:
    """The sets, each read when it is wanted.

    Args:
        folder: of the sets.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def judging(self) -> Examples:
        """Windows that do not overlap, of the sets that bases learn from.

        Raises:
            DataRefused: a set is missing or damaged.
        """
        return read_examples(self._folder, TRAINED_ON, hop=LENGTH, length=LENGTH)

    @cached_property
    def new(self) -> Examples:
        """The same of the set that no base learns from.

        Raises:
            DataRefused: it is missing or damaged.
        """
        return read_examples(self._folder, [SPAR], hop=LENGTH, length=LENGTH)

    @cached_property
    def digest(self) -> str:
        """Of all windows that bases learn from, and whose they are."""
        digest = hashlib.sha256()
        for array in (self.judging.values, self.judging.person, self.judging.own):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def training(self, run: Run) -> Examples:
        """Longer windows that overlap, of the people and places that a run learns from."""
        from harpi_models.pipeline import TRAINING_LENGTH

        everything = read_examples(
            self._folder, TRAINED_ON, hop=LENGTH // 2, length=TRAINING_LENGTH
        )
        return everything.where(run.trained_on(everything))

    def walkers(self, run: Run) -> VirtualWalkers | None:
        """Virtual walkers that a run learns from, too; None where it must not see legs.

        Raises:
            DataRefused: the motion capture is missing or damaged.
        """
        from harpi_models.datasets.motion_capture import VirtualWalkers, read_clips
        from harpi_models.pipeline import TRAINING_LENGTH

        return (
            VirtualWalkers(read_clips(self._folder), TRAINING_LENGTH) if run.virtual else None
        )


class _Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What a base was made with; beside it on the disk."""

    key: str
    digest: str


class FoldBases:
    """Bases and references by run, made when they are wanted and are not there.

    Args:
        folder: where they are kept.
        data: what they learn from.
        plan: how thoroughly they are trained.
        given: folder with bases that are there already, as `harpi-models train` leaves them
            in `runs/`; what it lacks is trained.
        progress: told how far a training is.
    """

    def __init__(
        self,
        folder: Path,
        data: StudyData,
        plan: Plan,
        *,
        given: Path | None = None,
        progress: Progress = lambda what, share: None,
    ) -> None:
        self._folder = folder
        self._data = data
        self._plan = plan
        self._given = given
        self._progress = progress

    def base(self, run: Run) -> ModelFile:
        """Give the base of a run.

        Raises:
            ModelError: one that was given cannot be used.
            MissingLibrary: it has to be trained, and TensorFlow is not installed.
            DataRefused: a set is missing or damaged.
            OutputFailed: it cannot be written.
        """
        return self.find(run) or self._train(run, self._folder / _name(run))

    def find(self, run: Run) -> ModelFile | None:
        """Give the base of a run if it is there.

        Raises:
            ModelError: one that was given cannot be used.
            MissingLibrary: TensorFlow, which knows how it would be trained, is not installed.
            DataRefused: a set is missing or damaged.
        """
        if run == SHIPPED:
            return ModelFile.read(shipped.path("models/generic.tflite"))
        if self._given is not None and (self._given / _name(run)).exists():
            return ModelFile.read(self._given / _name(run))
        return self._kept(run, self._folder / _name(run))

    def reference(self, run: Run) -> KnnReference:
        """Give the kNN's reference, made from the people that the base learnt from.

        Raises:
            DataRefused: a set is missing or damaged.
            OutputFailed: it cannot be written.
        """
        if run == SHIPPED:
            return KnnReference.read(shipped.path("models/knn_reference.safetensors"))
        path = self._folder / f"{slug(run.name)}.{self._data.digest[:12]}.safetensors"
        try:
            return KnnReference.read(path)
        except ModelError:
            judging = self._data.judging
            made = knn_reference(judging.where(run.trained_on(judging)))
            with writing(path):
                made.write(path)
            return made

    def data_digest(self, run: Run) -> str:
        """A digest of what the reference of a run is made from; empty for the shipped one."""
        return "" if run == SHIPPED else self._data.digest

    def recipe(self) -> Recipe:
        """How bases are trained: as the shipped one, or less where the plan says so."""
        from dataclasses import replace

        from harpi_models.training import Recipe

        asked: dict[str, Any] = {
            "epochs": self._plan.epochs,
            "epoch_windows": self._plan.epoch_windows,
        }
        return replace(Recipe(), **{k: v for k, v in asked.items() if v is not None})

    def _kept(self, run: Run, path: Path) -> ModelFile | None:
        """Give a base that an earlier run of the study trained in the same way."""
        from harpi_models.backend import require_tensorflow

        require_tensorflow()
        try:
            origin = msgspec.json.decode(_beside(path).read_bytes(), type=_Origin)
            base = ModelFile.read(path)
        except (OSError, msgspec.MsgspecError, ModelError):
            return None
        same = origin == _Origin(key=self._key(run), digest=base.metadata.digest)
        return base if same else None

    def _train(self, run: Run, path: Path) -> ModelFile:
        from harpi_models.classifier import Teaching
        from harpi_models.pipeline import learn, to_file

        told = f"training the base {run.name}"
        self._progress(told, 0.0)
        learnt = self._data.training(run)
        recipe = self.recipe()
        trained = learn(
            learnt,
            recipe,
            Teaching(windows=recipe.epoch_windows),
            walkers=self._data.walkers(run),
            progress=lambda epoch, epochs, figures: self._progress(told, epoch / epochs),
        )
        names = [data_set.name for data_set in learnt.data_sets]
        to_file(trained, None, names).write(path)
        base = ModelFile.read(path)
        origin = _Origin(key=self._key(run), digest=base.metadata.digest)
        write_result(_beside(path), msgspec.json.encode(origin))
        return base

    def _key(self, run: Run) -> str:
        return key_of(run, self.recipe(), code_digest(TRAINING_CODE), self._data.digest)


def _name(run: Run) -> str:
    return f"{slug(run.name)}.tflite"


def _beside(path: Path) -> Path:
    return path.with_suffix(".json")
