"""The result of an evaluation, as it is printed, written to files and kept in the log."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct

FORMAT: Final = 1


class Record(Struct, frozen=True, kw_only=True):
    """Base of everything in a report; what a later harpi adds is skipped on reading."""


class Interval(Record, frozen=True, kw_only=True):
    """A figure, and between what it lies with 95 %; without ends where takes are too few."""

    value: float
    low: float | None = None
    high: float | None = None


class Figures(Record, frozen=True, kw_only=True):
    """How right a model is."""

    windows: int
    takes: int
    accuracy: Interval
    balanced_accuracy: Interval
    """Mean over the labels of the share of their windows that are right."""
    macro_f1: Interval


class LabelFigures(Record, frozen=True, kw_only=True):
    """How a model does with one label."""

    label: str
    takes: int
    windows: int
    known: bool
    """Whether the model knows the label, in all windows."""
    precision: float
    recall: float
    f1: float
    unknown: int
    """Windows of the label that it called unknown."""


class Confusion(Record, frozen=True, kw_only=True):
    """How often what was answered when the wearer did what."""

    labels: tuple[str, ...]
    """Of the rows: what the wearer did."""
    answers: tuple[str, ...]
    """Of the columns; after them comes one for no answer."""
    counts: tuple[tuple[int, ...], ...]


class Unknown(Record, frozen=True, kw_only=True):
    """What comes of it when a model may say unknown."""

    coverage: float
    """Share of all windows that it answers."""
    error: float | None
    """Share of wrong answers among those; None where it answers nothing."""
    strangers: float | None
    """Of the windows whose label it does not know, the share that it calls unknown."""


class Bin(Record, frozen=True, kw_only=True):
    """Windows of which a model is about equally sure."""

    windows: int
    confidence: float
    accuracy: float


class Calibration(Record, frozen=True, kw_only=True):
    """Whether a model is as often right as it is sure, where it knows the label."""

    error: float
    """Expected calibration error."""
    bins: tuple[Bin, ...]


class Latency(Record, frozen=True, kw_only=True):
    """Time that a model takes for one window, on the machine of the evaluation."""

    median_ms: float
    p95_ms: float


class ModelReport(Record, frozen=True, kw_only=True):
    """How one model did. Without figures it had learnt nothing."""

    model: str
    source: str
    """What it was made from."""
    digest: str
    """SHA-256 of what it was made from; empty where there is none."""
    labels: tuple[str, ...]
    """That it can answer with."""
    every: Figures | None = None
    """Over all windows: a label that it does not know counts against it."""
    known: Figures | None = None
    """Over the windows whose label it knows; None where there are none."""
    by_label: tuple[LabelFigures, ...] = ()
    confusion: Confusion | None = None
    unknown: Unknown | None = None
    calibration: Calibration | None = None
    latency: Latency | None = None

    @property
    def trained(self) -> bool:
        """Whether it had anything to answer with."""
        return self.every is not None


class Part(Record, frozen=True, kw_only=True):
    """The accuracy over the takes of one position or session, by model."""

    kind: Literal["position", "session"]
    name: str
    takes: int
    windows: int
    accuracy: dict[str, Interval]


class TakeResult(Record, frozen=True, kw_only=True):
    """One take, and how many of its windows each model judged right."""

    name: str
    digest: str
    """SHA-256 of its samples, by which two runs find the takes that they share."""
    label: str
    position: str
    session: str
    start: datetime | None
    seconds: float
    windows: int
    right: dict[str, int]


class Comparison(Record, frozen=True, kw_only=True):
    """Two models, or two runs of one, on the same takes."""

    first: str
    second: str
    over: Literal["every", "known"]
    """`known`: only labels that both know."""
    takes: int
    first_accuracy: float
    second_accuracy: float
    low: float | None
    high: float | None
    """Ends of the interval of the difference."""
    won: int
    lost: int
    p_value: float
    sure: bool
    sentence: str


class Report(Record, frozen=True, kw_only=True):
    """One run of `harpi evaluate`."""

    format: int = FORMAT
    number: int = 0
    """In the log; 0 before it is there."""
    time: datetime
    harpi: str
    """Version."""
    software: dict[str, str]
    """Versions of what else has a say in the figures."""
    origin: str
    """What was tested, in words."""
    conditions: dict[str, Any]
    """What was asked for on the command line."""
    configuration: dict[str, Any]
    """Settings that have a say in the figures."""
    resamples: int
    seed: int
    labels: tuple[str, ...]
    """That were tested."""
    windows: int
    seconds: float
    models: tuple[ModelReport, ...]
    comparisons: tuple[Comparison, ...]
    parts: tuple[Part, ...]
    takes: tuple[TakeResult, ...]
    notices: tuple[str, ...]
    """What the reader must know to read the figures right."""

    def model(self, name: str) -> ModelReport | None:
        """Find a model by its name."""
        return next((model for model in self.models if model.model == name), None)
