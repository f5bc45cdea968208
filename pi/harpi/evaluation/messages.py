"""Comparisons and doubts in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harpi.errors import UsageError
from harpi.evaluation.metrics import Paired
from harpi.labels import resembling, same_label


def counted(number: int, thing: str) -> str:
    """`1 take`, `2 takes`, `2 stretches`."""
    ending = "es" if thing.endswith("ch") else "s"
    return f"{number} {thing}" + ("" if number == 1 else ending)


def in_words(first: str, second: str, result: Paired, *, where: str = "") -> str:
    """Say which of two did better, and how sure that is.

    Args:
        first: name of the first, as people read it.
        second: name of the second.
        result: of their comparison.
        where: on what it was done, e.g. ` on labels that both know`.
    """
    better, worse, high, low = first, second, result.first, result.second
    if high < low:
        better, worse, high, low = second, first, low, high
    takes = counted(result.takes, "take")
    if result.alike:
        every = "the one take" if result.takes == 1 else f"all {takes}"
        return f"{better} and {worse} did equally well on {every}{where} ({high:.2f})."
    figures = f"{high:.2f} against {low:.2f}"
    if result.sure:
        return f"{better} is better than {worse}{where}: {figures}, significant ({takes})."
    if result.leaning:
        shows = "does not prove" if result.takes == 1 else "do not prove"
        return (
            f"{better} looks better than {worse}{where}, {figures}, but {takes} {shows} it; "
            "more takes might."
        )
    return f"{better} and {worse} are on a par{where} with {takes} ({figures})."


def check_spelling(labels: Iterable[str], known: Sequence[str], remedy: str) -> list[str]:
    """Look for labels that no model knows, but knows in another spelling.

    Args:
        labels: that are to be tested.
        known: to any of the models.
        remedy: how labels are corrected, with `{old}` and `{new}` for them.

    Returns:
        A sentence for each label that may be a misspelling.

    Raises:
        UsageError: a label differs from a known one in nothing but case, spaces or signs;
            every answer would count as wrong.
    """
    labels = list(labels)
    doubts = []
    for label in labels:
        if label in known:
            continue
        if (meant := same_label(label, known)) is not None:
            raise UsageError(
                f"the label {label!r} is spelt {meant!r} by the models",
                remedy=remedy.format(old=label, new=meant),
            )
        if (meant := resembling(label, known)) is not None:
            doubts.append(
                f"No model knows {label!r}; did you mean {meant!r}? "
                f"{remedy.format(old=label, new=meant)}."
            )
    if known and labels and not doubts and not any(label in known for label in labels):
        doubts.append(
            f"No model knows {', '.join(labels[:5])}: no answer can be right. If they mean the "
            f"same in other words: {remedy.format(old=labels[0], new=known[0])}."
        )
    return doubts
