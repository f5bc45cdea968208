from __future__ import annotations

from pathlib import Path

import pytest

from harpi.cli import main
from harpi.store.store import Store
from tests.support.takes import ROOMY, signal, take_of


def harpi(state: Path, *words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--set", f"paths.state={state}", "--set", "store.keep_free_mb=0"])
    return int(ended.value.code or 0)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A device with a walking take for training and a sitting one for testing."""
    with Store(tmp_path / "state" / "takes.db", ROOMY) as store:
        session = store.new_session()
        store.add(take_of("walking", session), [signal(4.0, seed=1)])
        store.add(take_of("sitting", session, split="test"), [signal(2.0, seed=2)])
    return tmp_path / "state"


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
    lines = [f"{i / 50:.2f},0,0,1,{i % 7},0,0" for i in range(100)]
    path.write_text("\n".join(["time,ax,ay,az,gx,gy,gz", *lines]))
    assert harpi(state, "import", str(path)) == 0
    assert "Left out 2 s that the files give no label for; --label" in capsys.readouterr().out
    words = ("--label", "rowing", "--position", "wrist", "--split", "test")
    assert harpi(state, "import", str(path), *words) == 0
    with Store(state / "takes.db", read_only=True) as store:
        take = store.takes()[-1]
    assert (take.label, take.position, take.split, take.count) == (
        "rowing",
        "wrist",
        "test",
        100,
    )


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("import", "nowhere.csv"), 4, "there is no such recording"),
        (("import", "README.md"), 4, "no format of recordings"),
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
