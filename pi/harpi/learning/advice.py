"""What to record next, and why: one sentence for each point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from harpi.learning.closed_form import Indices
from harpi.learning.validation import Basis

CONFUSED_SHARE: Final = 0.1
"""Share of a label's held-out windows that must go to one other label to be worth a word."""

CONFUSED_WINDOWS: Final = 2
"""A single wrong window is no pattern."""

MOST_CONFUSIONS: Final = 3
"""A wearer can act on a few points, not on a matrix."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that the wearer can do to be recognised better.

    Attributes:
        reason: `too_few` windows to be learnt, `confused` with another label, or `one_take`,
            so that nothing independent tells how good the head is.
        labels: what it is about.
        sentence: the advice in words.
    """

    reason: Literal["too_few", "confused", "one_take"]
    labels: tuple[str, ...]
    sentence: str


def missing_windows(windows: Mapping[str, int], minimum: int) -> dict[str, int]:
    """Tell how many windows each label still lacks; labels that have enough are left out.

    Args:
        windows: how many there are, by label.
        minimum: how many training asks for.
    """
    return {label: minimum - count for label, count in windows.items() if count < minimum}


def ask_for_more(missing: Mapping[str, int], seconds_per_window: float) -> list[Advice]:
    """Put missing windows in words.

    Args:
        missing: how many windows each label lacks, as from `missing_windows`.
        seconds_per_window: how much longer a take must be for one window more.
    """
    return [
        Advice(
            "too_few",
            (label,),
            f"{label}: {count} more {'window' if count == 1 else 'windows'} needed"
            f" (about {max(1, round(count * seconds_per_window))} s)",
        )
        for label, count in missing.items()
    ]


def resolve_confusions(labels: Sequence[str], confusion: Indices) -> list[Advice]:
    """Name the labels that are most often taken for another, the worst first.

    Args:
        labels: C names.
        confusion: counts ``[C, C]`` over held-out windows; rows what the wearer said, columns
            what the head said.
    """
    totals = confusion.sum(axis=1)
    wrong = confusion - np.diag(np.diag(confusion))
    shares = wrong / np.maximum(totals, 1)[:, None]
    advice: list[Advice] = []
    for cell in np.argsort(-shares, axis=None, kind="stable"):
        said, taken = divmod(int(cell), len(labels))
        count = int(wrong[said, taken])
        if shares[said, taken] < CONFUSED_SHARE or len(advice) == MOST_CONFUSIONS:
            break
        if count < CONFUSED_WINDOWS:
            continue
        advice.append(
            Advice(
                "confused",
                (labels[said], labels[taken]),
                f"{labels[said]} is taken for {labels[taken]} in {count} of"
                f" {int(totals[said])} held-out windows: record both once more, each as you"
                " really do it",
            )
        )
    return advice


def repeat_single_takes(labels: Sequence[str], basis: Sequence[Basis]) -> list[Advice]:
    """Ask for a second take where there is one only.

    Args:
        labels: C names.
        basis: how each of them was held out.
    """
    single = tuple(label for label, how in zip(labels, basis, strict=True) if how != "takes")
    if not single:
        return []
    names = "every label" if len(single) == len(labels) else _listed(single)
    return [
        Advice(
            "one_take",
            single,
            f"{names} has one take only, which flatters the figures: take the strap off,"
            " put it on again and record another",
        )
    ]


def _listed(names: Sequence[str]) -> str:
    """Join names as a sentence does."""
    return names[0] if len(names) == 1 else f"each of {', '.join(names[:-1])} and {names[-1]}"
