from __future__ import annotations

import json
from pathlib import Path

import pytest

from harpi.cli import main
from harpi.store.store import Store
from tests.support import files
from tests.support.takes import ROOMY, signal, take_of


def harpi(state: Path, *words: str) -> int:
    settings = (f"paths.state={state}", f"paths.runtime={state}", "store.keep_free_mb=0")
    with pytest.raises(SystemExit) as ended:
        main([*words, *(f"--set={setting}" for setting in settings)])
    return int(ended.value.code or 0)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A device with a walking take for training and a sitting one for testing."""
    with Store(tmp_path / "state" / "takes.db", ROOMY) as store:
        session = store.new_session()
        store.add(take_of("walking", session), [signal(4.0, seed=1)])
        store.add(take_of("sitting", session, split="test"), [signal(2.0, seed=2)])
    return tmp_path / "state"


def test_a_folder_is_never_named_as_standard_output_is(
    state: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert harpi(state, "export", "-") == 2
    assert "not written to standard output. Name a new folder" in capsys.readouterr().err
    assert not (tmp_path / "-").exists()


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_takes_go_from_one_device_to_another(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    target = tmp_path / name
    assert harpi(state, "export", str(target)) == 0
    assert capsys.readouterr().out == f"Exported 2 takes to {target}.\n"
    other = tmp_path / "other"
    assert harpi(other, "import", str(target)) == 0
    assert capsys.readouterr().out == "Imported 2 takes of 6 s.\n"
    assert harpi(other, "import", str(target)) == 0
    assert (
        "Left out 2 takes whose samples are in the store already.\n" in capsys.readouterr().out
    )
    with Store(other / "takes.db", read_only=True) as store:
        assert [(t.label, t.split) for t in store.takes()] == [
            ("walking", "train"),
            ("sitting", "test"),
        ]


def test_what_is_exported_can_be_chosen(state: Path, tmp_path: Path) -> None:
    assert harpi(state, "export", str(tmp_path / "a"), "--label", "walking") == 0
    assert [p.name for p in (tmp_path / "a").glob("take_*")] == ["take_00001_walking.npz"]
    assert harpi(state, "export", str(tmp_path / "b"), "2", "--format", "csv") == 0
    assert [p.name for p in (tmp_path / "b").glob("take_*")] == ["take_00002_sitting.csv"]


def test_a_file_without_labels_is_named_on_the_command_line(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "row.csv"
    files.write(path, files.rows(files.turning(4.0)), "time,ax,ay,az,gx,gy,gz")
    assert harpi(state, "import", str(path)) == 4
    said = capsys.readouterr().out
    assert "Nothing was imported.\nLeft out 4 s that have no label; --label names them" in said
    words = ("--label", "rowing", "--position", "wrist", "--split", "test")
    assert harpi(state, "import", str(path), *words) == 0
    with Store(state / "takes.db", read_only=True) as store:
        take = store.takes()[-1]
    assert (take.label, take.position, take.split, take.count) == (
        "rowing",
        "wrist",
        "test",
        200,
    )


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("import", "nowhere.csv"), 4, "there is no such recording"),
        (("import", "README.md"), 4, "unsupported file type: .md"),
        (("export", "."), 2, "there is something already"),
        (("export", "nowhere/out"), 6, "cannot be written"),
        (("export", "out", "--label", "flying"), 2, "no takes to export"),
        (("export", "out.npz"), 2, "train and test"),
    ],
)
def test_mistakes_are_said_in_one_line(
    state: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("README.md").write_text("hello")
    assert harpi(state, *words) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert [path.name for path in Path().iterdir()] == ["README.md"]


def test_a_dry_run_says_what_was_understood_and_changes_nothing(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = files.good(tmp_path / "walk.csv")
    assert harpi(state, "import", "--dry-run", str(path)) == 0
    said = capsys.readouterr().out
    assert "walk.csv: CSV, 54.0 s at 50 Hz" in said
    assert "Would import 3 takes of 54 s: walking 18 s, sitting 18 s, standing 18 s." in said
    assert harpi(state, "import", "--dry-run", "--json", str(path)) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["understood"][0]["labels"] == {"walking": 18, "sitting": 18, "standing": 18}
    with Store(state / "takes.db", read_only=True) as store:
        assert len(store.takes()) == 2


def test_a_label_fills_only_what_has_none(state: Path, tmp_path: Path) -> None:
    label = [name if name != "sitting" else "" for name in files.labels()]
    path = files.write(tmp_path / "part.csv", files.rows(label=label))
    assert harpi(state, "import", str(path), "--label", "resting") == 0
    with Store(state / "takes.db", read_only=True) as store:
        assert [take.label for take in store.takes()[2:]] == ["walking", "resting", "standing"]


@pytest.mark.parametrize(
    ("part", "place"), [("folder", "walking/00.csv"), ("name", "walking.abc1.csv")]
)
def test_a_label_may_stand_in_a_name(
    state: Path, tmp_path: Path, part: str, place: str
) -> None:
    values = files.motion()[:450]
    files.write(tmp_path / "set" / place, files.rows(values), "time,ax,ay,az,gx,gy,gz")
    assert harpi(state, "import", str(tmp_path / "set"), "--label-from", part) == 0
    with Store(state / "takes.db", read_only=True) as store:
        assert store.takes()[-1].label == "walking"


def test_a_sensor_without_a_gyroscope_is_not_learnt_and_that_is_said(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = files.write(tmp_path / "r.csv", files.rows(files.motion()[:, :3]), "time,ax,ay,az")
    assert harpi(state, "import", str(path), "--label", "walking") == 4
    assert "there is no gyroscope" in capsys.readouterr().out


def test_what_holds_no_window_is_left_out_and_counted(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    label = [("a", "b")[k // 50 % 2] for k in range(2700)]
    path = files.write(tmp_path / "r.csv", files.rows(label=label))
    assert harpi(state, "import", str(path)) == 4
    assert "Left out 54 stretches of 54.0 s in all, each shorter than a window" in (
        capsys.readouterr().out
    )
