"""The session where no daemon runs: takes and heads can be changed, nothing can be learnt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date
from functools import cached_property
from pathlib import Path

from harpi import __version__, shipped
from harpi.commands import Evaluated, Progress
from harpi.config.schema import Config
from harpi.diary.bouts import Bout
from harpi.diary.store import FILE_NAME as DIARY_FILE
from harpi.diary.store import Diary
from harpi.diary.totals import bounds
from harpi.errors import DaemonNotRunning, StoreError
from harpi.learning.heads import HeadRegistry, named_as_takes, without
from harpi.learning.models import BASE, HEADS
from harpi.learning.trainer import Outcome
from harpi.recognition.model_file import ModelFile
from harpi.session.session import Session
from harpi.store.claim import StateClaim
from harpi.store.store import FILE_NAME, Store
from harpi.timebase import SystemTime


@contextmanager
def offline_session(config: Config) -> Iterator[Session]:
    """Open the session of a device that is not running; no daemon begins meanwhile.

    Args:
        config: all settings.

    Raises:
        AlreadyRunning: another program of harpi uses the state folder.
    """
    folder = config.paths.state_folder
    path = folder / FILE_NAME
    with StateClaim(folder):
        store: Store | StoreError
        try:
            # Opening to read says that there is none; opening to write would make one.
            store = Store(path, config.store, read_only=not path.exists())
        except StoreError as error:
            store = error
        try:
            yield Session(
                config,
                store,
                Shelf(config, store),
                NoExaminer(),
                SystemTime(),
                diary=ClosedDiary(config) if config.diary.enabled else None,
            )
        finally:
            if isinstance(store, Store):
                store.close()


class Shelf:
    """The heads of a device, without anything that learns.

    Args:
        config: where they are, and which base they belong to.
        store: the takes; or why there are none.
    """

    def __init__(self, config: Config, store: Store | StoreError) -> None:
        self._config = config
        self._store = store
        self._shelf = HeadRegistry(config.paths.state_folder / HEADS)

    @cached_property
    def _base(self) -> ModelFile:
        own = self._config.models.base
        return ModelFile.read(shipped.path(BASE) if own is None else Path(own))

    def train(
        self,
        labels: tuple[str, ...],
        *,
        on_progress: Callable[[Progress], None],
        on_end: Callable[[Outcome], None],
    ) -> None:
        """Refuse: there is nobody who learns.

        Raises:
            DaemonNotRunning: always.
        """
        raise _nobody()

    def pause(self) -> None:
        """Nothing is trained."""

    def resume(self) -> None:
        """Nothing is trained."""

    def cancel(self) -> None:
        """Nothing is trained."""

    def takes_changed(self) -> None:
        """Nothing follows them here."""

    def forget(self, label: str | None) -> None:
        """Use no head any more, or one that knows this label no more.

        Raises:
            ModelError: the base cannot be read.
            StoreError: the heads cannot be written.
        """
        if label is None:
            self._shelf.put_away()
            return
        head = self._shelf.load(self._base).head
        if head is None:
            return
        if isinstance(self._store, Store):
            head = named_as_takes(head, self._store)
        if label not in head.labels:
            return
        left = without(head, self._base.metadata.head, label)
        if left is None:
            self._shelf.put_away()
        else:
            self._shelf.add(left)

    def use(self, number: int | None) -> int:
        """Let a kept head be in use from the next start on, or the one before.

        Raises:
            ModelError: there is no such head, or it cannot be used.
            StoreError: the heads cannot be written.
        """
        if number is None:
            number = self._shelf.before()
        self._shelf.use(number, self._base)
        return number

    def discard(self, number: int) -> None:
        """Delete a kept head for good.

        Raises:
            ModelError: there is no such head, or it is in use.
            StoreError: the heads cannot be written.
        """
        self._shelf.delete(number)

    def learnt(self) -> frozenset[int]:
        """Nothing is compared with what the head in use has learnt."""
        return frozenset()


class ClosedDiary:
    """The diary of a device that is not running; all bouts in it have ended.

    Args:
        config: where it is.
    """

    def __init__(self, config: Config) -> None:
        self._limit = config.diary.limit_mb
        self._path = config.paths.state_folder / DIARY_FILE

    def correct(self, number: int, activity: str) -> Bout:
        """Set what the wearer did in a bout; return it as it was.

        Raises:
            DiaryError: there is no such bout, or the diary cannot be written.
        """
        with self._opened() as diary:
            return diary.correct(number, activity)

    def moments(self, bout: Bout) -> tuple[float, float] | None:
        """No signal is kept."""
        return None

    def delete_day(self, day: date) -> int:
        """Delete a local day; return how many bouts that were.

        Raises:
            DiaryError: the diary cannot be written.
        """
        with self._opened() as diary:
            return diary.delete(*bounds(day))

    @contextmanager
    def _opened(self) -> Iterator[Diary]:
        Diary(self._path, read_only=True).close()  # says so where there is none, and makes none
        with closing(Diary(self._path, self._limit)) as diary:
            diary.begin_run(__version__)
            yield diary


class NoExaminer:
    """Tests nothing; `harpi evaluate` does that by itself."""

    def begin(self, on_end: Callable[[str | None], None]) -> None:
        """Refuse.

        Raises:
            DaemonNotRunning: always.
        """
        raise _nobody()

    def cancel(self) -> None:
        """Nothing goes on."""

    def news(self) -> Sequence[Evaluated]:
        """There are none."""
        return ()


def _nobody() -> DaemonNotRunning:
    return DaemonNotRunning(
        "no harpi is running that could do this",
        remedy="Start it with 'sudo systemctl start harpi', or with 'harpi run' in another "
        "terminal",
    )
