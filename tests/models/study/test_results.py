from __future__ import annotations

from pathlib import Path

import pytest

from harpi_models.study.results import Measured, Results, code_digest, key_of, slug

MEASURED = Measured(
    run="fold 0",
    person="dsads/1",
    place="dsads/torso",
    labels=("walking", "rowing"),
    asked=40,
    scores={"kNN": {"n=1": 0.5, "n=3, turned 45": 0.25}},
)


def test_what_was_measured_is_found_again(tmp_path: Path) -> None:
    results = Results(tmp_path / "results")
    results.write("fold_0/dsads_1_torso", "key", MEASURED)
    assert results.find("fold_0/dsads_1_torso", "key", Measured) == MEASURED
    assert [path.name for path in (tmp_path / "results" / "fold_0").iterdir()] == [
        "dsads_1_torso.json"
    ]


def test_what_was_measured_with_something_else_is_not(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.write("it", "key", MEASURED)
    assert results.find("it", "another", Measured) is None
    assert results.find("that", "key", Measured) is None


@pytest.mark.parametrize("content", [b"", b"{}", b'{"key": "key", "content": {"run": 3}}'])
def test_a_damaged_file_is_measured_again(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "it.json").write_bytes(content)
    assert Results(tmp_path).find("it", "key", Measured) is None


def test_a_key_changes_with_each_of_its_parts() -> None:
    keys = {key_of("a", 1), key_of("a", 2), key_of("b", 1), key_of("a"), key_of("a1")}
    assert len(keys) == 5
    assert key_of("a", 1) == key_of("a", 1)


def test_the_digest_of_code_is_of_what_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "made_up_module.py"
    module.write_text("x = 1\n")
    before = code_digest(["made_up_module"])
    module.write_text('"""What it does."""\n\nx = 1  # one\n"""Of something."""\n')
    assert code_digest(["made_up_module"]) == before
    module.write_text("x = 2\n")
    assert code_digest(["made_up_module"]) != before
    with pytest.raises(ModuleNotFoundError):
        code_digest(["there_is_none"])


@pytest.mark.parametrize(
    ("name", "file"),
    [("fold 0", "fold_0"), ("no leg, fold 1", "no_leg_fold_1"), ("river's kNN", "river_s_knn")],
)
def test_names_become_files(name: str, file: str) -> None:
    assert slug(name) == file
