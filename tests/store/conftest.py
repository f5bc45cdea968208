from collections.abc import Iterator
from pathlib import Path

import pytest

from harpi.store.store import Store
from tests.support.takes import ROOMY


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with one session, number 1."""
    with Store(tmp_path / "takes.db", ROOMY) as store:
        store.new_session()
        yield store
