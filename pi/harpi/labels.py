"""What a label is: one rule, whichever door it comes in by.

A label names what the wearer does, `walking`. It is kept as it was written, in Unicode's
composed form (NFC) and with single blanks between words; two that differ only in case, blanks
and signs are the same label in different spellings.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from harpi.errors import UsageError

LONGEST: Final = 48
"""Characters of the longest label."""

RESERVED: Final = frozenset(
    {"unlabelled", "unlabeled", "unknown", "none", "null", "nan", "n/a", "na", "-1"}
)
"""Words that say that there is no label; no activity can have one of them as its name."""

RESEMBLES: Final = 0.75
"""Likeness from which a label may be a misspelling (`difflib`, after `plain`)."""


def tidy(text: str) -> str:
    """Return a text in composed form, without blanks around it and single ones within."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def is_none(text: str) -> bool:
    """Tell whether a tidy text says that there is no label."""
    return not text or text.casefold() in RESERVED


def check_label(text: str, kind: str = "label") -> str:
    """Return a label as it is kept.

    Args:
        text: as a person or a file wrote it.
        kind: what it names, for the message.

    Raises:
        UsageError: it is empty, too long, reserved, or has characters that cannot be shown.
    """
    label = tidy(text)
    if not 1 <= len(label) <= LONGEST:
        raise UsageError(
            f"a {kind} has 1 to {LONGEST} characters, this one has {len(label)}"
            + (f": {label[:20]}..." if label else "")
        )
    if not label.isprintable():
        raise UsageError(f"a {kind} has no invisible characters, got {label!r}")
    if label.casefold() in RESERVED:
        raise UsageError(
            f"{label!r} is reserved: it says that nothing is known",
            remedy="Choose another name",
        )
    return label


def plain(label: str) -> str:
    """Return what is left of a label without what people write differently: case and signs."""
    folded = unicodedata.normalize("NFKC", label).casefold()
    return re.sub(r"[\W_]+", "", folded) or folded


def same_label(label: str, known: Iterable[str]) -> str | None:
    """Find the known label that is the same in another spelling, or in the same one."""
    known = list(known)
    if label in known:
        return label
    return {plain(one): one for one in reversed(known)}.get(plain(label))


def resembling(label: str, known: Sequence[str]) -> str | None:
    """Find the known label that may have been meant; None where it is known itself."""
    if label in known:
        return None
    by_plain = {plain(one): one for one in reversed(known)}
    close = difflib.get_close_matches(plain(label), by_plain, 1, RESEMBLES)
    return by_plain[close[0]] if close else None
