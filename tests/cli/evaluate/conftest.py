"""A device with tiny models, and test takes for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harpi.cli import main
from harpi.learning import training_set
from harpi.learning.heads import HeadRegistry
from harpi.store.store import Store
from tests.support.examined import Harpi, Said, add
from tests.support.models import DATA, tiny_head, tiny_reference
from tests.support.takes import ROOMY


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "reference.safetensors"
    tiny_reference().write(path)
    return path


@pytest.fixture
def polite(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes that the command yields, and keeps it from slowing down all further tests."""
    yielded: list[str] = []
    monkeypatch.setattr(training_set, "yield_to_others", lambda: yielded.append("yielded"))
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


@pytest.fixture
def tested(store: Store, tmp_path: Path) -> Store:
    """Six test takes, two train takes, and the tiny head in use."""
    for label in ("fast", "still"):
        add(store, label, "train")
        for hours, position in enumerate(("arm", "leg", "leg")):
            add(store, label, "test", position=position, hours=hours)
    HeadRegistry(tmp_path / "state" / "heads").add(tiny_head())
    return store
