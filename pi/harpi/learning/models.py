"""The three classifiers, made from the files that the configuration names."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harpi import shipped
from harpi.commands import ModelFigures
from harpi.config.schema import Config, SignalSection
from harpi.errors import HarpiError, ModelError
from harpi.learning.heads import HeadShelf
from harpi.recognition.classifiers import (
    GenericRecogniser,
    Panel,
    PersonalRecogniser,
    imu_input,
)
from harpi.recognition.knn import KnnRecogniser
from harpi.recognition.knn_memory import KnnReference
from harpi.recognition.model_file import ModelFile

BASE: Final = "models/generic.tflite"


KNN_REFERENCE: Final = "models/knn_reference.safetensors"


HEADS: Final = "heads"
"""Folder of the heads within `paths.state`."""


_DIGEST_SHOWN: Final = 12


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Recognisers:
    """The three recognisers and what they were made from.

    Attributes:
        panel: asks all three.
        knn, generic, personal: each by itself.
        base: the model file of the generic and the personal one.
        shelf: the heads that were learnt on this device.
        notice: what is wrong with the head that was in use; empty where nothing is.
    """

    panel: Panel
    knn: KnnRecogniser
    generic: GenericRecogniser
    personal: PersonalRecogniser
    base: ModelFile
    shelf: HeadShelf
    notice: str
    _knn_figures: tuple[str, str]

    def figures(self) -> dict[str, ModelFigures]:
        """Say what each model was made from, for `/health`."""
        head = self.personal.head
        source, digest = self._knn_figures
        return {
            "knn": ModelFigures(source=source, digest=digest, labels=len(self.knn.labels)),
            "generic": ModelFigures(
                source=f"{self.base.metadata.name} {self.base.metadata.version}",
                digest=self.base.metadata.digest[:_DIGEST_SHOWN],
                labels=len(self.generic.labels),
            ),
            "personal": ModelFigures(
                source=f"head of {head.created:%Y-%m-%dT%H:%M:%SZ}" if head else None,
                digest=head.base[:_DIGEST_SHOWN] if head else None,
                labels=len(self.personal.labels),
            ),
        }


def load_recognisers(config: Config) -> Recognisers:
    """Read all files and make the recognisers.

    A head that cannot be used is said and left alone; the personal recogniser then says
    that it is untrained.

    Raises:
        ModelError: the base or the kNN's reference cannot be used.
    """
    base = ModelFile.read(model_path(config.models.base, BASE))
    check_window(base, config.signal)
    reference_file = model_path(config.models.knn_reference, KNN_REFERENCE)
    knn = KnnRecogniser(
        rate=config.signal.rate,
        length=config.signal.length,
        reference=KnnReference.read(reference_file),
        k=config.knn.k,
        metric=config.knn.metric,
        own_weight=config.knn.own_weight,
        capacity=config.knn.capacity,
        unknown_rate=config.models.unknown_rate,
    )
    digest = hashlib.sha256(reference_file.read_bytes()).hexdigest()
    generic = GenericRecogniser(base)
    personal = PersonalRecogniser(base)
    shelf = HeadShelf(config.paths.state_folder / HEADS)
    notice = _take_head(personal, shelf, base)
    return Recognisers(
        Panel([knn, generic, personal], smooth_windows=config.models.smooth_windows),
        knn,
        generic,
        personal,
        base,
        shelf,
        notice,
        (reference_file.name, digest[:_DIGEST_SHOWN]),
    )


def model_path(configured: str | None, shipped_name: str) -> Path:
    """Give the file that is configured, or the one that ships with harpi."""
    return shipped.path(shipped_name) if configured is None else Path(configured)


def check_window(base: ModelFile, signal: SignalSection) -> None:
    """Refuse a base that is for other windows than those that are configured.

    Raises:
        ModelError: it is.
    """
    wanted = imu_input(base)
    if (wanted.rate, wanted.length) != (signal.rate, signal.length):
        raise ModelError(
            f"the model is for windows of {wanted.length} samples at {wanted.rate:g} per "
            f"second, not of {signal.length} at {signal.rate:g}",
            where=base.path,
            remedy=f"Set signal.length = {wanted.length} and signal.rate = {wanted.rate:g}",
        )


def _take_head(personal: PersonalRecogniser, shelf: HeadShelf, base: ModelFile) -> str:
    """Let the personal model use the head in use; tell what is wrong with it, if anything."""
    try:
        loaded = shelf.load(base)
        personal.use(loaded.head)
    except HarpiError as error:
        notice = str(error)
    else:
        notice = loaded.notice
    if notice:
        log.warning("%s", notice)
    return notice
