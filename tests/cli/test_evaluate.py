from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from harpi.cli import main
from harpi.learning import control
from harpi.learning.export import export
from harpi.learning.heads import HeadShelf
from harpi.learning.store import Store
from harpi.learning.take import Split
from harpi.recognition.head_file import LearntTake
from harpi.recording import Recording, write_together
from harpi.types import Samples
from tests.support.command import harpi as process
from tests.support.models import DATA, tiny_head, tiny_reference
from tests.support.recorded import RATE, motion
from tests.support.takes import ROOMY, START, take_of


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    out: str
    err: str
    code: int


Harpi = Callable[..., Said]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "reference.safetensors"
    tiny_reference().write(path)
    return path


@pytest.fixture
def polite(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes that the command yields, and keeps it from slowing down all further tests."""
    yielded: list[str] = []
    monkeypatch.setattr(control, "yield_to_others", lambda: yielded.append("yielded"))
    return yielded


@pytest.fixture
def harpi(
    tmp_path: Path, reference: Path, polite: list[str], capsys: pytest.CaptureFixture[str]
) -> Harpi:
    """Run a command with the tiny models on the state in the test's folder."""
    settings = (
        f"paths.state={tmp_path / 'state'}",
        f"models.base={DATA / 'tiny_base.tflite'}",
        f"models.knn_reference={reference}",
    )

    def run(*words: str | Path) -> Said:
        with pytest.raises(SystemExit) as ended:
            main([*map(str, words), *(w for setting in settings for w in ("--set", setting))])
        captured = capsys.readouterr()
        return Said(captured.out, captured.err, int(ended.value.code or 0))

    return run


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "state").mkdir()
    with Store(tmp_path / "state" / "takes.db", ROOMY) as store:
        yield store


def add(
    store: Store,
    label: str,
    split: Split,
    *,
    seconds: float = 10.0,
    position: str = "arm",
    hours: int = 0,
    session: int | None = None,
    kind: str | None = None,
) -> int:
    """Record a take whose motion is that of its label, if none other is given."""
    values = motion(kind or label, seconds, seed=len(store.takes(deleted=None)) + 100)
    take = take_of(
        label,
        session or store.new_session(),
        split=split,
        position=position,
        rate=RATE,
        start=START + timedelta(hours=hours),
    )
    return store.add(take, [Samples(values, np.arange(len(values)) / RATE)]).id


@pytest.fixture
def tested(store: Store, tmp_path: Path) -> Store:
    """Six test takes, two train takes, and the tiny head in use."""
    for label in ("fast", "still"):
        add(store, label, "train")
        for hours, position in enumerate(("arm", "leg", "leg")):
            add(store, label, "test", position=position, hours=hours)
    HeadShelf(tmp_path / "state" / "heads").add(tiny_head())
    return store


def record(
    path: Path,
    stretches: Sequence[str | None] = ("fast", "still", "slow") * 2,
    *,
    seconds: float = 15.0,
    rate: float = RATE,
    subject: str | None = None,
    names: dict[str, str] | None = None,
) -> Path:
    """A recording of one stretch after the other; None is motion without a label."""
    kinds = tuple(dict.fromkeys(kind for kind in stretches if kind))
    parts = [motion(kind or "slow", seconds, seed=i) for i, kind in enumerate(stretches)]
    codes = [-1 if kind is None else kinds.index(kind) for kind in stretches]
    Recording(
        np.concatenate(parts),
        rate,
        tuple((names or {}).get(kind, kind) for kind in kinds),
        np.repeat(codes, [len(part) for part in parts]).astype(np.int16),
        subject=subject,
    ).write(path)
    return path


# --- test takes of the store ----------------------------------------------------------------


