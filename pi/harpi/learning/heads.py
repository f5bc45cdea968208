"""The heads that were in use, kept with their figures, and changes of their labels.

A shelf is a directory of head files, `head-1.safetensors`, `head-2.safetensors`, ..., and
`shelf.json`, which names the one in use. Both kinds of file are replaced atomically, and a
head's file is on the disk before `shelf.json` names it: after a loss of power the head in
use is the old one or the new one, whole.

Labels are added by training, which goes on from the head that is there: see
`harpi.recognition.head_trainer.HeadTrainer.relabelled`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from msgspec import structs

from harpi.errors import ModelError, StoreError, StoreFull, TakeNotFound
from harpi.files import (
    decode_json,
    make_directory,
    private_mode,
    sync_directory,
    write_atomically,
)
from harpi.learning.training_set import TakeSource
from harpi.recognition.head import Head
from harpi.recognition.model_file import CLASSES, HeadDesign, ModelFile, Tensor
from harpi.types import FloatArray

KEEP: Final = 20
"""Heads on a shelf; when there are more, the oldest goes that is not in use."""

INDEX: Final = "shelf.json"

FORMAT: Final = 1

_NAME = re.compile(r"head-([1-9][0-9]{0,8})\.safetensors")


class _Index(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `shelf.json` holds."""

    format: int = FORMAT
    current: int | None = None
    previous: int | None = None
    """The one that was in use before `current`."""
    last: int = 0
    """Highest number ever given, so that none is given twice."""

    def using(self, number: int | None) -> _Index:
        """Name another head, or none, as the one in use."""
        return _Index(current=number, previous=self.current or self.previous, last=self.last)


@dataclass(frozen=True, slots=True, eq=False)
class HeadEntry:
    """A head on the shelf.

    Attributes:
        number: its name among heads.
        head: the head itself; None where its file cannot be read.
        problem: why it cannot be used, in words; empty where it can.
        current: whether it is the one in use.
    """

    number: int
    head: Head | None
    problem: str
    current: bool


@dataclass(frozen=True, slots=True, eq=False)
class LoadedHead:
    """The head to begin with.

    Attributes:
        number: its number; None where there is no head to use.
        head: the head; None likewise.
        notice: what the wearer should know, in words; empty when all is well.
    """

    number: int | None
    head: Head | None
    notice: str = ""


