"""Whatever once hurt hurts no more, and what is made to hurt does not."""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.labs.campaign.fuzz.record import FOUND, found, roomy
from tests.labs.campaign.fuzz.target import Target, opened
from tests.labs.campaign.fuzz.targets import TARGETS

MEMORY = 512 << 20


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory, where it can be: some targets wait for the disk with every input."""
    with tempfile.TemporaryDirectory(dir=roomy()) as name:
        yield Path(name)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_what_hurt_or_is_made_to_hurt_does_not(target: Target, folder: Path) -> None:
    inputs = [*target.seeds(), *(path.read_bytes() for path in found(target.name))]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with opened(target, folder) as fed:
        accepted = [fed(content) for content in inputs]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert any(accepted), "a target that refuses everything reads nothing"
    assert grown * 1024 < MEMORY


def test_every_input_that_was_found_belongs_to_a_target() -> None:
    names = [target.name for target in TARGETS]
    assert len(set(names)) == len(names)
    assert {folder.name for folder in FOUND.iterdir()} <= set(names)