@pytest.mark.usefixtures("tested")
def test_test_takes_are_judged_by_what_was_learnt(harpi: Harpi, polite: list[str]) -> None:
    said = harpi("evaluate", "--json")
    assert (said.code, said.err) == (0, "")
    report = json.loads(said.out)
    assert [take["name"] for take in report["takes"]] == [
        f"take {n}" for n in (2, 3, 4, 6, 7, 8)
    ]
    models = {model["model"]: model for model in report["models"]}
    assert set(models) == {"knn", "generic", "personal"}
    assert set(models["personal"]["labels"]) == {"still", "fast"}
    assert "fast" in models["knn"]["labels"]
    assert models["knn"]["source"] == "reference.safetensors and 2 takes"
    assert models["personal"]["source"].startswith("head 1 of ")
    assert all(len(model["digest"]) == 64 for model in models.values())
    assert models["personal"]["every"]["accuracy"]["value"] > 0.9
    assert report["configuration"]["signal"]["length"] == 64
    assert polite == ["yielded"]


@pytest.mark.usefixtures("tested")
@pytest.mark.parametrize(
    ("conditions", "takes"),
    [
        (("--position", "leg"), 4),
        (("--since", "2024-05-01T13:30"), 2),
        (("--position", "leg", "--since", "2024-05-01T13:30"), 2),
    ],
)
def test_conditions_choose_among_test_takes(
    harpi: Harpi, conditions: tuple[str, ...], takes: int
) -> None:
    report = json.loads(harpi("evaluate", *conditions, "--json").out)
    assert len(report["takes"]) == takes


def test_a_session_can_be_chosen(harpi: Harpi, store: Store) -> None:
    session = store.new_session()
    for label in ("fast", "still"):
        add(store, label, "test", session=session)
        add(store, label, "test")
    report = json.loads(harpi("evaluate", "--session", str(session), "--json").out)
    assert {take["session"] for take in report["takes"]} == {str(session)}


@pytest.mark.usefixtures("tested")
def test_the_table_is_for_80_columns_and_says_what_counts(harpi: Harpi) -> None:
    said = harpi("evaluate")
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("6 test takes: 2 labels, ")
    assert any(line.startswith("position ") for line in lines)
    assert "This is run 1 in the log." in lines


@pytest.mark.usefixtures("tested")
def test_csv_is_for_other_programs(harpi: Harpi) -> None:
    rows = list(csv.DictReader(io.StringIO(harpi("evaluate", "--csv").out)))
    assert {row["model"] for row in rows} == {"knn", "generic", "personal"}


def test_evaluating_changes_no_take_and_waits_for_nobody(harpi: Harpi, tested: Store) -> None:
    before = tested.takes(deleted=None)
    writer = tested.begin(take_of("fast", before[0].session, split="test", rate=RATE))
    writer.append(Samples(motion("fast", 3.0), np.arange(75) / RATE))
    assert harpi("evaluate").code == 0
    writer.finish()
    assert tested.takes(deleted=None)[: len(before)] == before


def test_without_a_head_personal_is_untrained(harpi: Harpi, store: Store) -> None:
    for label in ("fast", "still"):
        add(store, label, "test")
    assert "personal  untrained" in harpi("evaluate").out


def test_a_label_that_personal_lacks_is_counted_both_ways(harpi: Harpi, tested: Store) -> None:
    add(tested, "slow", "test")
    models = json.loads(harpi("evaluate", "--json").out)["models"]
    personal = next(model for model in models if model["model"] == "personal")
    assert personal["known"]["windows"] < personal["every"]["windows"]
    assert personal["known"]["accuracy"]["value"] > personal["every"]["accuracy"]["value"]


def test_a_take_that_is_too_short_is_left_out_and_said(harpi: Harpi, tested: Store) -> None:
    number = add(tested, "fast", "test", seconds=1.0)
    said = harpi("evaluate")
    assert f"Left out, because too short for one window: take {number}." in said.out
    assert said.out.startswith("7 test takes")


# --- what was learnt is not tested ----------------------------------------------------------


