"""The files that the recognisers are made from."""

from __future__ import annotations

import hashlib

import numpy as np

from harpi.daemon.recognisers import BASE, HEADS, KNN_REFERENCE, check_window, model_path
from harpi.doctor.finding import NotExamined, Outcome, fail, ok, warn
from harpi.doctor.patient import Patient
from harpi.errors import ModelError
from harpi.learning.heads import HeadShelf
from harpi.recognition.generic import GenericRecogniser
from harpi.recognition.knn_reference import KnnReference
from harpi.recognition.model_file import ModelFile
from harpi.types import AXES

_DIGEST_SHOWN = 12


def base(patient: Patient) -> Outcome:
    """Verify the base model's digest, and let it judge a window."""
    model = _base(patient)
    check_window(model, patient.config.signal)
    window = np.zeros((1, patient.config.signal.length, len(AXES)), np.float32)
    window[..., 2] = 1.0
    GenericRecogniser(model).predict(window)
    meta = model.metadata
    return ok(
        f"{meta.name} {meta.version}, {len(meta.labels)} labels, digest "
        f"{meta.digest[:_DIGEST_SHOWN]} is right, and it runs"
    )


def reference(patient: Patient) -> Outcome:
    """Read the kNN's reference."""
    path = model_path(patient.config.models.knn_reference, KNN_REFERENCE)
    KnnReference.read(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return ok(f"{path.name}, digest {digest[:_DIGEST_SHOWN]}")


def head(patient: Patient) -> Outcome:
    """Read the heads that were learnt on this device, the one in use and the others."""
    folder = patient.config.paths.state_folder / HEADS
    shelf = HeadShelf(folder)
    model = _base(patient)
    if not shelf.numbers:
        raise NotExamined("none was made yet: `harpi record LABEL`, then `harpi train`")
    loaded = shelf.load(model)
    if loaded.notice:
        return fail(
            loaded.notice.rstrip("."),
            "Make a new one with `harpi train`, the takes are kept; or use an older one: "
            "`harpi heads list`, `harpi heads use NUMBER`",
        )
    bad = [entry for entry in shelf.entries(model) if entry.problem]
    if bad:
        numbers = " ".join(str(entry.number) for entry in bad)
        return warn(
            f"head {loaded.number} is in use and well; not well: {bad[0].problem.rstrip('.')}",
            f"Delete what cannot be used: `harpi heads delete {numbers}`",
        )
    if loaded.head is None:
        return ok(f"none is in use, {len(shelf.numbers)} kept")
    return ok(
        f"head {loaded.number}, {len(loaded.head.labels)} labels, {len(shelf.numbers)} kept"
    )


def _base(patient: Patient) -> ModelFile:
    try:
        return ModelFile.read(model_path(patient.config.models.base, BASE))
    except ModelError as error:
        if error.remedy:
            raise
        raise ModelError(
            error.problem, where=error.where, remedy="Install harpi again, or set models.base"
        ) from error
