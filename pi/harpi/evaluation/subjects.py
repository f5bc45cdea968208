"""What `harpi evaluate` tests, and who is tested: takes of the store, or recordings."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import msgspec

from harpi import __version__
from harpi.config.schema import Config
from harpi.errors import UsageError
from harpi.evaluation.judging import Contest, Judgements
from harpi.evaluation.measuring import Circumstances, Origin
from harpi.evaluation.messages import check_spelling, counted
from harpi.evaluation.own_models import OwnModels, fixed_origins, knn_origin, own_models
from harpi.evaluation.trials import (
    Split,
    Trial,
    check_unlearnt,
    independent,
    signals_of,
    split,
    trials_of,
)
from harpi.learning.models import LoadedModels
from harpi.recording import read_understood
from harpi.store.takes import Take
from harpi.types import Samples

_RELABEL: Final = "Correct it with `harpi takes relabel TAKE --label '{new}'`"

_RENAME: Final = "Correct it with --rename '{old}={new}'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which takes or recordings are tested, as the command line says; see `harpi evaluate`."""

    session: int | None = None
    position: str | None = None
    since: datetime | None = None
    recordings: tuple[Path, ...] = ()
    subject: str | None = None
    learn: float | None = None
    rename: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Examination:
    """Who is tested on what.

    Attributes:
        contests: the models and their trials; several where models learnt in memory, one for
            each wearer and place.
        origin: what is tested, in words.
        models: what each model was made from.
        notices: what the reader must know to read the figures right.
    """

    contests: tuple[Contest, ...]
    origin: str
    models: Mapping[str, Origin]
    notices: tuple[str, ...]


def examination(
    config: Config, choice: Choice, on_progress: Callable[[float], None]
) -> Examination:
    """Gather what is tested and get the models ready.

    Args:
        config: of the device.
        choice: what to test.
        on_progress: is told the share that is done.

    Raises:
        UsageError: there is nothing to test, too little to tell anything by, or something
            that was learnt.
        RecordingError: a recording cannot be used.
        ModelError: the base or the kNN's reference cannot be used.
        StoreError: the takes cannot be read.
    """
    with own_models(config) as own:
        if not choice.recordings:
            return _of_takes(own, choice, on_progress)
        trials, told = _trials(choice)
        learns = choice.learn is None and not own.learnt_anything
        if choice.learn or learns:
            found = _learning(own, choice, trials, on_progress)
        else:
            found = _as_they_are(own, choice, trials, on_progress)
        return replace(found, notices=(*told, *found.notices))


# --- takes of the store ---------------------------------------------------------------------


def _of_takes(
    own: OwnModels, choice: Choice, on_progress: Callable[[float], None]
) -> Examination:
    """Test the models of this device on its test takes."""
    store = own.store
    takes = (
        []
        if store is None
        else store.takes(
            split="test",
            session=choice.session,
            position=choice.position,
            since=choice.since,
        )
    )
    if store is None or not takes:
        raise UsageError(
            "there are no test takes" + _condition(choice),
            remedy="Record some with `harpi record LABEL --test`, or give --recording FILE",
        )
    every = [_trial_of(take, tuple(store.samples(take.id))) for take in takes]
    trials, copies = independent(every)
    _check_labels(trials)
    recognisers = own.taught(on_progress)
    own.check_unlearnt(trials)
    doubts = check_spelling(_labels(trials), _known(recognisers), _RELABEL)
    return Examination(
        (Contest(recognisers.panel, tuple(trials)),),
        f"{counted(len(trials), 'test take')}{_condition(choice)}",
        own.origins(),
        (*_copies(copies), *doubts),
    )


def _trial_of(take: Take, runs: tuple[Samples, ...]) -> Trial:
    return Trial(
        name=f"take {take.id}",
        label=take.label,
        position=take.position,
        session=str(take.session),
        rate=take.rate,
        runs=runs,
        source=f"take {take.id}",
        start=take.start,
    )