def test_a_test_take_that_the_head_learnt_is_refused(
    harpi: Harpi, tested: Store, tmp_path: Path
) -> None:
    number = tested.takes(split="test")[0].id
    learnt = (LearntTake(number=number, label="fast"),)
    HeadShelf(tmp_path / "state" / "heads").add(replace(tiny_head(), takes=learnt))
    said = harpi("evaluate")
    assert said.code == 2
    assert f"take {number}: its signal was learnt" in said.err


def test_a_train_take_that_comes_back_as_a_file_is_refused(
    harpi: Harpi, tested: Store, tmp_path: Path
) -> None:
    export(tested, tested.takes(split="train"), tmp_path / "back.csv", kind="csv")
    said = harpi("evaluate", "--recording", tmp_path / "back.csv")
    assert said.code == 2
    assert "was learnt, as part of take " in said.err


def test_a_test_take_may_come_back_as_a_file(
    harpi: Harpi, tested: Store, tmp_path: Path
) -> None:
    export(tested, tested.takes(split="test"), tmp_path / "back.npz")
    assert harpi("evaluate", "--recording", tmp_path / "back.npz").code == 0


def test_a_recording_that_repeats_itself_is_not_learnt_and_tested(
    harpi: Harpi, tmp_path: Path
) -> None:
    one = Recording.read(record(tmp_path / "one.npz", ("fast", "still")))
    write_together(tmp_path / "twice.npz", [one, one])
    said = harpi("evaluate", "--recording", tmp_path / "twice.npz")
    assert said.code == 2
    assert "its signal was learnt, as part of twice" in said.err


# --- recordings -----------------------------------------------------------------------------


def test_where_nothing_was_learnt_half_of_a_recording_teaches(
    harpi: Harpi, tmp_path: Path
) -> None:
    said = harpi("evaluate", "--recording", record(tmp_path / "gym.npz"), "--json")
    report = json.loads(said.out)
    assert "learnt the first half of each label (3 stretches) in memory" in report["notices"][0]
    assert len(report["takes"]) == 3
    assert set(report["models"][2]["labels"]) == {"fast", "still", "slow"}


@pytest.mark.usefixtures("tested")
def test_what_the_device_learnt_is_tested_unless_the_recording_is_to_teach(
    harpi: Harpi, tmp_path: Path
) -> None:
    path = record(tmp_path / "gym.npz")
    own = json.loads(harpi("evaluate", "--recording", path, "--json").out)
    assert (len(own["takes"]), set(own["models"][2]["labels"])) == (6, {"still", "fast"})
    taught = json.loads(harpi("evaluate", "--recording", path, "--learn", "8", "--json").out)
    assert len(taught["takes"]) == 3
    assert set(taught["models"][2]["labels"]) == {"fast", "still", "slow"}


def test_nothing_is_taught_where_that_is_asked_for(harpi: Harpi, tmp_path: Path) -> None:
    said = harpi(
        "evaluate", "--recording", record(tmp_path / "g.npz"), "--learn", "0", "--json"
    )
    assert json.loads(said.out)["models"][2]["every"] is None


def test_each_wearer_teaches_models_of_their_own(harpi: Harpi, tmp_path: Path) -> None:
    parts = [
        Recording.read(record(tmp_path / f"{who}.npz", (*kinds, "still") * 2, subject=who))
        for who, kinds in (("ann", ("fast",)), ("ben", ("slow",)))
    ]
    write_together(tmp_path / "both.npz", parts)
    words = ("evaluate", "--recording", tmp_path / "both.npz", "--json")
    report = json.loads(harpi(*words).out)
    assert {part["name"] for part in report["parts"]} >= {"both ann", "both ben"}
    alone = json.loads(harpi(*words, "--subject", "ben").out)
    assert alone["labels"] == ["still", "slow"]


def test_a_label_with_one_stretch_is_tested_and_not_learnt(
    harpi: Harpi, tmp_path: Path
) -> None:
    path = record(tmp_path / "gym.npz", ("fast", "still", "fast", "still", "slow"))
    said = harpi("evaluate", "--recording", path)
    assert "there is one stretch only and that is tested: slow." in said.out.replace("\n", " ")
    assert "not known" in said.out


