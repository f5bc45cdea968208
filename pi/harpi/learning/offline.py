"""Learning outside the daemon: the steps of `Learner`, at once, on takes that are at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harpi.config.schema import Config
from harpi.learning.material import Preparation
from harpi.learning.take import Take
from harpi.learning.trainer import Trained, Trainer
from harpi.recognition.knn import KnnRecogniser
from harpi.recognition.model_file import ModelFile
from harpi.types import Samples


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """A take and its signal, one block for each run without a gap."""

    take: Take
    runs: Sequence[Samples]


class OfflineTeacher:
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
        knn: KnnRecogniser,
        lessons: Iterable[Lesson],
        on_taught: Callable[[Take], None] = lambda take: None,
    ) -> None:
        """Let the kNN remember takes.

        Args:
            knn: learns them.
            lessons: what it learns.
            on_taught: is told of each take that it knows.
        """
        for lesson in lessons:
            windows = self._preparation.windows(lesson.take, lesson.runs)
            if len(windows):
                knn.add(windows, lesson.take.label, take=str(lesson.take.id))
            on_taught(lesson.take)

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
