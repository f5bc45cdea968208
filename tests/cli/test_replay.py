from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from harpi.cli import main
from harpi.cli.replay import BLOCK_SECONDS, verdicts_of
from harpi.config.schema import SignalSection
from harpi.learning import training_set
from harpi.learning.heads import HeadRegistry
from harpi.recognition.classifiers import Classifiers, GenericClassifier
from harpi.recording import Recording, write_together
from harpi.signal.windows import windows_of
from harpi.store.export import export
from harpi.store.store import Store
from harpi.types import Samples
from tests.support.models import DATA, tiny_base, tiny_head, tiny_reference
from tests.support.recorded import RATE, motion
from tests.support.takes import ROOMY, take_of

SIGNAL = SignalSection(rate=25, length=64, hop=16)


def recording(
    kind: str = "fast", seconds: float = 20.0, *, rate: float = RATE, subject: str | None = None
) -> Recording:
    """One motion whose first half has a label."""
    values = motion(kind, seconds, seed=4)
    label = np.where(np.arange(len(values)) < len(values) // 2, 0, -1).astype(np.int16)
    return Recording(values, rate, (kind,), label, subject=subject, position="arm")


@pytest.fixture(autouse=True)
def _polite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_set, "yield_to_others", lambda: None)


class Replay:
    """The command, with the tiny models and the state in a folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.state = folder / "state"
        tiny_reference().write(folder / "reference.safetensors")
        self._settings = (
            f"paths.state={self.state}",
            f"models.base={DATA / 'tiny_base.tflite'}",
            f"models.knn_reference={folder / 'reference.safetensors'}",
        )
        self.err = ""

    def __call__(self, *words: str | Path, code: int = 0) -> list[dict[str, object]]:
        settings = [word for setting in self._settings for word in ("--set", setting)]
        with pytest.raises(SystemExit) as ended:
            main(["replay", *map(str, words), *settings])
        captured = self._capsys.readouterr()
        self.err = captured.err
        assert (ended.value.code or 0) == code
        return [json.loads(line) for line in captured.out.splitlines()]


@pytest.fixture
def replay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Replay:
    return Replay(tmp_path, capsys)


def test_every_window_is_a_line_with_its_time_and_true_label(
    replay: Replay, tmp_path: Path
) -> None:
    whole = recording()
    whole.write(tmp_path / "walk.npz")
    lines = replay(tmp_path / "walk.npz")
    windows = windows_of(whole.values, RATE, rate=25, length=64, hop=16)
    assert [line["sequence"] for line in lines] == list(range(len(windows)))
    assert (lines[1]["start"], lines[1]["end"]) == (0.64, 0.64 + 2.52)
    labels = [line["label"] for line in lines]
    assert labels[0] == "fast"
    assert labels[-1] is None
    ends = [line["end"] for line, label in zip(lines, labels, strict=True) if label]
    assert max(map(float, map(str, ends))) <= 10
    assert {"answer", "confidence", "probabilities", "unknown", "trained"} <= set(
        lines[0]["generic"]  # type: ignore[call-overload]
    )
    assert lines[0]["personal"]["trained"] is False  # type: ignore[index]


def test_what_the_device_learnt_has_its_say(replay: Replay, tmp_path: Path) -> None:
    replay.state.mkdir()
    HeadRegistry(replay.state / "heads").add(tiny_head())
    values = motion("tilted", 15, seed=1)
    with Store(replay.state / "takes.db", ROOMY) as store:
        take = take_of("tilted", store.new_session(), rate=RATE)
        store.add(take, [Samples(values, np.arange(len(values)) / RATE)])
        store.add(
            take_of("fast", 1, rate=RATE, split="test"),
            [Samples(motion("fast", 15), np.arange(375) / RATE)],
        )
        export(store, store.takes(split="train"), tmp_path / "take.csv", kind="csv")
    lines = replay(tmp_path / "take.csv")
    assert {line["label"] for line in lines} == {"tilted"}
    assert {line["knn"]["answer"] for line in lines} == {"tilted"}  # type: ignore[index]
    assert all(line["personal"]["trained"] for line in lines)  # type: ignore[index]


def test_one_wearer_of_several(replay: Replay, tmp_path: Path) -> None:
    write_together(
        tmp_path / "two.npz", [recording(subject="ann"), recording("still", subject="ben")]
    )
    both = replay(tmp_path / "two.npz")
    one = replay(tmp_path / "two.npz", "--subject", "ben")
    assert [line["subject"] for line in both] == ["ann"] * len(one) + ["ben"] * len(one)
    assert [line["start"] for line in one] == [line["start"] for line in both[len(one) :]]
    assert [line["sequence"] for line in both] == list(range(2 * len(one)))
    replay(tmp_path / "two.npz", "--subject", "eve", code=4)
    assert "it has no subject eve" in replay.err


def test_a_recording_that_cannot_be_read(replay: Replay, tmp_path: Path) -> None:
    replay(tmp_path / "nothing.npz", code=4)
    (tmp_path / "empty.csv").touch()
    replay(tmp_path / "empty.csv", code=4)
    assert "Traceback" not in replay.err


def test_no_window_spans_a_gap_and_blocks_leave_no_trace() -> None:
    panel = Classifiers([GenericClassifier(tiny_base())])
    long = recording(seconds=2.5 * BLOCK_SECONDS)
    verdicts = list(verdicts_of(long, panel, SIGNAL))
    whole = windows_of(long.values, RATE, rate=25, length=64, hop=16)
    assert (np.stack([verdict.window.values for verdict in verdicts]) == whole).all()

    half = len(long) // 2
    segment = (np.arange(len(long)) >= half).astype(np.int32)
    broken = Recording(long.values, RATE, long.labels, long.label, segment)
    spans = [(v.window.start, v.window.end) for v in verdicts_of(broken, panel, SIGNAL)]
    assert not any(start < half / RATE <= end for start, end in spans)


def test_another_rate_keeps_the_recordings_time() -> None:
    panel = Classifiers([GenericClassifier(tiny_base())])
    fast = recording(seconds=40.0, rate=50.0)
    last = list(verdicts_of(fast, panel, SIGNAL))[-1]
    assert fast.duration - 1.5 < last.window.end <= fast.duration