def _condition(choice: Choice) -> str:
    conditions = []
    if choice.session is not None:
        conditions.append(f" of session {choice.session}")
    if choice.position is not None:
        conditions.append(f" at {choice.position}")
    if choice.since is not None:
        conditions.append(f" since {choice.since:%Y-%m-%d %H:%M} UTC")
    return "".join(conditions)


# --- recordings -----------------------------------------------------------------------------


def _trials(choice: Choice) -> tuple[list[Trial], list[str]]:
    """Read the stretches of all recordings, and say what a reader must know of them."""
    trials: list[Trial] = []
    told: list[str] = []
    for path in choice.recordings:
        recordings, understood = read_understood(
            path, subject=choice.subject, position=choice.position
        )
        told += [f"{path.name}: {note}." for note in (*understood.notes, *understood.warnings)]
        for recording in recordings:
            trials += trials_of(recording, path)
    if strange := set(choice.rename) - set(_labels(trials)):
        raise UsageError(
            f"the recordings have no label {sorted(strange)[0]!r}",
            where="--rename",
            remedy=f"They have {', '.join(_labels(trials))}",
        )
    trials = [replace(t, label=choice.rename.get(t.label, t.label)) for t in trials]
    trials, copies = independent(trials)
    _check_labels(trials)
    return trials, [*told, *_copies(copies)]


def _copies(copies: Sequence[tuple[str, str]]) -> list[str]:
    """Say what was left out because it would count twice."""
    if not copies:
        return []
    shown = [f"{one} (of {other})" for one, other in copies[:5]]
    more = f" and {len(copies) - 5} more" if len(copies) > 5 else ""
    return [f"Copies count once. Left out: {', '.join(shown)}{more}."]


def _as_they_are(
    own: OwnModels,
    choice: Choice,
    trials: Sequence[Trial],
    on_progress: Callable[[float], None],
) -> Examination:
    """Test the models of this device."""
    recognisers = own.taught(on_progress)
    own.check_unlearnt(trials)
    return Examination(
        (Contest(recognisers.panel, tuple(trials)),),
        _recordings(choice, trials),
        own.origins(),
        (*_doubts(choice, trials, recognisers), *_rates(own.config, trials)),
    )


def _learning(
    own: OwnModels,
    choice: Choice,
    trials: Sequence[Trial],
    on_progress: Callable[[float], None],
) -> Examination:
    """Teach models in memory, each wearer and place apart, and test them on the rest."""
    untaught = own.untaught()
    notices = [*_doubts(choice, trials, untaught), *_rates(own.config, trials)]
    contests: list[Contest] = []
    learnt: list[Trial] = []
    groups = _by_wearer(trials)
    for done, (wearer, theirs) in enumerate(groups.items()):
        parts = split(theirs, choice.learn)
        check_unlearnt(parts.test, (s for t in parts.learn for s in signals_of(t)))
        recognisers, problem = own.taught_by(parts.learn)
        where = f" ({' at '.join(wearer)})" if len(groups) > 1 else ""
        notices += _what_lacks(parts, problem, where)
        contests.append(Contest(recognisers.panel, parts.test))
        learnt += parts.learn
        on_progress((done + 1) / len(groups))
    amount = "half" if choice.learn is None else f"{choice.learn:g} s"
    taught = f"the first {amount} of each label ({counted(len(learnt), 'stretch')})"
    notices.insert(
        0,
        f"kNN and personal were trained in memory on {taught} and are tested on the rest; the "
        "takes of this device are left out. Both parts are of one mounting of the strap, which "
        "suits kNN most: it looks for windows like those that it was shown.",
    )
    digests = [trial.digest for trial in learnt]
    return Examination(
        tuple(contests),
        _recordings(choice, [trial for contest in contests for trial in contest.trials]),
        {
            **fixed_origins(untaught),
            "knn": knn_origin(untaught, digests, taught),
            "personal": Origin(taught, hashlib.sha256("".join(digests).encode()).hexdigest()),
        },
        tuple(notices),
    )


