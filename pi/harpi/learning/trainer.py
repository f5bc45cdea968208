"""From the windows of takes to a head, and whether it replaces the one in use.

A head is judged on a take either directly, if it never learnt it, or by what was noted when
the take was held out from it. Takes of which neither is known, or which were held out whole
from one head and in blocks from the other, are left out: they would flatter one of the two.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harpi.commands import Progress, Result
from harpi.config.schema import LearningSection
from harpi.errors import UsageError
from harpi.learning.checks import (
    Advice,
    ask_for_more,
    missing_windows,
    repeat_single_takes,
    resolve_confusions,
)
from harpi.learning.closed_form import Indices
from harpi.learning.fitting import Fitted, fit_closed_form, fit_gradient
from harpi.learning.training_set import MOST_WINDOWS, TakeFeatures, TrainingSet
from harpi.learning.validation import Division, HeldOut, balanced_mean, divide
from harpi.recognition.head import Head, LearntTake, probabilities
from harpi.recognition.head_trainer import HeadState, HeadTrainer
from harpi.recognition.model_file import ModelFile
from harpi.recognition.rejection import Rejection, least_spread
from harpi.signal.features import FEATURES_VERSION
from harpi.types import FloatArray

FEWEST_LABELS = 2
"""Between fewer there is nothing to decide."""
MOST_ROWS: Final = 20_000
"""Windows and turned copies of them that one training learns from; bounds its memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What came of a training.

    Attributes:
        head: the new head, with its figures.
        fitted: how it was fitted.
        division: how windows were held out.
        comparison: with the old head; None where there was none.
        advice: what to record next.
        doubtful: takes that do not agree with themselves, which the head in use has not learnt.
    """

    head: Head
    fitted: Fitted
    division: Division
    comparison: Comparison | None
    advice: tuple[Advice, ...]
    doubtful: tuple[int, ...] = ()

    @property
    def better(self) -> bool:
        """Whether the new head is to be used."""
        if self.doubtful:
            return False
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

    @property
    def seconds_per_window(self) -> float:
        """How much longer a take must be for one window more."""
        return self._seconds_per_window

    def most_windows(self, labels: int) -> int:
        """Tell how many windows of each of so many labels are learnt; bounds memory.

        Raises:
            UsageError: these are fewer than training needs of each.
        """
        copies = self._settings.augment_copies
        most = min(MOST_WINDOWS, MOST_ROWS // (1 + copies) // max(1, labels))
        if most < min(MOST_WINDOWS, self._settings.minimum_windows):
            raise UsageError(
                f"{labels} labels with {copies} turned copies of each window need more memory"
                " than training may take",
                remedy="Train fewer labels at once, or lower learning.augment_copies",
            )
        return max(most, self._settings.minimum_windows)

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
        material = TrainingSet.of(ready)
        division = divide(material.targets, material.sources, gap=self._gap)
        fitted = self._fit(material, division, old, on_epoch)
        taken = notes(material, division, fitted.held_out)
        comparison = None if old is None else compare(material, taken, old, self._judge)
        learnt = material if fitted.joined else material.of_base(self._length)
        rejection = Rejection.cross_validated(
            learnt.features,
            learnt.targets,
            learnt.sources,
            self._unknown_rate,
            least_spread(learnt.features, learnt.turned, self._length),
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
        missing = missing_windows(windows, self._settings.minimum_windows)
        if len(windows) - len(missing) < FEWEST_LABELS:
            needed = ask_for_more(missing, self._seconds_per_window)
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
        material: TrainingSet,
        division: Division,
        old: Head | None,
        on_epoch: Callable[[Progress], None],
    ) -> Fitted:
        """Fit as configured: in closed form, where the base's head is one layer."""
        if self._linear and self._settings.head != "gradient":
            known = self._base.metadata.labels
            lacking = float(np.mean([label not in known for label in material.labels]))
            return fit_closed_form(material, division, joined=True, lacking=lacking)
        return fit_gradient(
            self._steps,
            material.of_base(self._length),
            division,
            self._settings,
            start=self._start(old),
            on_epoch=on_epoch,
        )

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
        material: TrainingSet,
        division: Division,
        fitted: Fitted,
    ) -> tuple[Advice, ...]:
        """Say what to record next."""
        points = ask_for_more(missing, self._seconds_per_window)
        if fitted.held_out is not None:
            points += resolve_confusions(material.labels, fitted.held_out.confusion)
        points += repeat_single_takes(material.labels, division.basis)
        return tuple(points)


