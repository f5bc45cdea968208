"""The state of a study on the disk: one file for each thing that was measured.

A file appears whole or not at all, so a study that was killed goes on where it was. Each names
what it was measured with; what was measured with something else is measured again.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import msgspec

from harpi_models.output import write_result

SHARED_CODE = (
    "harpi.signal.features",
    "harpi.signal.orientation",
    "harpi_models.metrics",
    "harpi_models.study.examination",
    "harpi_models.study.lesson",
)
"""What has a say in the figures of every contestant, besides the windows themselves."""

DEVICE_CODE = (
    "harpi.learning.closed_form",
    "harpi.learning.fitting",
    "harpi.learning.fitting",
    "harpi.learning.training_set",
    "harpi.learning.trainer",
    "harpi.learning.validation",
    "harpi.recognition.head_trainer",
    "harpi.recognition.head",
    "harpi.recognition.knn",
    "harpi.recognition.knn_memory",
    "harpi_models.reference",
    "harpi_models.study.coral",
    "harpi_models.study.device",
)
PEERS_CODE = ("harpi_models.minirocket", "harpi_models.study.peers")
COSTS_CODE = ("harpi_models.study.costs",)

DEVICE_LIBRARIES = ("numpy", "ai-edge-litert")
PEERS_LIBRARIES = ("numpy", "scikit-learn", "river")


class Measured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What contestants scored with one person at one place."""

    run: str
    """Whose base it was; `alone` for contestants that have none."""
    person: str
    place: str
    labels: tuple[str, ...]
    asked: int
    scores: dict[str, dict[str, float]]
    """Macro F1 by contestant and condition."""


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: str
    content: msgspec.Raw


Content = TypeVar("Content", bound=msgspec.Struct)


class Results:
    """The files below one folder.

    Args:
        folder: made when something is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, name: str, key: str, kind: type[Content]) -> Content | None:
        """Give what was measured; None where it was not, or with something else.

        A file that cannot be read counts as not there: it is measured again.
        """
        try:
            file = msgspec.json.decode(self._path(name).read_bytes(), type=_File)
            return msgspec.json.decode(file.content, type=kind) if file.key == key else None
        except (OSError, msgspec.MsgspecError):
            return None

    def write(self, name: str, key: str, content: msgspec.Struct) -> None:
        """Keep what was measured.

        Raises:
            OutputFailed: it cannot be written.
        """
        raw = msgspec.Raw(msgspec.json.encode(content))
        written = msgspec.json.encode(_File(key=key, content=raw))
        write_result(self._path(name), msgspec.json.format(written, indent=1))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def slug(name: str) -> str:
    """A name as that of a file."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def key_of(*parts: object) -> str:
    """A digest of everything that something was measured with."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def code_digest(modules: Iterable[str]) -> str:
    """A digest of what modules do; comments and docstrings have no say."""
    digest = hashlib.sha256()
    for name in modules:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            raise ModuleNotFoundError(name)
        tree = ast.parse(Path(found.origin).read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(body := getattr(node, "body", None), list):
                node.body = [part for part in body if not _is_text(part)]  # type: ignore[attr-defined]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """Versions of installed libraries."""
    return {name: version(name) for name in libraries}