def _by_wearer(trials: Iterable[Trial]) -> dict[tuple[str, str], list[Trial]]:
    """Put the trials of a wearer at a place together; who is not named is one and the same."""
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        groups.setdefault((trial.wearer, trial.position), []).append(trial)
    return groups


def _what_lacks(parts: Split, problem: str, where: str) -> Iterable[str]:
    """Say what could not be learnt."""
    if parts.single:
        yield (
            f"Not trained on{where}, because there is too little for training and a test: "
            f"{', '.join(parts.single)}."
        )
    if problem:
        yield f"personal was not trained{where}: {problem}"


def _recordings(choice: Choice, trials: Sequence[Trial]) -> str:
    names = ", ".join(path.name for path in choice.recordings[:3])
    if len(choice.recordings) > 3:
        names += f" and {len(choice.recordings) - 3} more"
    return f"{counted(len(trials), 'stretch')} of {names}"


def _doubts(
    choice: Choice, trials: Sequence[Trial], recognisers: LoadedModels
) -> tuple[str, ...]:
    """Look at the spelling of the labels, but for those that were spelt on the command line."""
    labels = [label for label in _labels(trials) if label not in choice.rename.values()]
    return tuple(check_spelling(labels, _known(recognisers), _RENAME))


def _rates(config: Config, trials: Iterable[Trial]) -> Iterable[str]:
    """Say what is resampled; the takes of the store always are, as live signal is."""
    wanted = config.signal.rate
    for rate in dict.fromkeys(trial.rate for trial in trials if trial.rate != wanted):
        lost = f"; it holds no motion faster than {rate / 2:.4g} Hz" if rate < wanted else ""
        yield f"What was recorded at {rate:.4g} Hz is resampled to {wanted:g} Hz{lost}."


# --- both -----------------------------------------------------------------------------------


def _labels(trials: Iterable[Trial]) -> list[str]:
    return list(dict.fromkeys(trial.label for trial in trials))


def _known(recognisers: LoadedModels) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(label for one in recognisers.panel.recognisers for label in one.labels)
    )


def _check_labels(trials: Sequence[Trial]) -> None:
    if len(labels := _labels(trials)) == 1:
        raise UsageError(
            f"all that is tested is {labels[0]}, and a model that always says that is right",
            remedy="Test two activities at least",
        )


_PACKAGES: Final = ("numpy", "ai-edge-litert", "tflite-runtime")

_SECTIONS: Final = ("signal", "models", "knn", "learning")
"""Sections of the configuration that have a say in the figures."""

_NAMED: Final = 3


def circumstances(
    config: Config, choice: Choice, examined: Examination, judged: Judgements
) -> Circumstances:
    """Gather what the report says besides figures."""
    return Circumstances(
        time=datetime.now(UTC),
        harpi=__version__,
        software=_software(),
        origin=examined.origin,
        conditions=_conditions(choice),
        configuration={name: msgspec.to_builtins(getattr(config, name)) for name in _SECTIONS},
        models=examined.models,
        notices=(*examined.notices, *_too_short(judged)),
    )


def _software() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _conditions(choice: Choice) -> dict[str, Any]:
    """Give what was asked for, in what JSON has."""
    asked = {
        name: value for name, value in asdict(choice).items() if value not in (None, (), {})
    }
    if choice.recordings:
        asked["recordings"] = [str(path) for path in choice.recordings]
    if choice.since is not None:
        asked["since"] = choice.since.isoformat()
    return asked


def _too_short(judged: Judgements) -> list[str]:
    if not judged.too_short:
        return []
    names = ", ".join(trial.name for trial in judged.too_short[:_NAMED])
    more = len(judged.too_short) - _NAMED
    return [
        f"Left out, because too short for one window: {names}"
        + (f" and {counted(more, 'other')}." if more > 0 else ".")
    ]
