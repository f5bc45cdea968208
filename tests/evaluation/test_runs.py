from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest

from harpi.errors import StoreError, UsageError
from harpi.evaluation.measuring import Origin
from harpi.evaluation.report import FORMAT, Report
from harpi.evaluation.runs import RunLog, changes, shared_takes
from tests.support.judgements import contest

W, S = "walking", "sitting"


def run(*rights: bool, models: dict[str, Origin] | None = None, seed: int = 0) -> Report:
    """A run in which the kNN judged each take right or wrong throughout."""
    labels = [W, S] * len(rights)
    takes = [
        (label, {"knn": label if right else (S if label == W else W)})
        for label, right in zip(labels[seed:], rights, strict=False)
    ]
    return contest(takes, models=models or {"knn": Origin("a file")})[1]


@pytest.fixture
def log(tmp_path: Path) -> RunLog:
    return RunLog(tmp_path / "state" / "evaluations.jsonl")


def test_runs_are_numbered_and_come_back_as_they_were(log: RunLog) -> None:
    first, second = run(True, False), run(True, True)
    assert [log.append(first).number, log.append(second).number] == [1, 2]
    kept = log.read()
    assert kept.problems == ()
    assert kept.reports == tuple(
        msgspec.structs.replace(report, number=number)
        for number, report in enumerate((first, second), start=1)
    )


def test_no_log_holds_no_runs(log: RunLog) -> None:
    assert log.read().reports == ()
    with pytest.raises(UsageError, match="Run `harpi evaluate` first"):
        log.read().find("1")


@pytest.mark.parametrize("damage", [b'{"form', b"\xff\xfe garbage", b"[]", b'{"format": 1}'])
def test_a_damaged_line_is_said_and_skipped(log: RunLog, tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "state" / "evaluations.jsonl"
    log.append(run(True, False))
    with path.open("ab") as file:
        file.write(damage + b"\n")
    assert log.append(run(True, True)).number == 2
    kept = log.read()
    assert [report.number for report in kept.reports] == [1, 2]
    assert kept.problems == (f"{path}: line 2 is damaged and skipped.",)


def test_a_line_cut_short_by_a_loss_of_power_does_not_spoil_the_next(
    log: RunLog, tmp_path: Path
) -> None:
    path = tmp_path / "state" / "evaluations.jsonl"
    log.append(run(True, False))
    whole = log.append(run(True, True))
    path.write_bytes(path.read_bytes()[:-100])
    again = log.append(whole)
    assert again.number == 2
    kept = log.read()
    assert [report.number for report in kept.reports] == [1, 2]
    assert len(kept.problems) == 1


def test_a_line_of_a_newer_harpi_is_said_and_its_number_not_given_again(
    log: RunLog, tmp_path: Path
) -> None:
    path = tmp_path / "state" / "evaluations.jsonl"
    path.parent.mkdir()
    path.write_bytes(b'{"format": %d, "number": 7, "new": 1}\n' % (FORMAT + 1))
    assert log.append(run(True, False)).number == 8
    (problem,) = log.read().problems
    assert "newer harpi" in problem


def test_runs_are_found_by_number_and_from_the_end(log: RunLog) -> None:
    for _ in range(3):
        log.append(run(True, False))
    kept = log.read()
    found = [kept.find(name).number for name in ("2", "last", "last-0", "last-2")]
    assert found == [2, 3, 3, 1]
    for name in ("4", "last-3", "last-x", "first", "", "-1"):
        with pytest.raises(UsageError, match="there is no run"):
            kept.find(name)


def test_many_processes_may_append_at_once(log: RunLog) -> None:
    report = run(True, False)
    threads = [threading.Thread(target=log.append, args=[report]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(kept.number for kept in log.read().reports) == list(range(1, 9))


def test_a_log_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="log of evaluations cannot be written"):
        RunLog(tmp_path / "file" / "evaluations.jsonl").append(run(True, False))
    with pytest.raises(StoreError, match="cannot be read"):
        RunLog(tmp_path).read()


def test_a_run_that_is_better_on_the_same_takes_is_said_to_be() -> None:
    earlier, later = (
        msgspec.structs.replace(report, number=number)
        for number, report in ((1, run(*[False] * 8)), (2, run(*[True] * 8)))
    )
    (change,) = changes(earlier, later)
    assert change.sentence == (
        "kNN of run 2 is better than kNN of run 1: 1.00 against 0.00, significant (8 takes)."
    )
    assert change.comparison is not None
    assert change.comparison.sure
    assert not change.changed


def test_only_shared_takes_are_compared() -> None:
    earlier, later = run(True, True, False, False), run(True, False)
    assert len(shared_takes(earlier, later)) == 2
    (change,) = changes(earlier, later)
    assert change.comparison is not None
    assert change.comparison.takes == 2


def test_runs_without_a_take_in_common_do_not_compare() -> None:
    earlier, later = run(True, False), run(True, False, seed=1)
    assert shared_takes(earlier, later) == []
    (change,) = changes(earlier, later)
    assert change.comparison is None
    assert "no take in common" in change.sentence


def test_a_model_made_from_something_else_is_marked() -> None:
    earlier = run(True, False, models={"knn": Origin("3 takes", "aa")})
    later = run(True, False, models={"knn": Origin("4 takes", "bb")})
    assert changes(earlier, later)[0].changed


def test_only_what_is_new_is_read(log: RunLog, tmp_path: Path) -> None:
    assert log.after(0)[1] == 0
    log.append(run(True, False))
    before, place = log.after(0)
    assert [report.number for report in before.reports] == [1]
    assert log.after(place)[0].reports == ()
    assert log.after(place)[1] == place

    log.append(run(True, True))
    news, place = log.after(place)
    assert [report.number for report in news.reports] == [2]

    (tmp_path / "state" / "evaluations.jsonl").unlink()
    log.append(run(True, True))
    assert [report.number for report in log.after(place)[0].reports] == [1]
