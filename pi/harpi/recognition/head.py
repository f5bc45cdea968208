"""A head as a file of its own: what was learnt on top of a base, and which base that was.

A base sees what its training people did; a movement that none of them made may look to it
like another. The features of `harpi.signal.features` know no people, and tell such movements
apart. The signatures of the model file take the base's features alone, so a head of joined
features is run here; it is one layer, fitted in closed form.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from harpi.errors import HeadMismatch, ModelError
from harpi.recognition.model_file import CLASSES, AnyInput, ModelFile, Tensor
from harpi.recognition.rejection import Rejection
from harpi.recognition.tensor_file import Tensors, read_tensors, write_tensors
from harpi.signal.features import FEATURE_NAMES, FEATURES_VERSION
from harpi.signal.features import features as signal_features
from harpi.types import FloatArray

KIND: Final = "head"

LAYOUT: Final = 1

_FIRST: Final = "w0"

_ONE_LAYER: Final = "softmax"

_PARAMETER: Final = "parameter."

_SLOT: Final = "slot."

_REJECTION_MEANS: Final = "rejection.means"

_REJECTION_SCALES: Final = "rejection.scales"

_REMEDY: Final = "Use another head (`harpi heads list`) or train again, the takes are kept"

_TRAIN_AGAIN: Final = "Train again with this base (`harpi train`), the takes are kept"


class LearntTake(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A take that a head learnt, and how well it was judged while it was held out."""

    number: int
    """In the store."""
    label: str
    """That it had then."""
    right: float | None = None
    """Share of its windows that a head judged right which had not learnt them; None where
    none could be held out."""
    whole: bool = False
    """The whole take was held out, not one block of it after the other."""


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a head file says besides its tensors."""

    head_kind: str
    labels: tuple[str, ...]
    step: int
    base: str
    base_name: str
    input: AnyInput
    features: int
    joined: int = 0
    threshold: float | None
    figures: dict[str, float]
    takes: tuple[LearntTake, ...] = ()
    created: datetime


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Head:
    """What was learnt, whole: it is replaced, never changed.

    Attributes:
        kind: design of the head, as in the base's metadata: `softmax` or `mlp`.
        labels: what the head answers with, in the order of its outputs.
        parameters: float32 arrays by the names that the signatures have for them.
        slots: state of the optimiser, likewise; empty where no optimiser made the head.
        step: how many steps the optimiser took.
        base: digest of the base that the head belongs to.
        base_name: name and version of that base, for messages.
        input: rate, window and scaling that the features came from.
        features: length of the base's vectors.
        joined: version of `harpi.signal.features` that join the base's; 0 where none do.
        rejection: when to say unknown; None where nothing was calibrated.
        figures: what was measured of the head, e.g. `accuracy`.
        takes: what it was learnt from.
        created: when it was made, UTC.
    """

    kind: str
    labels: tuple[str, ...]
    parameters: Mapping[str, FloatArray]
    slots: Mapping[str, FloatArray] = field(default_factory=dict)
    step: int = 0
    base: str
    base_name: str
    input: AnyInput
    features: int
    joined: int = 0
    rejection: Rejection | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    takes: tuple[LearntTake, ...] = ()
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def method(self) -> str:
        """How it was fitted, and to what, in words."""
        if self.step:
            return "gradient"
        return "closed form, with signal" if self.joined else "closed form"

    @classmethod
    def for_base(
        cls,
        base: ModelFile,
        *,
        labels: tuple[str, ...],
        parameters: Mapping[str, FloatArray],
        slots: Mapping[str, FloatArray] | None = None,
        step: int = 0,
        joined: int = 0,
        rejection: Rejection | None = None,
        figures: Mapping[str, float] | None = None,
        takes: tuple[LearntTake, ...] = (),
    ) -> Head:
        """Make a head that belongs to a base.

        Raises:
            HeadMismatch: the shapes of the parameters are not those that the base asks for.
        """
        metadata = base.metadata
        head = cls(
            kind=metadata.head.kind,
            labels=labels,
            parameters=dict(parameters),
            slots=dict(slots or {}),
            step=step,
            base=metadata.digest,
            base_name=_name(base),
            input=metadata.input,
            features=metadata.features,
            joined=joined,
            rejection=rejection,
            figures=dict(figures or {}),
            takes=takes,
        )
        head.check(base)
        return head

    def write(self, path: Path) -> None:
        """Write the head, or leave the old file as it is.

        Raises:
            OSError: the disk is full, read-only, or refuses otherwise.
        """
        tensors: dict[str, NDArray[Any]] = {
            **{_PARAMETER + name: array for name, array in self.parameters.items()},
            **{_SLOT + name: array for name, array in self.slots.items()},
        }
        threshold = None
        if self.rejection is not None:
            tensors[_REJECTION_MEANS] = self.rejection.means
            tensors[_REJECTION_SCALES] = self.rejection.scales
            if math.isfinite(self.rejection.threshold):
                threshold = self.rejection.threshold
        header = _Header(
            head_kind=self.kind,
            labels=self.labels,
            step=self.step,
            base=self.base,
            base_name=self.base_name,
            input=self.input,
            features=self.features,
            joined=self.joined,
            threshold=threshold,
            figures=dict(self.figures),
            takes=self.takes,
            created=self.created,
        )
        write_tensors(path, KIND, LAYOUT, header, tensors)

    @classmethod
    def read(cls, path: Path) -> Head:
        """Read a head; `check` tells whether a base can use it.

        Raises:
            ModelError: the file is missing, damaged, or no head that this harpi knows.
        """
        header, tensors = read_tensors(path, KIND, LAYOUT, _Header, remedy=_REMEDY)
        for name, tensor in tensors.items():
            if tensor.dtype != np.float32 or not np.isfinite(tensor).all():
                raise ModelError(
                    f"`{name}` is not made of finite float32 numbers",
                    where=str(path),
                    remedy=_REMEDY,
                )
        if not all(text.isprintable() for text in (*header.labels, header.base_name)):
            raise ModelError(
                "its labels are no text that could be shown", where=str(path), remedy=_REMEDY
            )
        return cls(
            kind=header.head_kind,
            labels=header.labels,
            parameters=_named(tensors, _PARAMETER),
            slots=_named(tensors, _SLOT),
            step=header.step,
            base=header.base,
            base_name=header.base_name,
            input=header.input,
            features=header.features,
            joined=header.joined,
            rejection=_read_rejection(tensors, header, path),
            figures=header.figures,
            takes=header.takes,
            created=header.created,
        )

    def check(self, base: ModelFile) -> None:
        """Make sure that the head belongs to a base.

        Raises:
            HeadMismatch: it does not; the message tells what differs, both values, and
                what to do.
        """
        metadata = base.metadata
        differences = [
            *_input_differences(self.input, metadata.input),
            *_difference("features", self.features, metadata.features),
            *_difference("kind", self.kind, metadata.head.kind),
            *(_joined_differences(self) if self.joined else ()),
            *_difference("base", _brief(self.base), _brief(metadata.digest)),
        ]
        if differences:
            raise HeadMismatch(
                f"the head was made for {self.base_name}, the base is {_name(base)}: "
                + "; ".join(differences),
                where="head",
                remedy=_TRAIN_AGAIN,
            )
        design = metadata.head
        self._check_shapes("parameter", self.parameters, design.parameters)
        if self.slots:
            self._check_shapes("optimiser slot", self.slots, design.slots)

    def _check_shapes(
        self, what: str, arrays: Mapping[str, FloatArray], wanted: tuple[Tensor, ...]
    ) -> None:
        """Make sure that arrays are those that the base's signatures take."""
        for tensor in wanted:
            shape = tuple(
                len(self.labels) if size == CLASSES else size for size in tensor.shape
            )
            if self.joined and tensor.name == _FIRST:
                shape = (_width(self.features, self.joined), *shape[1:])
            array = arrays.get(tensor.name)
            if array is None or array.shape != shape:
                found = "missing" if array is None else f"{list(array.shape)}"
                raise HeadMismatch(
                    f"{what} `{tensor.name}` of the head is {found}, "
                    f"the base takes {list(shape)} for {len(self.labels)} labels",
                    where="head",
                    remedy=_TRAIN_AGAIN,
                )
        surplus = sorted(arrays.keys() - {tensor.name for tensor in wanted})
        if surplus:
            raise HeadMismatch(
                f"{what} `{surplus[0]}` of the head does not belong to the base",
                where="head",
                remedy=_TRAIN_AGAIN,
            )


