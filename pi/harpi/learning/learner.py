"""The thread that learns: the kNN follows the takes, the head is trained on request.

Everything that takes time is done by one thread of low priority with interpreters of its
own, so that prediction goes on meanwhile. It has two kinds of work: to bring the kNN and the
known postures in line with the takes, whenever these have changed, and to train. Windows and
features of takes are kept from one to the next, so that training starts on what is there
already.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from harpi.commands import Progress
from harpi.config.schema import Config
from harpi.errors import CommandRefused, HarpiError, StoreError
from harpi.learning.checks import OrientationDrift
from harpi.learning.heads import HeadRegistry, named_as_takes, without
from harpi.learning.recent import to_remember
from harpi.learning.trainer import Outcome, Trainer, outcome_of
from harpi.learning.training_set import (
    MOST_PREPARED,
    Cancelled,
    CancelToken,
    FeatureCache,
    Preparation,
    TakeFeatures,
    TakeSource,
    Version,
    version_of,
    yield_to_others,
)
from harpi.memory import give_back_memory
from harpi.recognition.answer import Answerer, Evidence, TakeEvidence
from harpi.recognition.classifiers import PersonalClassifier
from harpi.recognition.head import Head
from harpi.recognition.knn import KnnClassifier
from harpi.recognition.model_file import ModelFile
from harpi.signal.orientation import Directions, PostureWatch, up
from harpi.store.takes import Take
from harpi.supervisor import Supervisor
from harpi.types import FloatArray

_FAULT: Final = "Training failed because of a fault in harpi, see the log; the old head stays."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Request:
    """A training that was asked for."""

    labels: tuple[str, ...]
    on_progress: Callable[[Progress], None]
    on_end: Callable[[Outcome], None]
    control: CancelToken = field(default_factory=CancelToken)


class Learner:
    """Learns from the takes of one store, for the recognisers of one daemon.

    Args:
        config: how to learn.
        source: the takes; or why there are none, which training then ends with.
        base: the model file of the personal recogniser.
        shelf: where heads are kept.
        personal: gets new heads.
        knn: remembers the windows of takes.
        posture: knows how the sensor was held in takes.
        answerer: knows how far the takes let it trust the models.
        supervisor: sees what goes wrong.

    Raises:
        UsageError: the configuration asks for a head that the base does not have.
    """

    def __init__(
        self,
        config: Config,
        source: TakeSource | StoreError,
        base: ModelFile,
        shelf: HeadRegistry,
        personal: PersonalClassifier,
        knn: KnnClassifier,
        posture: PostureWatch,
        answerer: Answerer,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._supervisor = supervisor or Supervisor()
        settings = config.learning
        self._source = source
        self._base = base
        self._shelf = shelf
        self._personal = personal
        self._follower = KnnFollower(knn)
        self._posture = posture
        self._answerer = answerer
        self._evidence: dict[int, TakeEvidence] = {}
        self._up: dict[int, Directions] = {}
        preparation = Preparation(
            base,
            hop=config.signal.hop,
            copies=settings.augment_copies,
            degrees=settings.augment_degrees,
            seed=settings.seed,
        )
        self._trainer = Trainer(
            base,
            settings,
            unknown_rate=config.models.unknown_rate,
            gap=preparation.gap,
            seconds_per_window=preparation.seconds_per_window,
        )
        self._prepared = FeatureCache(preparation)
        # The head in use, its file and its labels change together, one change after another:
        # the disk and the memory never disagree. Nobody computes while he holds this.
        self._changing_head = threading.RLock()
        self._work = threading.Condition()
        self._takes_changed = True
        self._request: _Request | None = None
        self._closing = False
        self._thread = self._supervisor.thread(self._run, "harpi-learner")

    # --- for the session --------------------------------------------------------------------

    def start(self) -> None:
        """Begin to work; the kNN first learns what the store holds."""
        self._thread.start()

    def close(self) -> None:
        """Break off what goes on and end the thread."""
        with self._work:
            self._closing = True
            if self._request is not None:
                self._request.control.cancel()
            self._work.notify()
        if self._thread.is_alive():
            self._thread.join()

    def train(
        self,
        labels: tuple[str, ...],
        *,
        on_progress: Callable[[Progress], None],
        on_end: Callable[[Outcome], None],
    ) -> None:
        """Begin to learn these labels.

        Args:
            labels: whose takes are learnt.
            on_progress: is told how far it is; called by the thread that learns.
            on_end: is told once how it ended; likewise.

        Raises:
            CommandRefused: harpi is training already, or harpi is ending.
        """
        with self._work:
            if self._request is not None or self._closing:
                raise CommandRefused(
                    "harpi is training already", remedy="Wait until it is done"
                )
            self._request = _Request(labels, on_progress, on_end)
            self._work.notify()

    def pause(self) -> None:
        """Let training rest."""
        with self._work:
            if self._request is not None:
                self._request.control.pause()

    def resume(self) -> None:
        """Go on with it."""
        with self._work:
            if self._request is not None:
                self._request.control.resume()

    def cancel(self) -> None:
        """Break it off soon; the head in use stays."""
        with self._work:
            if self._request is not None:
                self._request.control.cancel()

    def takes_changed(self) -> None:
        """Bring the kNN in line with the takes, soon."""
        with self._work:
            self._takes_changed = True
            self._work.notify()

    def forget(self, label: str | None) -> None:
        """Forget a label, or everything that was recorded and trained, at once.

        Heads stay on the shelf, from where one can be taken into use again.

        Raises:
            StoreError: the shelf cannot be written.
        """
        with self._changing_head:
            self._follower.forget(label)
            head = self._personal.head
            if head is None:
                return
            if label is not None:
                # Takes are renamed at once, a head some time later: by now it may have the
                # label under its old name, or another one under this name.
                head = self._named_as_takes(head)
                if label not in head.labels:
                    return
            self._put_to_use(
                None if label is None else without(head, self._base.metadata.head, label)
            )

    def use(self, number: int | None) -> int:
        """Predict with a kept head from now on.

        Args:
            number: of the head; None for the one that was in use before.

        Returns:
            The number of the head that is in use now.

        Raises:
            ModelError: there is no such head, or it cannot be used.
            StoreError: the shelf cannot be written.
        """
        with self._changing_head:
            if number is None:
                number = self._shelf.before()
            self._personal.use(self._shelf.use(number, self._base))
        return number

    def learnt(self) -> frozenset[int]:
        """Give the numbers of the takes that the head in use has learnt."""
        head = self._personal.head
        return frozenset() if head is None else frozenset(take.number for take in head.takes)

    def discard(self, number: int) -> None:
        """Delete a kept head for good.

        Raises:
            ModelError: there is no such head, or it is in use.
            StoreError: the shelf cannot be written.
        """
        with self._changing_head:
            self._shelf.delete(number)

    # --- in the thread ----------------------------------------------------------------------

    def _run(self) -> None:
        yield_to_others()
        while True:
            with self._work:
                self._work.wait_for(
                    lambda: self._closing or self._takes_changed or self._request is not None
                )
                changed, self._takes_changed = self._takes_changed, False
                request = self._request
                closing = self._closing
            try:
                if changed and not closing:
                    self._bring_in_line()
            finally:  # a training that waits is not held up by a fault in the other work
                if request is not None:
                    self._end(request, self._train(request))
                    del request
                    give_back_memory()
            if closing:
                return

    def _bring_in_line(self) -> None:
        """Let the kNN follow the takes; after a fault of harpi it is tried again."""
        followed = False
        try:
            self._follow()
            followed = True
        finally:
            self._takes_changed |= not followed

    def _end(self, request: _Request, outcome: Outcome) -> None:
        with self._work:
            self._request = None
        request.on_end(outcome)

    def _open(self) -> TakeSource:
        if isinstance(self._source, StoreError):
            raise self._source
        return self._source

    def _follow(self) -> None:
        """Let what follows the takes without training follow them."""
        try:
            takes = to_remember(
                self._open(), self._follower.capacity, self._trainer.seconds_per_window
            )
        except StoreError as error:
            log.warning("the kNN does not follow the takes: %s", error)
            return
        self._follow_names()
        wanted = {take.id: take for take in takes}
        self._follower.drop_all_but(wanted)
        self._prepared.keep_only(wanted)
        new = [take for take in takes if not self._follower.knows(take)]
        with self._follower.gathering():
            for take in new:
                if self._closing:
                    return
                self._remember(take)
        self._follow_postures(wanted)
        self._follow_evidence(wanted)
        self._prepare(new)

    def _remember(self, take: Take) -> None:
        """Let the kNN know a take, and how the sensor was held in it."""
        directions = [np.empty((0, 3))]
        self._evidence.pop(take.id, None)

        def seen(batches: Iterable[FloatArray]) -> Iterator[FloatArray]:
            for windows in batches:
                self._follower.remember(take, windows)
                directions.append(up(windows))
                yield windows

        try:
            batches = self._prepared.windows(self._open(), take)
            evidence = self._prepared.evidence(take, seen(batches))
        except HarpiError as error:
            self._follower.drop(take)
            log.warning("the kNN leaves out take %d: %s", take.id, error)
            return
        self._follower.know(take)
        self._up[take.id] = np.concatenate(directions)
        if evidence is not None:
            self._evidence[take.id] = evidence

    def _prepare(self, new: list[Take]) -> None:
        """Make the features of the newest takes, of as many as are kept for training."""
        kept: list[Take] = []
        room = MOST_PREPARED
        for take in reversed(new):
            room -= len(self._up.get(take.id, ()))
            if room < 0 and kept:
                break
            kept.append(take)
        for take in reversed(kept):
            if self._closing:
                return
            with suppress(HarpiError):  # training says what is wrong with a take
                self._prepared.features(self._open(), take)

    def _follow_postures(self, takes: Mapping[int, Take]) -> None:
        """Know the postures of all takes that were worn where the newest one was."""
        self._up = {number: found for number, found in self._up.items() if number in takes}
        here = takes[max(takes)].position if takes else ""
        known = [found for number, found in self._up.items() if takes[number].position == here]
        self._posture.learn(np.concatenate([np.empty((0, 3)), *known]))

    def _follow_evidence(self, takes: Mapping[int, Take]) -> None:
        """Let the answer trust the models as far as the takes show."""
        self._evidence = {n: found for n, found in self._evidence.items() if n in takes}
        self._answerer.evidence = Evidence.of(self._evidence[n] for n in sorted(self._evidence))

    def _follow_names(self) -> None:
        """Rename a label of the head where all takes that it came from were renamed."""
        with self._changing_head:
            head = self._personal.head
            if head is None:
                return
            try:
                head = self._named_as_takes(head)
                if head is not self._personal.head:
                    self._put_to_use(head)
            except StoreError as error:
                log.warning("the head keeps its old names: %s", error)

    def _named_as_takes(self, head: Head) -> Head:
        """Give a head the names that its takes have now, the deleted ones among them, too."""
        if isinstance(self._source, StoreError):
            return head
        return named_as_takes(head, self._source)

    def _train(self, request: _Request) -> Outcome:
        """Train, and take the new head into use if it is good enough."""
        try:
            return self._trained(request)
        except Cancelled:
            return Outcome("cancelled", "Training was cancelled; the old head stays.")
        except HarpiError as error:
            return Outcome("failed", f"{error} The models stay as they were.")
        except Exception as error:  # noqa: BLE001 - told; the next training may succeed
            self._supervisor.report("harpi-learner", error)
            return Outcome("failed", _FAULT)

    def _trained(self, request: _Request) -> Outcome:
        parts: list[TakeFeatures] = []
        damaged: list[str] = []
        doubtful: list[int] = []
        old = self._personal.head
        known = {note.number for note in old.takes} if old is not None else set()
        most = self._trainer.most_windows(len(request.labels))
        for label in request.labels:
            room = most
            for take in self._open().newest(label=label, split="train"):
                if not take.believable:
                    damaged.append(
                        f"Take {take.id} is left out: the sensor readings were implausible."
                    )
                    continue
                request.control.checkpoint()
                if old is not None and "inconsistent" in take.flags and take.id not in known:
                    doubtful.append(take.id)
                try:
                    part = self._prepared.features(self._open(), take).newest(room)
                except StoreError as error:
                    damaged.append(str(error))
                    continue
                parts.append(part)
                room -= len(part.features)
                if room <= 0:
                    break
        parts.sort(key=lambda part: part.take.id)
        doubtful.sort()

        def on_epoch(progress: Progress) -> None:
            request.on_progress(progress)
            request.control.checkpoint()

        trained = self._trainer.train(parts, old, on_epoch)
        trained = replace(trained, doubtful=tuple(doubtful))
        request.control.checkpoint()
        if trained.better:
            self._put_to_use(trained.head)
        else:
            self._shelf.add(trained.head, use=False)
        return outcome_of(trained, [*damaged, *self._strap()])

    def _strap(self) -> list[str]:
        """Say so if the strap is on otherwise than at the mounting before."""
        newest = next(self._open().newest(split="train"))
        try:
            found = OrientationDrift(self._open()).turn(newest.session, newest.position)
        except StoreError as error:
            log.warning("the strap is not compared: %s", error)
            return []
        return [f"{found.sentence}."] if found is not None and found.turned else []

    def _put_to_use(self, head: Head | None) -> None:
        """Keep a head and predict with it from now on; None for none."""
        with self._changing_head:
            if head is None:
                self._shelf.put_away()
            else:
                self._shelf.add(head)
            self._personal.use(head)


class KnnFollower:
    """Keeps account of what the kNN remembers of which take.

    Any thread may `forget`; the rest is the business of one.

    Args:
        knn: remembers the windows.
    """

    def __init__(self, knn: KnnClassifier) -> None:
        self._knn = knn
        self._remembered: dict[int, Version] = {}
        self._changing = threading.Lock()

    def knows(self, take: Take) -> bool:
        """Whether the take is remembered."""
        return take.id in self._remembered

    @property
    def capacity(self) -> int:
        """Windows that the kNN remembers at most."""
        return self._knn.capacity

    def remember(self, take: Take, windows: FloatArray) -> None:
        """Learn further windows ``[n, T, 6]`` of a take; `know` says that these are all."""
        with self._changing:
            self._knn.add(windows, take.label, take=str(take.id))

    def know(self, take: Take) -> None:
        """Note that all windows of a take were learnt."""
        with self._changing:
            self._remembered[take.id] = version_of(take)

    def drop(self, take: Take) -> None:
        """Forget what was learnt of a take."""
        with self._changing:
            self._knn.forget_take(str(take.id))
            self._remembered.pop(take.id, None)

    def gathering(self) -> AbstractContextManager[None]:
        """Let what is remembered meanwhile take effect at the end, all at once."""
        return self._knn.gathering()

    def drop_all_but(self, takes: Mapping[int, Take]) -> None:
        """Forget the takes that are not among these, or are no longer as they were."""
        for number in list(self._remembered):
            with self._changing:
                known = self._remembered.get(number)
                take = takes.get(number)
                if known is not None and (take is None or version_of(take) != known):
                    self._knn.forget_take(str(number))
                    del self._remembered[number]

    def forget(self, label: str | None) -> None:
        """Forget a label, or everything, at once."""
        with self._changing:
            if label is None:
                self._knn.forget_all()
                self._remembered.clear()
                return
            self._knn.forget_label(label)
            for number, (known, *_) in list(self._remembered.items()):
                if known == label:
                    del self._remembered[number]
