"""harpi's one answer: what the three models say together, over time, or that it is unknown.

Each model errs in its own way. Generic knows the activities before anything is taught, but not
this body and strap. kNN remembers what was taught exactly as it was. Personal knows it in
features that bear a turned strap. The answer adds up their evidence in three steps:

1. Fusion: a weighted sum of log probabilities. Personal's weight grows with what was taught,
   generic's with how much of the takes it called right, and kNN's falls as the strap turns.
2. Filter: the forward recursion of a hidden Markov model (Rabiner, Proc. IEEE 77:257, 1989)
   whose states are the activities. People keep to an activity for longer than a window, so a
   change shows when the evidence for the new one outweighs that. It waits for no later window.
3. Unknown: evidence against everything that was taught is added up, too: the distance from it,
   what generic and kNN say for other activities, and how undecided the fusion is. What generic
   said in the takes already speaks against nothing: it has other names for what was taught, or
   none, and calls it something else there as well.

Nothing is learnt about the wearer here but `Evidence`, which is measured on the takes. The
constants were chosen on strangers of four public data sets and confirmed once on others, with
another base (docs/evaluate.md). To shift and scale the base's features to minutes of unlabelled
wear was tried: generic gains .006 at best where all activities are in these minutes alike, and
loses up to .15 where only two are. A matrix of what generic says of each label, from the takes,
is worse than one measure of trust: .95 against .97 with 10 windows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harpi.names import ANSWER
from harpi.types import FloatArray, Prediction, Window

Values = NDArray[np.float64]

# Fusion. Weights of log probabilities; from half to twice of each, macro F1 moves by .01.
_PERSONAL: Final = 1.2
_PERSONAL_HALF: Final = 1.5
"""Windows per label at which personal has half of its weight."""
_KNN: Final = 0.6
_GENERIC: Final = 1.4
_PRIOR_ACCURACY: Final = 0.6
_PRIOR_WINDOWS: Final = 2.0
"""Generic is taken to be so accurate, as if so many windows per label had shown it."""
_LACKING: Final = 1.0
"""How much less generic's evidence is for a label that it lacks than for the likeliest that it
has, in nats: a new movement looks to it like one of those."""
_LEAST_PERSONAL: Final = 0.01
_LEAST_KNN: Final = 0.02
_LEAST_GENERIC: Final = 1e-4
"""Least probabilities, so that one model alone cannot rule an activity out."""

# How the strap sits, by the angle of gravity from that in the takes of the same activity. As
# worn it is 3 to 18 degrees, turned by 45 degrees 31 to 45, turned by 90 degrees 61 to 83.
_TURNED_FROM: Final = 35.0
_TURNED: Final = 65.0
_TILT_START: Final = 15.0
_TILT_START_WINDOWS: Final = 30.0
_TILT_SECONDS: Final = 60.0

_BOUT_SECONDS: Final = 60.0
"""Mean time for which people keep to an activity; from 30 s to 120 s it makes no difference."""
_LONGEST_PAUSE: Final = 3.0
"""Seconds from the end of a window to the end of the next, beyond which all begins anew."""

# Unknown, in nats.
_DISTANCE: Final = 2.4
_FEW_WINDOWS: Final = 3.2
_MOST_FOR_FEW: Final = 2.1
"""A distance is no sign up to exp(`_FEW_WINDOWS` / windows): few of them show no spread."""
_OTHERS_GENERIC: Final = 0.65
_SAID_HALF: Final = 0.1
"""Mean probability of an activity in the takes of another, at which half of it, said again, is
no sign of anything else."""
_NEGLIGIBLE: Final = 0.01
"""Probability below which it does not matter what was said in takes of an activity."""
_OTHERS_KNN: Final = 0.15
_OTHERS_FROM: Final = 2.0
"""Probability of activities that were not taught counts from a logit of minus this, .12."""
_UNDECIDED: Final = 1.1
_SMOOTHING: Final = 0.3
"""Weight of the newest window in the mean of the evidence against everything taught."""
_UNKNOWN_FROM: Final = 2.2
_UNKNOWN_UNTIL: Final = 1.6
_DOUBT_FROM: Final = 0.5
_DOUBT_UNTIL: Final = 0.35
"""Without a head: share of the last windows that generic or kNN calls unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class TakeEvidence:
    """What one take shows of how far the models can be trusted.

    Attributes:
        label: what the wearer did.
        windows: how many windows it has that share no signal; fractions count.
        right: share of its windows that generic calls right; None where it lacks the label.
        up: float64 ``[3]``, mean acceleration, g.
        base: the activities that generic has.
        said: float32 ``[len(base)]``, mean probabilities that generic gives them.
    """

    label: str
    windows: float
    right: float | None
    up: Values
    base: tuple[str, ...]
    said: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What all takes together show.

    Attributes:
        labels: that were taught, in the order of the takes.
        windows: of a label, in the mean, that share no signal.
        accuracy: of generic, the mean over the labels that it has; None where it has none.
        ups: by label, float64 ``[k, 3]``, mean acceleration of each of its takes.
        said: by label, how probable generic finds which activity in its takes.
    """

    labels: tuple[str, ...] = ()
    windows: float = 0.0
    accuracy: float | None = None
    ups: Mapping[str, Values] = field(default_factory=dict)
    said: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, takes: Iterable[TakeEvidence]) -> Evidence:
        """Put takes together."""
        by_label: dict[str, list[TakeEvidence]] = {}
        for take in takes:
            by_label.setdefault(take.label, []).append(take)
        if not by_label:
            return cls()
        known = [
            np.average([take.right for take in own], weights=[take.windows for take in own])
            for own in by_label.values()
            if own[0].right is not None
        ]
        windows = [sum(take.windows for take in own) for own in by_label.values()]
        return cls(
            tuple(by_label),
            float(np.mean(windows)),
            float(np.mean(known)) if known else None,
            {label: np.stack([take.up for take in own]) for label, own in by_label.items()},
            {label: _mean_said(own) for label, own in by_label.items()},
        )

    @property
    def trust(self) -> float:
        """How far generic can be trusted, 0 to 1; 0 where it has none of the labels."""
        if not self.labels:
            return _PRIOR_ACCURACY
        if self.accuracy is None:
            return 0.0
        shown = self.windows * self.accuracy + _PRIOR_WINDOWS * _PRIOR_ACCURACY
        return shown / (self.windows + _PRIOR_WINDOWS)

    def tilt(self, label: str, up: Values) -> float | None:
        """Angle of gravity from that in the nearest take of a label, degrees."""
        takes = self.ups.get(label)
        if takes is None:
            return None
        lengths = np.linalg.norm(takes, axis=1) * np.linalg.norm(up)
        cosine = float((takes @ up / np.maximum(lengths, 1e-9)).max())
        return math.degrees(math.acos(min(1.0, max(-1.0, cosine))))


class Answerer:
    """Gives the answer, window after window, of one stream; belongs to one thread.

    Another thread may replace `evidence` at any time; it counts from the next window on. A gap
    in the signal, or other activities to choose from, begin anew.

    Attributes:
        evidence: what the takes show.
    """

    def __init__(self) -> None:
        self.evidence = Evidence()
        self._end = -math.inf
        self._labels: tuple[str, ...] = ()
        self._reset()

    def answer(self, window: Window, predictions: Mapping[str, Prediction]) -> Prediction:
        """Give the answer.

        Args:
            window: comes after those before it.
            predictions: what the models say of it, by name; any may be missing or untrained.

        Returns:
            Probabilities of the activities that were taught or, while no head is trained, of
            all that kNN and generic have; untrained where there are none.
        """
        evidence = self.evidence
        generic = _trained(predictions, "generic")
        knn = _trained(predictions, "knn")
        personal = _trained(predictions, "personal")
        labels = _choices(evidence, generic, knn, personal)
        hop = window.end - self._end
        self._end = window.end
        if not labels:
            return Prediction.untrained(ANSWER)
        if labels != self._labels or not 0 < hop <= _LONGEST_PAUSE:
            self._labels = labels
            self._reset()
            hop = 0.0
        worn_alike = self._strap(evidence, personal or knn, window, hop)
        fused = _fuse(labels, evidence, generic, knn, personal, worn_alike)
        probabilities = self._filter(fused, hop)
        if personal is None:
            doubt = float(any(one is not None and one.unknown for one in (generic, knn)))
            unknown = self._unlike(doubt, _DOUBT_FROM, _DOUBT_UNTIL)
        else:
            against = _against(labels, evidence, generic, knn, personal, worn_alike, fused)
            unknown = self._unlike(against, _UNKNOWN_FROM, _UNKNOWN_UNTIL)
        return Prediction(ANSWER, labels, probabilities.astype(np.float32), unknown)

    def _reset(self) -> None:
        self._belief: Values | None = None
        self._tilt, self._tilt_windows = _TILT_START, _TILT_START_WINDOWS
        self._mean: float | None = None
        self._unknown = False

    def _strap(
        self, evidence: Evidence, named: Prediction | None, window: Window, hop: float
    ) -> float:
        """Tell how alike the strap sits to the takes: 1 as in them, 0 turned."""
        up = window.values[:, :3].mean(axis=0, dtype=np.float64)
        tilt = None if named is None else evidence.tilt(str(named.best), up)
        if tilt is not None:
            most = 1 / (1 - math.exp(-hop / _TILT_SECONDS)) if hop > 0 else math.inf
            self._tilt_windows = min(self._tilt_windows + 1, max(most, 1.0))
            self._tilt += (tilt - self._tilt) / self._tilt_windows
        return min(1.0, max(0.0, (_TURNED - self._tilt) / (_TURNED - _TURNED_FROM)))

    def _filter(self, fused: Values, hop: float) -> Values:
        """Take the next evidence ``[C]``; give the probabilities of the activities now."""
        count = len(fused)
        if self._belief is None or count == 1:
            before = np.full(count, 1 / count)
        else:
            leave = -math.expm1(-hop / _BOUT_SECONDS)
            before = (1 - leave) * self._belief
            before += leave * (1 - self._belief) / (count - 1)
        after = before * fused
        self._belief = after / after.sum()
        return self._belief

    def _unlike(self, against: float, begin: float, end: float) -> bool:
        """Take the next evidence against everything; tell whether all is unknown now."""
        mean = against if self._mean is None else self._mean
        self._mean = mean + _SMOOTHING * (against - mean)
        self._unknown = self._mean > (end if self._unknown else begin)
        return self._unknown


def _trained(predictions: Mapping[str, Prediction], name: str) -> Prediction | None:
    found = predictions.get(name)
    return found if found is not None and found.trained else None


def _choices(
    evidence: Evidence,
    generic: Prediction | None,
    knn: Prediction | None,
    personal: Prediction | None,
) -> tuple[str, ...]:
    """Give the activities that may be answered."""
    taught = () if personal is None else personal.labels
    if personal is not None and knn is not None:
        taught += tuple(label for label in evidence.labels if label in knn.labels)
    if personal is None:
        taught = tuple(x for one in (knn, generic) if one is not None for x in one.labels)
    return tuple(dict.fromkeys(taught))


def _fuse(
    labels: tuple[str, ...],
    evidence: Evidence,
    generic: Prediction | None,
    knn: Prediction | None,
    personal: Prediction | None,
    worn_alike: float,
) -> Values:
    """Fuse what is said of one window into probabilities ``[C]``, all above 0."""
    score = np.zeros(len(labels))
    by_knn = np.zeros(len(labels)) if knn is None else _of(labels, knn)
    if personal is not None:
        own = _of(labels, personal)
        later = ~_known(labels, personal)
        if later.any():  # taught since the head was trained: what kNN says must do
            own = own * (1 - by_knn[later].sum()) + np.where(later, by_knn, 0.0)
        count = max(evidence.windows, 1.0)
        score += _PERSONAL * count / (count + _PERSONAL_HALF) * np.log(own + _LEAST_PERSONAL)
    if knn is not None:
        score += _KNN * worn_alike * np.log(by_knn + _LEAST_KNN)
    if generic is not None:
        known = _known(labels, generic)
        if known.any():
            says = np.log(np.maximum(_of(labels, generic), _LEAST_GENERIC))
            says = np.where(known, says, says[known].max() - _LACKING)
            score += _GENERIC * evidence.trust * says
    powers = np.exp(score - score.max())
    fused: Values = np.maximum(powers / powers.sum(), 1e-30)
    return fused


def _against(
    labels: tuple[str, ...],
    evidence: Evidence,
    generic: Prediction | None,
    knn: Prediction | None,
    personal: Prediction,
    worn_alike: float,
    fused: Values,
) -> float:
    """Add up the evidence against everything that was taught."""
    against = -_UNDECIDED * math.log(float(fused.max()))
    if personal.distance is not None:
        overlapping = max(4 * evidence.windows - 3, 1.0)
        few = min(_MOST_FOR_FEW, _FEW_WINDOWS / overlapping)
        against += _DISTANCE * worn_alike * (math.log(max(personal.distance, 1e-3)) - few)
    if generic is not None:
        explained = _said_in_takes(labels, evidence, generic, fused)
        against += _OTHERS_GENERIC * _others(labels, generic, explained)
    if knn is not None:
        against += _OTHERS_KNN * _others(labels, knn)
    return against


def _of(labels: tuple[str, ...], said: Prediction) -> Values:
    """Give the probabilities ``[C]`` of labels; 0 of those that a model lacks."""
    found = dict(zip(said.labels, said.probabilities.tolist(), strict=True))
    return np.array([found.get(label, 0.0) for label in labels])


def _known(labels: tuple[str, ...], said: Prediction) -> NDArray[np.bool_]:
    """Tell which labels ``[C]`` a model has."""
    return np.array([label in said.labels for label in labels], np.bool_)


def _said_in_takes(
    labels: tuple[str, ...], evidence: Evidence, generic: Prediction, fused: Values
) -> Values:
    """Tell how far generic says each of its activities ``[C]`` in takes of what is answered.

    Returns:
        0 for what it never says there, towards 1 for what it always says.
    """
    found = np.zeros(len(generic.labels))
    for label, share in zip(labels, fused.tolist(), strict=True):
        expected = evidence.said.get(label)
        if expected is None or share < _NEGLIGIBLE:
            continue
        said = np.array([expected.get(name, 0.0) for name in generic.labels])
        found += share * said / (said + _SAID_HALF)
    return found


def _mean_said(takes: Sequence[TakeEvidence]) -> Mapping[str, float]:
    """Average over takes of one label what generic says in them."""
    mean = np.average([one.said for one in takes], axis=0, weights=[t.windows for t in takes])
    return dict(zip(takes[0].base, mean.tolist(), strict=True))


def _others(
    labels: tuple[str, ...], said: Prediction, explained: Values | float = 0.0
) -> float:
    """Tell how much a model speaks for activities other than these, 0 or more.

    Args:
        labels: of these.
        said: by the model.
        explained: of each activity ``[C]`` that the model has, 0 to 1, how far it is no sign of
            another.
    """
    own = np.array([name in labels for name in said.labels], np.bool_)
    shares = said.probabilities * np.where(own, 1.0, explained)
    share = min(max(1.0 - float(shares.sum()), 0.0), 1.0)
    return max(math.log((share + 0.01) / (1.01 - share)) + _OTHERS_FROM, 0.0)