def _named(tensors: Tensors, prefix: str) -> dict[str, FloatArray]:
    """The tensors whose name starts with a prefix, without it."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _read_rejection(tensors: Tensors, header: _Header, path: Path) -> Rejection | None:
    """Put the rejection together from the file."""
    means, scales = tensors.get(_REJECTION_MEANS), tensors.get(_REJECTION_SCALES)
    if means is None or scales is None:
        return None
    if (
        means.ndim != 2
        or means.shape[1] != _width(header.features, header.joined)
        or means.shape != scales.shape
        or means.size == 0
        or scales.min() <= 0
    ):
        raise ModelError(
            f"rejection statistics {list(means.shape)} and {list(scales.shape)} "
            f"do not go with {_width(header.features, header.joined)} features",
            where=str(path),
            remedy=_REMEDY,
        )
    threshold = math.inf if header.threshold is None else header.threshold
    return Rejection(means, scales, threshold)


def _input_differences(head: AnyInput, base: AnyInput) -> list[str]:
    """What two inputs disagree on, in words."""
    if type(head) is not type(base):
        return _difference("input", type(head).__name__, type(base).__name__)
    return [
        line
        for name in head.__struct_fields__
        for line in _difference(name, getattr(head, name), getattr(base, name))
    ]


def _joined_differences(head: Head) -> list[str]:
    """What keeps the head from being run on joined features, in words."""
    return [
        *_difference("version of the signal's features", head.joined, FEATURES_VERSION),
        *_difference("kind with features joined", head.kind, _ONE_LAYER),
    ]


def _width(features: int, joined: int) -> int:
    """Length of the vectors that a head takes."""
    return features + (SIGNAL_FEATURES if joined else 0)


def _difference(what: str, head: object, base: object) -> list[str]:
    """One line where two values differ, else none."""
    return [] if head == base else [f"{what} {head} instead of {base}"]


def _brief(digest: str) -> str:
    """The first characters of a digest, enough to tell two bases apart."""
    return digest[:12]


def _name(base: ModelFile) -> str:
    """Name and version of a base."""
    return f"{base.metadata.name} {base.metadata.version}"


SIGNAL_FEATURES: Final = len(FEATURE_NAMES)
"""Columns that join those of the base, after them."""


def join(features: FloatArray, windows: FloatArray, rate: float) -> FloatArray:
    """Put the signal's features beside the base's.

    Args:
        features: ``[n, F]`` of the base.
        windows: ``[n, T, 6]``, the windows that they are of.
        rate: samples per second of the windows.

    Returns:
        float32 ``[n, F + SIGNAL_FEATURES]``.
    """
    return np.concatenate([features, signal_features(windows, rate)], axis=1)


def probabilities(features: FloatArray, parameters: Mapping[str, FloatArray]) -> FloatArray:
    """Run a head of one layer, `w0` and `b0`, on features ``[n, F]``; gives ``[n, C]``."""
    return softmax(features @ parameters["w0"] + parameters["b0"])


def softmax(logits: FloatArray) -> FloatArray:
    """Turn logits ``[n, C]`` into probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: FloatArray = powers / powers.sum(axis=1, keepdims=True)
    return shares