def test_what_is_too_little_for_personal_is_said(harpi: Harpi, tmp_path: Path) -> None:
    path = record(tmp_path / "gym.npz", ("fast", "still"))
    said = harpi("evaluate", "--recording", path)
    assert said.code == 0
    assert "personal learnt nothing: training needs" in said.out.replace("\n", " ")
    assert "personal  untrained" in said.out


@pytest.mark.parametrize(("rate", "lost"), [(50.0, ""), (20.0, "no motion faster than 10 Hz")])
def test_another_rate_is_resampled_and_said(
    harpi: Harpi, tmp_path: Path, rate: float, lost: str
) -> None:
    said = harpi("evaluate", "--recording", record(tmp_path / "gym.csv", rate=rate))
    assert said.code == 0
    assert f"recorded at {rate:g} Hz is resampled to 25 Hz{'; it' if lost else '.'}" in said.out
    assert lost in said.out.replace("\n", " ")


def test_another_spelling_is_refused_until_it_is_corrected(
    harpi: Harpi, tmp_path: Path
) -> None:
    path = record(tmp_path / "gym.npz", names={"slow": "Slow"})
    said = harpi("evaluate", "--recording", path)
    assert said.code == 2
    assert "the label 'Slow' is spelt 'slow' by the models" in said.err
    assert "--rename 'Slow=slow'" in said.err
    assert harpi("evaluate", "--recording", path, "--rename", "Slow=slow").code == 0
    assert harpi("evaluate", "--recording", path, "--rename", "Slow=Slow").code == 0


def test_another_spelling_of_a_test_take_is_refused(harpi: Harpi, tested: Store) -> None:
    add(tested, "Still", "test", kind="still")
    said = harpi("evaluate")
    assert said.code == 2
    assert "harpi takes relabel" in said.err


# --- bad input ------------------------------------------------------------------------------


def empty(path: Path) -> Path:
    path.touch()
    return path


def unlabelled(path: Path) -> Path:
    return record(path, (None, None))


def too_short(path: Path) -> Path:
    return record(path, ("fast", "still"), seconds=1.0)


def one_label(path: Path) -> Path:
    return record(path, ("fast", None, "fast"))


@pytest.mark.parametrize(
    ("make", "code", "problem"),
    [
        (empty, 4, "gym.npz"),
        (unlabelled, 4, "nothing in it has a label"),
        (lambda path: path, 4, "gym.npz"),
        (too_short, 2, "long enough for a window of 2.6 s"),
        (one_label, 2, "a model that always says that would be right"),
    ],
)
def test_a_recording_that_proves_nothing(
    harpi: Harpi, tmp_path: Path, make: Callable[[Path], Path], code: int, problem: str
) -> None:
    said = harpi("evaluate", "--recording", make(tmp_path / "gym.npz"))
    assert (said.code, said.out) == (code, "")
    assert problem in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "state" / "evaluations.jsonl").exists()


def test_no_test_takes(harpi: Harpi, store: Store) -> None:
    add(store, "fast", "train")
    said = harpi("evaluate", "--position", "leg")
    assert said.code == 2
    assert "there are no test takes at leg. Record some with `harpi record" in said.err


def test_a_device_without_any_takes(harpi: Harpi) -> None:
    said = harpi("evaluate")
    assert said.code == 2
    assert "there are no test takes." in said.err