class HeadRegistry:
    """The heads of one wearer in one directory.

    Several processes may use a shelf: whatever changes it holds the directory's lock.

    Args:
        directory: where the heads are; made when the first one is added.
        keep: how many are kept.
    """

    def __init__(self, directory: Path, *, keep: int = KEEP) -> None:
        self._directory = directory
        self._keep = keep

    def path(self, number: int) -> Path:
        """Give the file of a head."""
        return self._directory / f"head-{number}.safetensors"

    @property
    def numbers(self) -> list[int]:
        """The heads that are there, the oldest first."""
        try:
            names = [path.name for path in self._directory.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._refused("cannot be read", error) from error
        return sorted(int(match[1]) for name in names if (match := _NAME.fullmatch(name)))

    @property
    def current(self) -> int | None:
        """Number of the head in use; None when there is none.

        Raises:
            ModelError: `shelf.json` is damaged.
        """
        return self._read_index().current

    def before(self) -> int:
        """Give the number of the head that was in use before.

        Raises:
            ModelError: there was none, or `shelf.json` is damaged.
        """
        previous = self._read_index().previous
        if previous is None:
            raise ModelError(
                "no head was in use before",
                where=str(self._directory),
                remedy="See `harpi heads list`",
            )
        return previous

    def add(self, head: Head, *, use: bool = True) -> int:
        """Keep a head; the oldest ones beyond the limit go.

        Args:
            head: the head.
            use: take it into use, too.

        Returns:
            Its number.

        Raises:
            StoreFull: the disk is full; the head in use is still the one before.
            StoreError: the directory cannot be written; likewise.
        """
        with self._changing():
            index = self._sound_index()
            number = max([index.last, *self.numbers]) + 1
            try:
                head.write(self.path(number))
                if use:
                    index = index.using(number)
                self._write_index(msgspec.structs.replace(index, last=number))
            except OSError:
                self.path(number).unlink(missing_ok=True)
                raise
            self._prune({number, index.current})
        return number

    def use(self, number: int, base: ModelFile) -> Head:
        """Take a kept head into use.

        Raises:
            ModelError: there is no such head, it is damaged, or it belongs to another base.
            StoreError: the directory cannot be written.
        """
        head = self._read(number, base)
        with self._changing():
            index = self._sound_index()
            if index.current != number:
                self._write_index(index.using(number))
        return head

    def delete(self, number: int) -> None:
        """Remove a head that is not in use.

        Raises:
            ModelError: there is no such head, or it is the one in use.
            StoreError: the directory cannot be written.
        """
        with self._changing():
            self._require(number)
            if self._sound_index().current == number:
                raise ModelError(
                    f"head {number} is in use",
                    where=str(self._directory),
                    remedy="Use another one first, see `harpi heads list`",
                )
            self.path(number).unlink(missing_ok=True)
            sync_directory(self._directory)

    def put_away(self) -> None:
        """Use no head any more; all stay on the shelf.

        Raises:
            StoreError: the directory cannot be written.
        """
        if not self.numbers:
            return
        with self._changing():
            self._write_index(self._sound_index().using(None))

    def entries(self, base: ModelFile) -> list[HeadEntry]:
        """List the heads, the newest first, each with what keeps it from being used."""
        try:
            current = self.current
        except ModelError:
            current = None
        shelved = []
        for number in reversed(self.numbers):
            head, problem = None, ""
            try:
                head = Head.read(self.path(number))
                head.check(base)
            except ModelError as error:
                problem = str(error)
            shelved.append(HeadEntry(number, head, problem, number == current))
        return shelved

    def load(self, base: ModelFile) -> LoadedHead:
        """Give the head in use, or the newest good one where that one cannot be used.

        Nothing is changed on the disk: a damaged file stays for whoever wants to see it.
        """
        try:
            current = self.current
        except ModelError as error:
            return self._newest_good(base, str(error), but=None)
        if current is None:
            return LoadedHead(None, None)
        try:
            return LoadedHead(current, self._read(current, base))
        except ModelError as error:
            return self._newest_good(base, str(error), but=current)

    def _newest_good(self, base: ModelFile, problem: str, *, but: int | None) -> LoadedHead:
        """Give the newest head that fits the base."""
        for number in reversed(self.numbers):
            if number == but:
                continue
            try:
                head = self._read(number, base)
            except ModelError:
                continue
            return LoadedHead(number, head, f"{problem} Head {number} is used in its place.")
        return LoadedHead(
            None, None, f"{problem} No other head fits; train again, the takes are kept."
        )

    def _read(self, number: int, base: ModelFile) -> Head:
        """Read a head and check that it belongs to the base."""
        self._require(number)
        head = Head.read(self.path(number))
        head.check(base)
        return head

    def _require(self, number: int) -> None:
        """Refuse a number that is not on the shelf."""
        if number not in self.numbers:
            raise ModelError(
                f"there is no head {number}",
                where=str(self._directory),
                remedy="See `harpi heads list`",
            )

    def _prune(self, needed: set[int | None]) -> None:
        """Remove the oldest heads beyond the limit."""
        numbers = self.numbers
        surplus = [number for number in numbers if number not in needed]
        for number in surplus[: max(0, len(numbers) - self._keep)]:
            self.path(number).unlink(missing_ok=True)
        sync_directory(self._directory)

    def _read_index(self) -> _Index:
        """Read `shelf.json`; an empty index where there is none."""
        path = self._directory / INDEX
        remedy = "Choose a head with `harpi heads use`, which writes it again"
        try:
            index = decode_json(path.read_bytes(), _Index)
        except FileNotFoundError:
            return _Index()
        except OSError as error:
            raise ModelError(f"cannot be read ({error.strerror})", where=str(path)) from error
        except msgspec.DecodeError as error:
            raise ModelError(
                f"does not say which head is in use ({error})", where=str(path), remedy=remedy
            ) from error
        if index.format != FORMAT:
            raise ModelError(
                f"is of format {index.format}, this version of harpi knows {FORMAT}",
                where=str(path),
                remedy=remedy,
            )
        return index

    def _sound_index(self) -> _Index:
        """Read `shelf.json` in order to replace it; a damaged one counts as empty."""
        try:
            return self._read_index()
        except ModelError:
            return _Index(last=max(self.numbers, default=0))

    def _write_index(self, index: _Index) -> None:
        """Replace `shelf.json`."""
        content = msgspec.json.encode(index) + b"\n"
        mode = private_mode(self._directory)
        write_atomically(self._directory / INDEX, content, mode=mode)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the directory's lock; what the disk refuses becomes a `StoreError`."""
        try:
            make_directory(self._directory)
            descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)
        except (StoreError, ModelError):
            raise
        except OSError as error:
            raise self._refused("cannot be written", error) from error

    def _refused(self, what: str, error: OSError) -> StoreError:
        """Put an error of the operating system in words."""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return (StoreFull if full else StoreError)(
            f"{what} ({error.strerror})",
            where=str(self._directory),
            remedy="Make room on the disk"
            if full
            else "Check the owner of the folder and the disk",
        )


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


def named_as_takes(head: Head, source: TakeSource) -> Head:
    """Give a head the names that the takes it was made of have now, deleted ones, too."""
    now: dict[int, str] = {}
    for note in head.takes:
        with suppress(TakeNotFound):
            now[note.number] = source.take(note.number).label
    for label in head.labels:
        names = {
            now[take.number]
            for take in head.takes
            if take.label == label and take.number in now
        }
        if len(names) == 1 and not names & set(head.labels):
            head = renamed(head, label, names.pop())
    return head


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