CHANCE: Final = 0.01
"""A difference up to here is none. Measured over 164 trainings with take after take (arms,
legs, wrists; 6 activities): of the heads that are refused without this allowance, one in
six, most would have been better on later signal, by .02 on average; with it, all of the one
in fifty that are refused."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two heads did on the same takes.

    Attributes:
        takes: how many takes both could be judged on.
        old: mean over the labels of the share of windows that the old head judged right.
        new: the same of the new head.
    """

    takes: int
    old: float
    new: float

    @property
    def keeps_up(self) -> bool:
        """Whether the new head is as good; so it is where nothing compares.

        One that judges nothing right is no improvement, however bad the old one is.
        """
        return self.takes == 0 or (self.new > 0 and self.new >= self.old - CHANCE)


def notes(
    material: TrainingSet, division: Division, held_out: HeldOut | None
) -> tuple[LearntTake, ...]:
    """Note for each take how well it was judged while it was held out."""
    shares = {} if held_out is None else held_out.by_take()
    return tuple(
        LearntTake(
            number=take.id,
            label=take.label,
            right=shares.get(index),
            whole=division.basis[material.labels.index(take.label)] == "takes",
        )
        for index, take in enumerate(material.takes)
    )


def compare(
    material: TrainingSet,
    new: tuple[LearntTake, ...],
    old: Head,
    judge: Callable[[Head, FloatArray], FloatArray],
) -> Comparison:
    """Compare a new head with the old one.

    Args:
        material: what the new head learnt.
        new: what was noted of it, in the order of the material's takes.
        old: the head in use.
        judge: gives a head's probabilities ``[n, C]`` for features ``[n, F]``.
    """
    learnt = {(take.number, take.label): take for take in old.takes}
    names = np.array(old.labels)
    rows: list[Indices] = []
    ours: list[float] = []
    theirs: list[float] = []
    for index, note in enumerate(new):
        if note.right is None:
            continue
        members = np.flatnonzero(material.sources == index)
        known = learnt.get((note.number, note.label))
        if known is None:
            answers = names[judge(old, material.features[members]).argmax(axis=1)]
            share = float(np.mean(answers == note.label))
        elif known.right is None or known.whole != note.whole:
            continue
        else:
            share = known.right
        rows.append(members)
        ours += [note.right] * len(members)
        theirs += [share] * len(members)
    targets = material.targets[np.concatenate([np.empty(0, np.int64), *rows])]
    return Comparison(
        len(rows),
        old=balanced_mean(np.array(theirs), targets),
        new=balanced_mean(np.array(ours), targets),
    )


def outcome_of(trained: Trained, left_out: Sequence[str]) -> Outcome:
    """Tell the wearer what came of a training.

    Args:
        trained: the new head and how it compares.
        left_out: why takes could not be learnt, one sentence each.
    """
    return Outcome(
        "taken" if trained.better else "kept",
        _verdict(trained),
        (*left_out, *(f"{point.sentence}." for point in trained.advice)),
    )


def _verdict(trained: Trained) -> str:
    """Say which head is in use now, and why."""
    comparison = trained.comparison
    if trained.doubtful:
        takes = ", ".join(map(str, trained.doubtful))
        return (
            f"The old head stays: take {takes} contains different motions, and a head that was"
            " trained on it may be worse. Delete the take and train again; or use the new head,"
            " it is the newest among the heads."
        )
    if comparison is not None and not comparison.keeps_up:
        if not comparison.new and not comparison.old:
            return (
                f"The old head stays: on unseen windows of {_takes(comparison.takes)} neither"
                " head was ever correct. Record these activities again, alike and longer."
            )
        return (
            f"The old head stays: on unseen windows of {_takes(comparison.takes)} it is"
            f" {comparison.old:.0%} correct, the new one only {comparison.new:.0%}."
        )
    labels = len(trained.head.labels)
    sentence = f"The new head for {labels} labels is in use"
    if trained.fitted.held_out is None:
        return f"{sentence}; there is too little data to say how good it is."
    how = (
        "on unseen takes"
        if trained.division.whole_takes
        else "on unseen windows, some of them from takes that it was trained on"
    )
    sentence += f": {trained.fitted.held_out.accuracy:.0%} correct {how}"
    if comparison is not None and comparison.takes:
        sentence += (
            f"; on {_takes(comparison.takes)} that neither has seen: new {comparison.new:.0%},"
            f" old {comparison.old:.0%}"
        )
    return sentence + "."


def _takes(count: int) -> str:
    return "1 take" if count == 1 else f"{count} takes"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How training ended.

    Attributes:
        result: see `harpi.commands.Result`.
        message: what happened, one or two sentences.
        advice: what to record next and why, one sentence for each point.
    """

    result: Result
    message: str
    advice: tuple[str, ...] = ()
