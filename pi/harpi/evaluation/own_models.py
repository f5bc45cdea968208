"""The models of this device as its daemon has them, and learning without a daemon."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from harpi.config.schema import Config
from harpi.errors import UsageError
from harpi.evaluation.measuring import Origin
from harpi.evaluation.messages import counted
from harpi.evaluation.trials import Trial, check_unlearnt
from harpi.learning.models import LoadedModels, load_models
from harpi.learning.trainer import Trained, Trainer
from harpi.learning.training_set import Preparation
from harpi.names import ANSWER
from harpi.recognition.answer import Evidence, TakeEvidence
from harpi.recognition.knn import KnnClassifier
from harpi.recognition.model_file import ModelFile
from harpi.signal.copies import Signal
from harpi.store.store import FILE_NAME, Store
from harpi.store.takes import Take
from harpi.types import Samples


class OwnModels:
    """Models made from the files of this device, and the takes that they learn from.

    Args:
        config: of the device.
        store: its takes; None where there are none yet.

    Attributes:
        recognisers: with the head that is in use, the kNN before it learnt any take.
        lessons: the takes that the kNN learns.

    Raises:
        ModelError: the base or the kNN's reference cannot be used.
    """

    def __init__(self, config: Config, store: Store | None) -> None:
        self.config = config
        self.store = store
        self.recognisers = load_models(config)
        self.lessons = [] if store is None else store.takes(split="train")

    @property
    def learnt_anything(self) -> bool:
        """Whether there is a take to learn, or a head."""
        return bool(self.lessons) or self.recognisers.personal.head is not None

    def taught(self, on_progress: Callable[[float], None] = lambda share: None) -> LoadedModels:
        """Let the kNN learn the takes; give the models as the daemon has them.

        Args:
            on_progress: is told the share that is done.

        Raises:
            StoreError: a take cannot be read.
        """
        learnt: list[Take] = []

        def on_taught(take: Take) -> None:
            learnt.append(take)
            on_progress(len(learnt) / len(self.lessons))

        teacher = OfflineTrainer(self.config, self.recognisers.base)
        evidence = teacher.teach_knn(self.recognisers.knn, self._read_lessons(), on_taught)
        self.recognisers.panel.answerer.evidence = evidence
        return self.recognisers

    def untaught(self) -> LoadedModels:
        """Make models as they are where nothing was trained yet."""
        recognisers = load_models(self.config)
        recognisers.personal.use(None)
        return recognisers

    def taught_by(self, trials: Sequence[Trial]) -> tuple[LoadedModels, str]:
        """Make models that learnt these trials in memory, and nothing of this device.

        Returns:
            The models, and why the personal one could not learn; empty where it did.
        """
        recognisers = self.untaught()
        lessons = [_lesson(number, trial) for number, trial in enumerate(trials, start=1)]
        teacher = OfflineTrainer(self.config, recognisers.base)
        recognisers.panel.answerer.evidence = teacher.teach_knn(recognisers.knn, lessons)
        try:
            recognisers.personal.use(teacher.train(lessons).head)
        except UsageError as error:
            return recognisers, str(error)
        return recognisers, ""

    def origins(self) -> dict[str, Origin]:
        """Say what the models are made from, after they were `taught`."""
        recognisers = self.recognisers
        head = recognisers.personal.head
        number = recognisers.shelf.load(recognisers.base).number
        personal = Origin("no head was trained yet")
        if head is not None and number is not None:
            content = recognisers.shelf.path(number).read_bytes()
            made = f"head {number} of {head.created:%Y-%m-%d %H:%M} UTC"
            personal = Origin(made, hashlib.sha256(content).hexdigest())
        return {
            **fixed_origins(recognisers),
            "knn": knn_origin(
                recognisers,
                [take.digest for take in self.lessons],
                counted(len(self.lessons), "take"),
            ),
            "personal": personal,
        }

    def check_unlearnt(self, trials: Sequence[Trial]) -> None:
        """Refuse trials of which the kNN or the head learnt anything; see `trials`.

        Raises:
            UsageError: a trial shares signal with what was learnt.
        """
        check_unlearnt(trials, self._learnt_signal())

    def _learnt_signal(self) -> Iterator[Signal]:
        if self.store is None:
            return
        head = self.recognisers.personal.head
        numbers = [take.id for take in self.lessons]
        numbers += [take.number for take in (head.takes if head else ())]
        rates = {take.id: take.rate for take in self.store.takes(deleted=None)}
        for number in dict.fromkeys(numbers):
            if number in rates:
                for run in self.store.samples(number, whole=True):
                    yield Signal(f"take {number}", run.values, rates[number])

    def _read_lessons(self) -> Iterator[Lesson]:
        if self.store is not None:
            for take in self.lessons:
                yield Lesson(take, self.store.samples(take.id))


@contextmanager
def own_models(config: Config) -> Iterator[OwnModels]:
    """Open what this device has learnt, to look only; a daemon may be at work meanwhile.

    Raises:
        StoreError: there are takes, and they cannot be read.
    """
    path = config.paths.state_folder / FILE_NAME
    if not path.exists():
        yield OwnModels(config, None)
        return
    with Store(path, config.store, read_only=True) as store:
        yield OwnModels(config, store)


def fixed_origins(recognisers: LoadedModels) -> dict[str, Origin]:
    """Say what the models are made from that learn nothing."""
    metadata = recognisers.base.metadata
    return {
        "generic": Origin(f"{metadata.name} {metadata.version}", metadata.digest),
        ANSWER: Origin("the three models together, over time"),
    }


def knn_origin(recognisers: LoadedModels, learnt: Iterable[str], what: str) -> Origin:
    """Say what the kNN is made from.

    Args:
        recognisers: with the kNN's reference.
        learnt: digest of each take that it learnt.
        what: the same in words.
    """
    reference = recognisers.figures()["knn"]
    digest = hashlib.sha256("".join([reference.digest or "", *learnt]).encode())
    return Origin(f"{reference.source} and {what}", digest.hexdigest())


def _lesson(number: int, trial: Trial) -> Lesson:
    """Make a take of a trial; the start of one that does not know it is 1970."""
    take = Take(
        label=trial.label,
        position=trial.position,
        session=1,
        rate=trial.rate,
        start=trial.start or datetime.fromtimestamp(0, UTC),
        id=number,
    )
    return Lesson(take, trial.runs)


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """A take and its signal, one block for each run without a gap."""

    take: Take
    runs: Sequence[Samples]


class OfflineTrainer:
    """Teaches recognisers as the daemon would; belongs to one thread.

    Args:
        config: how to learn.
        base: the model file of the personal recogniser.

    Raises:
        ModelError: the base is no model of IMU windows, or the runtime refuses it.
    """

    def __init__(self, config: Config, base: ModelFile) -> None:
        settings = config.learning
        self._config = config
        self._base = base
        self._preparation = Preparation(
            base,
            hop=config.signal.hop,
            copies=settings.augment_copies,
            degrees=settings.augment_degrees,
            seed=settings.seed,
        )

    def teach_knn(
        self,
        knn: KnnClassifier,
        lessons: Iterable[Lesson],
        on_taught: Callable[[Take], None] = lambda take: None,
    ) -> Evidence:
        """Let the kNN remember takes; give what the answer goes by.

        Args:
            knn: learns them.
            lessons: what it learns.
            on_taught: is told of each take that it knows.
        """
        found: list[TakeEvidence | None] = []
        for lesson in lessons:
            windows = self._preparation.windows(lesson.take, lesson.runs)
            if len(windows):
                knn.add(windows, lesson.take.label, take=str(lesson.take.id))
                found.append(self._preparation.evidence(lesson.take, [windows]))
            on_taught(lesson.take)
        return Evidence.of(one for one in found if one is not None)

    def train(self, lessons: Iterable[Lesson]) -> Trained:
        """Fit a head.

        Raises:
            UsageError: fewer than two labels have enough windows, or the configuration asks
                for a head that the base does not have.
            ModelError: training diverged.
        """
        trainer = Trainer(
            self._base,
            self._config.learning,
            unknown_rate=self._config.models.unknown_rate,
            gap=self._preparation.gap,
            seconds_per_window=self._preparation.seconds_per_window,
        )
        parts = [
            self._preparation.features(
                lesson.take, self._preparation.windows(lesson.take, lesson.runs)
            )
            for lesson in lessons
        ]
        return trainer.train(parts, None, lambda progress: None)
