"""Which takes a command is about: numbers, ranges of them, and conditions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from harpi.cli import completion
from harpi.cli.options import load_settings
from harpi.errors import UsageError

if TYPE_CHECKING:
    from harpi.store.store import Store
    from harpi.store.takes import Take

Numbers = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TAKE",
        help="Numbers of takes; 3-7 means 3 to 7.",
        autocompletion=completion.takes,
    ),
]
Label = Annotated[
    str | None,
    typer.Option(
        "--label",
        "-l",
        metavar="LABEL",
        help="Only of this label.",
        autocompletion=completion.labels,
    ),
]
Position = Annotated[
    str | None,
    typer.Option("--position", "-p", metavar="POSITION", help="Only worn at this place."),
]
Session = Annotated[
    int | None, typer.Option("--session", metavar="N", help="Only of this mounting.")
]
SplitName = Literal["train", "test"]
Split = Annotated[
    SplitName | None, typer.Option("--split", help="Only for training, or only for testing.")
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Only takes that began since then: 30m, 2h, 3d, or a date and time.",
    ),
]
All = Annotated[bool, typer.Option("--all", help="All takes, without a condition.")]

MOST_IN_A_RANGE: Final = 1_000_000
_AGE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def takes_to_read(config: Path | None, assignments: Sequence[str] | None) -> Store:
    """Open the takes of the device that the shared options name, only to look at them.

    Args:
        config: the shared option.
        assignments: the shared option.

    Raises:
        ConfigError: the configuration cannot be used.
        StoreError: there is no store, or it cannot be opened.
    """
    from harpi.store.store import FILE_NAME, Store

    settings = load_settings(config, assignments).config
    return Store(settings.paths.state_folder / FILE_NAME, settings.store, read_only=True)


def numbers_of(words: Iterable[str]) -> list[int]:
    """Read numbers and ranges such as `3`, `5-8`.

    Raises:
        UsageError: a word is neither.
    """
    numbers: list[int] = []
    for word in words:
        found = re.fullmatch(r"(\d{1,15})(?:-(\d{1,15}))?", word)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not first <= last < first + MOST_IN_A_RANGE:
            raise UsageError(
                f"{word!r} is not the number of a take", remedy="Write 3, or 3-7 for 3 to 7"
            )
        numbers += range(first, last + 1)
    return list(dict.fromkeys(numbers))


def moment_of(text: str, now: datetime | None = None) -> datetime:
    """Read a time: an age such as `2h`, or a date with or without a time.

    Without an offset it is in this computer's time zone, as in every table for people.

    Raises:
        UsageError: it is neither.
    """
    if age := _AGE.fullmatch(text.strip()):
        try:
            past = timedelta(**{_UNITS[age[2]]: float(age[1])})
            return (now or datetime.now(UTC)) - past
        except OverflowError:
            pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is not a time",
            remedy="Write 30m, 2h or 3d for as long ago, or 2024-05-31, or 2024-05-31T14:30",
        ) from None
    return moment if moment.tzinfo else moment.astimezone()


def select(
    store: Store,
    numbers: Iterable[str] | None,
    *,
    label: str | None = None,
    position: str | None = None,
    session: int | None = None,
    split: SplitName | None = None,
    since: str | None = None,
    deleted: bool | None = False,
) -> list[Take]:
    """Find the takes that a command line names.

    Args:
        store: where they are.
        numbers: those of the takes; without any, all that meet the conditions.
        label: condition, as the others of `Store.takes`.
        position: condition.
        session: condition.
        split: condition.
        since: condition, see `moment_of`.
        deleted: condition.

    Raises:
        TakeNotFound: there is no take of a number.
        UsageError: a number or the time cannot be read.
    """
    found = store.takes(
        label=label,
        position=position,
        session=session,
        split=split,
        since=None if since is None else moment_of(since),
        deleted=deleted,
    )
    if not numbers:
        return found
    named = {store.take(number).id for number in numbers_of(numbers)}
    return [take for take in found if take.id in named]


def check_chosen(*conditions: object, everything: bool = False) -> None:
    """Refuse to change all takes by an oversight.

    Raises:
        UsageError: neither a number nor a condition is given, nor that all are meant.
    """
    if not everything and not any(conditions):
        raise UsageError(
            "no takes given",
            remedy="Give numbers (3, or 3-7), a condition such as --label, or --all",
        )