def test_test_takes_of_one_label(harpi: Harpi, store: Store) -> None:
    for _ in range(2):
        add(store, "fast", "test")
    said = harpi("evaluate")
    assert said.code == 2
    assert "all of 2 trials is fast" in said.err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--json", "--csv"), "exclude each other"),
        (("--learn", "3"), "about recordings"),
        (("--subject", "ann"), "about recordings"),
        (("--recording", "--session", "3"), "not within recordings"),
        (("--since", "yesterday"), "is no time"),
        (("--recording", "--rename", "walking"), "does not say what is called how"),
        (("--recording", "--rename", "a=b"), "no label 'a'"),
        (("--html", "/nowhere/page.html"), "no such folder"),
    ],
)
def test_words_that_do_not_go_together(
    harpi: Harpi, words: tuple[str, ...], problem: str
) -> None:
    said = harpi("evaluate", *words)
    assert (said.code, said.out) == (2, "")
    assert problem in said.err


# --- the page, the log ----------------------------------------------------------------------


@pytest.mark.usefixtures("tested")
def test_the_page_is_of_the_run(harpi: Harpi, tmp_path: Path) -> None:
    said = harpi("evaluate", "--html", tmp_path / "page.html")
    assert f"the page is {tmp_path / 'page.html'}" in said.err
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "run 1 in the log" in page


@pytest.mark.usefixtures("tested")
def test_a_second_run_is_held_against_the_first(harpi: Harpi) -> None:
    harpi("evaluate")
    said = harpi("evaluate")
    assert "This is run 2 in the log.\nRun 2 beside run 1, 6 takes in common" in said.out
    listed = harpi("evaluate", "runs").out.splitlines()
    assert [line.split()[0] for line in listed] == ["run", "1", "2"]


@pytest.mark.usefixtures("tested")
def test_two_runs_compare(harpi: Harpi) -> None:
    harpi("evaluate", "--position", "leg")
    harpi("evaluate")
    harpi("evaluate")
    said = harpi("evaluate", "compare", "1", "2")
    assert said.code == 0
    assert said.out.startswith("Run 2 beside run 1, 4 takes in common\n")
    assert "* personal of run 2 and that of run 1 did equally well on all 4 takes" in said.out
    assert harpi("evaluate", "compare", "2", "1").out == said.out
    machine = json.loads(harpi("evaluate", "compare", "last-1", "--json").out)
    assert (machine["earlier"], machine["later"], machine["takes"]) == (2, 3, 6)
    assert [change["model"] for change in machine["models"]] == ["knn", "generic", "personal"]


def test_a_run_that_is_not_there_does_not_compare(harpi: Harpi) -> None:
    said = harpi("evaluate", "compare", "3", "last")
    assert said.code == 2
    assert "there is no run 3" in said.err


@pytest.mark.usefixtures("tested")
def test_a_damaged_line_of_the_log_is_said(harpi: Harpi, tmp_path: Path) -> None:
    harpi("evaluate")
    with (tmp_path / "state" / "evaluations.jsonl").open("a") as file:
        file.write('{"format": 1, "num\n')
    said = harpi("evaluate")
    assert said.code == 0
    assert "line 2 is damaged and skipped" in said.err
    assert "Run 2 beside run 1" in said.out


@pytest.mark.usefixtures("tested")
def test_a_log_that_cannot_be_kept_costs_the_exit_code_and_not_the_table(
    harpi: Harpi, tmp_path: Path
) -> None:
    (tmp_path / "state" / "evaluations.jsonl").mkdir()
    said = harpi("evaluate")
    assert said.code == 6
    assert "accuracy" in said.out
    assert "log of evaluations" in said.err


def test_the_shipped_recording_needs_nothing_else(tmp_path: Path) -> None:
    words = ("evaluate", "--recording", "--subject", "25", "--set", f"paths.state={tmp_path}")
    first = process(*words)
    assert (first.returncode, first.stderr) == (0, "")
    assert "14 stretches of hapt_25_26.npz: 6 labels" in first.stdout
    second = process("evaluate", *words[2:], "--recording")
    assert "Run 2 beside run 1, 14 takes in common" in second.stdout


def test_it_steps_back_for_the_daemon() -> None:
    pid = os.fork()
    if not pid:
        control.yield_to_others()
        os._exit(os.getpriority(os.PRIO_PROCESS, 0))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) >= control.NICE
