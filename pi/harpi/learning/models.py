"""The three classifiers, made from the files that the configuration names."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from harpi import shipped
from harpi.commands import ModelFigures
from harpi.config.checks import problems
from harpi.config.loading import InvalidConfig, Settings
from harpi.config.schema import Config, SignalSection
from harpi.errors import HarpiError, ModelError
from harpi.learning.heads import HeadRegistry
from harpi.recognition.classifiers import (
    Classifiers,
    GenericClassifier,
    PersonalClassifier,
    imu_input,
)
from harpi.recognition.knn import KnnClassifier
from harpi.recognition.knn_memory import KnnReference
from harpi.recognition.model_file import ModelFile

BASE: Final = "models/generic.tflite"

KNN_REFERENCE: Final = "models/knn_reference.safetensors"

HEADS: Final = "heads"
"""Folder of the heads within `paths.state`."""

_DIGEST_SHOWN: Final = 12

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModels:
    """The three recognisers and what they were made from.

    Attributes:
        panel: asks all three.
        knn, generic, personal: each by itself.
        base: the model file of the generic and the personal one.
        shelf: the heads that were learnt on this device.
        notice: what is wrong with the head that was in use; empty where nothing is.
    """

    panel: Classifiers
    knn: KnnClassifier
    generic: GenericClassifier
    personal: PersonalClassifier
    base: ModelFile
    shelf: HeadRegistry
    notice: str
    _knn_figures: tuple[str | None, str | None]

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


def load_models(config: Config) -> LoadedModels:
    """Read all files and make the recognisers.

    A head that cannot be used is said and left alone; the personal recogniser then says
    that it is untrained.

    Raises:
        ModelError: the base or the kNN's reference cannot be used.
    """
    base = ModelFile.read(model_path(config.models.base, BASE))
    check_window(base, config.signal)
    reference = read_reference(config)
    knn = KnnClassifier(
        rate=config.signal.rate,
        length=config.signal.length,
        reference=reference,
        k=config.knn.k,
        metric=config.knn.metric,
        own_weight=config.knn.own_weight,
        capacity=config.knn.capacity,
        unknown_rate=config.models.unknown_rate,
    )
    source, digest = None, None
    if reference is not None:
        reference_file = model_path(config.models.knn_reference, KNN_REFERENCE)
        source = reference_file.name
        digest = hashlib.sha256(reference_file.read_bytes()).hexdigest()[:_DIGEST_SHOWN]
    generic = GenericClassifier(base)
    personal = PersonalClassifier(base)
    shelf = HeadRegistry(config.paths.state_folder / HEADS)
    notice = _take_head(personal, shelf, base)
    return LoadedModels(
        Classifiers([knn, generic, personal], smooth_windows=config.models.smooth_windows),
        knn,
        generic,
        personal,
        base,
        shelf,
        notice,
        (source, digest),
    )


def model_path(configured: str | None, shipped_name: str) -> Path:
    """Give the file that is configured, or the one that ships with harpi."""
    return shipped.path(shipped_name) if configured is None else Path(configured)


def read_reference(config: Config) -> KnnReference | None:
    """Read the kNN's reference; None where the one that ships is for other windows.

    The nearest neighbours then know what the wearer taught, and nobody else.

    Raises:
        ModelError: it cannot be used, or one that was configured is for other windows.
    """
    reference = KnnReference.read(model_path(config.models.knn_reference, KNN_REFERENCE))
    signal = config.signal
    fits = (reference.rate, reference.length) == (signal.rate, signal.length)
    if fits:
        return reference
    if config.models.knn_reference is None:
        log.info("the kNN's reference is for other windows and is left out")
        return None
    raise ModelError(
        f"the kNN reference is for windows of {reference.length} samples at "
        f"{reference.rate:g} per second, not of {signal.length} at {signal.rate:g}",
        where="models.knn_reference",
        remedy="Leave it out, or make one for these windows: harpi-models reference",
    )


def check_models(config: Config) -> None:
    """Refuse what the daemon would refuse: a base or a reference that cannot be used.

    Raises:
        ModelError: says which, and why.
    """
    base = ModelFile.read(model_path(config.models.base, BASE))
    check_window(base, config.signal)
    read_reference(config)
    GenericClassifier(base)


def follow_base(settings: Settings) -> Settings:
    """Take over rate and length of the base's windows where the configuration has none.

    Args:
        settings: as they were loaded.

    Raises:
        InvalidConfig: the windows do not go together with the other settings.
    """
    path = settings.config.models.base
    try:
        wanted = None if path is None else imu_input(ModelFile.read(Path(path)))
    except ModelError:
        return settings  # who needs the base says so
    if wanted is None:
        return settings
    own = {
        "signal.rate": wanted.rate,
        "signal.length": wanted.length,
        "signal.hop": max(1, wanted.length // 4),
    }
    taken = {key: value for key, value in own.items() if key not in settings.origins}
    changes = {key.partition(".")[2]: value for key, value in taken.items()}
    signal = msgspec.structs.replace(settings.config.signal, **changes)
    config = msgspec.structs.replace(settings.config, signal=signal)
    origins = {**settings.origins, **dict.fromkeys(taken, f"the base {path}")}
    if found := problems(config, origins):
        raise InvalidConfig(found)
    return replace(settings, config=config, origins=origins)


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
            remedy="Leave signal.length and signal.rate out, the base says them; or set "
            f"signal.length = {wanted.length} and signal.rate = {wanted.rate:g}",
        )


def _take_head(personal: PersonalClassifier, shelf: HeadRegistry, base: ModelFile) -> str:
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
