from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.labs.benchmarks import __main__ as command
from tests.labs.benchmarks import page_of_figures
from tests.labs.benchmarks.effort import Effort
from tests.labs.benchmarks.table import Spread, Table


class Invented:
    """How long it takes.

    Compared with nothing.
    """

    @staticmethod
    def measure(effort: Effort) -> list[Table]:
        table = Table("Time", note=f"A share of {effort.share:g}.")
        table.add(what="all", ms=Spread(2.0, 1.0, 3.0))
        return [table]


@pytest.fixture(autouse=True)
def _only_an_invented_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (command, page_of_figures):
        monkeypatch.setattr(module, "BENCHMARKS", {"invented": Invented()})


def test_it_says_on_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    command.main([])
    said = capsys.readouterr().out
    assert "load average" in said
    assert "numpy" in said
    assert "2 [1, 3]" in said


def test_rows_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    command.main(["invented", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == [{"what": "all", "ms": {"median": 2.0, "low": 1.0, "high": 3.0}}]


def test_the_page_has_what_was_measured_and_the_command(tmp_path: Path) -> None:
    command.main(["--write", str(tmp_path / "page.md")])
    text = (tmp_path / "page.md").read_text()
    assert "## How long it takes\n" in text
    assert "Compared with nothing." in text
    assert "`python -m tests.labs.benchmarks invented`, load average " in text
    assert "| all | 2 [1, 3] |" in text
    assert "rehearsal" not in text


def test_a_page_of_a_quick_run_says_so(tmp_path: Path) -> None:
    command.main(["--quick", "--write", str(tmp_path / "page.md")])
    assert "rehearsal" in (tmp_path / "page.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["buss"], "no benchmark buss; there are invented"),
        (["--data", "/nowhere"], "there is no folder /nowhere"),
        (["--tflite-runtime", "/nowhere"], "there is no program /nowhere"),
    ],
)
def test_a_bad_argument_is_refused_in_words(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert said in capsys.readouterr().err


def test_a_page_that_cannot_be_written_is_said_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main(["--write", str(tmp_path / "nowhere" / "page.md")])
    assert "nowhere" in capsys.readouterr().err
    assert "2 [1, 3]" not in capsys.readouterr().out
