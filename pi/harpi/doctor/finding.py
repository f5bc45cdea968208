"""What a check found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from harpi.errors import HarpiError

Grade = Literal["ok", "warning", "failure", "skipped"]


class Outcome(NamedTuple):
    """What a check says: how it stands, why, and what to do where it is not well."""

    grade: Grade
    text: str
    remedy: str = ""


class NotExamined(Exception):
    """A check that cannot be made here; the message says why."""


def ok(text: str) -> Outcome:
    """All is well."""
    return Outcome("ok", text)


def warn(text: str, remedy: str) -> Outcome:
    """It works, but not as it could."""
    return Outcome("warning", text, remedy)


def fail(text: str, remedy: str) -> Outcome:
    """It does not work."""
    return Outcome("failure", text, remedy)


def failure_of(error: HarpiError) -> Outcome:
    """Put an error of harpi, which brings its remedy along, as an outcome."""
    text = f"{error.where}: {error.problem}" if error.where else error.problem
    return fail(text, error.remedy)


class Finding(Struct, frozen=True, kw_only=True):
    """One line of the report."""

    group: str
    """Which part of the device it is about."""
    check: str
    grade: Grade
    text: str
    """What was found, one line without a full stop."""
    remedy: Annotated[str, Meta(description="empty where nothing has to be done")] = ""


def count(findings: Iterable[Finding], grade: Grade) -> int:
    """Count the findings of one grade."""
    return sum(finding.grade == grade for finding in findings)
