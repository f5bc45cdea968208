"""Renaming and removing labels of a head at once, without training.

Labels are added by training, which goes on from the head that is there: see
`harpi.recognition.head_trainer.HeadTrainer.relabelled`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from msgspec import structs

from harpi.recognition.head_file import Head
from harpi.recognition.metadata import CLASSES, HeadDesign, Tensor
from harpi.types import FloatArray


def without(head: Head, design: HeadDesign, label: str) -> Head | None:
    """Make a head forget a label; between the others it decides as before.

    Args:
        head: the head.
        design: of the base that the head belongs to.
        label: one of the head's.

    Returns:
        The head without it; None where fewer than two labels would be left, between which
        there is nothing to decide.
    """
    place = head.labels.index(label)
    left = (*head.labels[:place], *head.labels[place + 1 :])
    if len(left) < 2:
        return None
    rejection = head.rejection
    if rejection is not None:
        rejection = replace(
            rejection,
            means=np.delete(rejection.means, place, axis=0),
            scales=np.delete(rejection.scales, place, axis=0),
        )
    return replace(
        head,
        labels=left,
        parameters=_without(head.parameters, design.parameters, place),
        slots=_without(head.slots, design.slots, place),
        rejection=rejection,
        takes=tuple(take for take in head.takes if take.label != label),
        created=datetime.now(UTC),
    )


def renamed(head: Head, label: str, name: str) -> Head:
    """Give a label of a head another name, which the head does not have yet."""
    return replace(
        head,
        labels=tuple(name if own == label else own for own in head.labels),
        takes=tuple(
            structs.replace(take, label=name) if take.label == label else take
            for take in head.takes
        ),
        created=datetime.now(UTC),
    )


def _without(
    arrays: Mapping[str, FloatArray], tensors: tuple[Tensor, ...], place: int
) -> dict[str, FloatArray]:
    """Leave one class out of every tensor that has classes."""
    left = dict(arrays)
    for tensor in tensors:
        if tensor.name in left and CLASSES in tensor.shape:
            axis = tensor.shape.index(CLASSES)
            left[tensor.name] = np.ascontiguousarray(np.delete(left[tensor.name], place, axis))
    return left
