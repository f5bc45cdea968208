"""What can be broken is still there to be broken, and so is who finds it."""

from __future__ import annotations

import pytest

from tests.labs.rigs.broken import BREAKS, Break
from tests.labs.rigs.cache import HERE, ROOT


@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS)
def test_it_is_there_once(broken: Break) -> None:
    assert (ROOT / broken.file).read_text().count(broken.old) == 1
    file, test = broken.guard.split("::")
    assert f"def {test.partition('[')[0]}(" in (HERE / file).read_text()
