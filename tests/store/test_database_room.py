import pytest

from harpi.config.schema import StoreSection
from harpi.store.database import MB, StorageUsage

LIMITS = StoreSection(limit_mb=100, warn_mb=80, keep_free_mb=50)


def room(used_mb: float, free_mb: float) -> StorageUsage:
    return StorageUsage(round(used_mb * MB), round(free_mb * MB), LIMITS, "takes.db")


def test_plenty_of_room_is_no_reason_to_speak() -> None:
    assert room(79, 1000).refusal() is None
    assert room(79, 1000).warning() is None


@pytest.mark.parametrize(
    ("used", "free", "words"),
    [(80, 1000, "at 100 MB"), (99.9, 1000, "at 100 MB"), (10, 69, "69 MB left; below 50 MB")],
)
def test_there_is_a_warning_before_the_end(used: float, free: float, words: str) -> None:
    assert room(used, free).refusal() is None
    warning = room(used, free).warning()
    assert warning is not None
    assert words in warning


@pytest.mark.parametrize(
    ("used", "free", "words"),
    [(100, 1000, "fill 100 of 100 MB"), (10, 49, "only 49 MB left")],
)
def test_the_end_is_a_refusal_with_a_remedy(used: float, free: float, words: str) -> None:
    refusal = room(used, free).refusal()
    assert refusal is not None
    assert words in str(refusal)
    assert "harpi takes purge" in str(refusal)
    assert room(used, free).warning() == str(refusal)
