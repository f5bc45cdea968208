"""From the windows of takes to a head, and to the decision whether it replaces the old one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from harpi.commands import Progress
from harpi.config.schema import LearningSection
from harpi.errors import UsageError
from harpi.learning import advice
from harpi.learning.advice import Advice
from harpi.learning.comparison import Comparison, compare, notes
from harpi.learning.fitting import (
    Fitted,
    can_be_bettered,
    choose,
    fit_closed_form,
    fit_gradient,
)
from harpi.learning.material import Material, TakeFeatures
from harpi.learning.validation import Division, divide
from harpi.recognition.head_file import Head
from harpi.recognition.head_trainer import HeadState, HeadTrainer
from harpi.recognition.joined import probabilities
from harpi.recognition.model_file import ModelFile
from harpi.recognition.rejection import Rejection
from harpi.signal.features import FEATURES_VERSION
from harpi.types import FloatArray

FEWEST_LABELS = 2
"""Between fewer there is nothing to decide."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What came of a training.

    Attributes:
        head: the new head, with its figures.
        fitted: how it was fitted.
        division: how windows were held out.
        comparison: with the old head; None where there was none.
        advice: what to record next.
    """

    head: Head
    fitted: Fitted
    division: Division
    comparison: Comparison | None
    advice: tuple[Advice, ...]

    @property
    def better(self) -> bool:
        """Whether the new head is to be used."""
        return self.comparison is None or self.comparison.keeps_up


class Trainer:
    """Fits heads on one base, in the thread that calls it.

    Args:
        base: the model that the heads belong to.
        settings: how heads are fitted.
        unknown_rate: share of familiar windows that may be called unknown.
        gap: windows between two of one take that share no signal.
        seconds_per_window: how much longer a take must be for one window more.

    Raises:
        ModelError: the runtime refuses the model.
        UsageError: the configuration asks for a head that the base does not have.
    """

    def __init__(
        self,
        base: ModelFile,
        settings: LearningSection,
        *,
        unknown_rate: float,
        gap: int,
        seconds_per_window: float,
    ) -> None:
        self._linear = base.metadata.head.kind == "softmax"
        if settings.head == "closed_form" and not self._linear:
            raise UsageError(
                f"the base has a head of the kind {base.metadata.head.kind}, which has no"
                " closed form",
                where="learning.head",
                remedy='Set it to "auto" or "gradient"',
            )
        self._base = base
        self._length = base.metadata.features
        self._settings = settings
        self._unknown_rate = unknown_rate
        self._gap = gap
        self._seconds_per_window = seconds_per_window
        self._steps = HeadTrainer(base, settings.seed)

    def train(
        self,
        parts: Sequence[TakeFeatures],
        old: Head | None,
        on_epoch: Callable[[Progress], None],
    ) -> Trained:
        """Fit a head and compare it with the one in use.

        Args:
            parts: the takes to learn, in the order of recording.
            old: the head in use.
            on_epoch: is told how far it is; what it raises ends the training.

        Raises:
            UsageError: fewer than two labels have enough windows.
            ModelError: training diverged.
        """
        begun = time.perf_counter()
        ready, missing = self._ready(parts)
        material = Material.of(ready)
        division = divide(material.targets, material.sources, gap=self._gap)
        fitted = self._fit(material, division, old, on_epoch)
        taken = notes(material, division, fitted.held_out)
        comparison = None if old is None else compare(material, taken, old, self._judge)
        learnt = material if fitted.joined else material.of_base(self._length)
        rejection = Rejection.cross_validated(
            learnt.features, learnt.targets, learnt.sources, self._unknown_rate
        )
        figures = {
            "windows": float(len(material)),
            "epochs": float(fitted.epochs),
            "sessions": float(len({take.session for take in material.takes})),
            "seconds": time.perf_counter() - begun,
        }
        if fitted.held_out is not None:
            figures["accuracy"] = fitted.held_out.accuracy
            figures["loss"] = fitted.held_out.loss
        head = Head.for_base(
            self._base,
            labels=material.labels,
            parameters=fitted.state.parameters,
            slots=fitted.state.slots,
            step=fitted.state.step,
            joined=FEATURES_VERSION if fitted.joined else 0,
            rejection=rejection,
            figures=figures,
            takes=taken,
        )
        return Trained(
            head,
            fitted,
            division,
            comparison,
            self._advise(missing, material, division, fitted),
        )

    def _ready(
        self, parts: Sequence[TakeFeatures]
    ) -> tuple[list[TakeFeatures], dict[str, int]]:
        """Leave out what has too few windows; tell how many are missing."""
        windows: dict[str, int] = {}
        for part in parts:
            windows.setdefault(part.take.label, 0)
            windows[part.take.label] += len(part.features)
        missing = advice.missing_windows(windows, self._settings.minimum_windows)
        if len(windows) - len(missing) < FEWEST_LABELS:
            needed = advice.ask_for_more(missing, self._seconds_per_window)
            raise UsageError(
                f"training needs {FEWEST_LABELS} labels with"
                f" {self._settings.minimum_windows} windows each,"
                f" {len(windows) - len(missing)} have them",
                remedy="; ".join(point.sentence for point in needed)
                or "Record another activity",
            )
        return [part for part in parts if part.take.label not in missing], missing

    def _fit(
        self,
        material: Material,
        division: Division,
        old: Head | None,
        on_epoch: Callable[[Progress], None],
    ) -> Fitted:
        """Fit as configured; where several ways may be gone, held-out windows decide.

        The closed form with all features comes first. Where it leaves room for something
        clearly better, the same with those of the base alone is tried, which bears more where
        the strap moved between takes, and then gradient steps.
        """
        plain = material.of_base(self._length)
        candidates = []
        if self._linear and self._settings.head != "gradient":
            candidates.append(fit_closed_form(material, division, joined=True))
            if can_be_bettered(candidates[0]):
                candidates.append(fit_closed_form(plain, division, joined=False))
        wanted = self._settings.head != "closed_form"
        if not candidates or (wanted and can_be_bettered(choose(candidates))):
            candidates.append(
                fit_gradient(
                    self._steps,
                    plain,
                    division,
                    self._settings,
                    start=self._start(old),
                    on_epoch=on_epoch,
                )
            )
        return choose(candidates)

    def _start(self, old: Head | None) -> HeadState | None:
        """Go on from a head that the optimiser made."""
        if old is None or old.step == 0:
            return None
        slots = old.slots or self._steps.initial(old.labels).slots
        return HeadState(old.labels, old.parameters, slots, old.step)

    def _judge(self, head: Head, features: FloatArray) -> FloatArray:
        """Give a head's probabilities for all features ``[n, F]`` of windows."""
        if head.joined:
            return probabilities(features, head.parameters)
        state = HeadState(head.labels, head.parameters, head.slots, head.step)
        return self._steps.probabilities(
            state, np.ascontiguousarray(features[:, : self._length])
        )

    def _advise(
        self,
        missing: dict[str, int],
        material: Material,
        division: Division,
        fitted: Fitted,
    ) -> tuple[Advice, ...]:
        """Say what to record next."""
        points = advice.ask_for_more(missing, self._seconds_per_window)
        if fitted.held_out is not None:
            points += advice.resolve_confusions(material.labels, fitted.held_out.confusion)
        points += advice.repeat_single_takes(material.labels, division.basis)
        return tuple(points)
