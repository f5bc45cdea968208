from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.wearer import Wearer


@pytest.fixture
def wearer(tmp_path: Path) -> Iterator[Wearer]:
    wearer = Wearer(tmp_path)
    yield wearer
    wearer.store.close()
