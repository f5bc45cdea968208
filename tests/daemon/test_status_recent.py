"""What is held against a device: what its counters counted in the last five minutes."""

from __future__ import annotations

from harpi.daemon.status import Recent
from harpi.publish.messages import RecentFigures


def test_all_that_was_counted_since_the_start_of_a_young_device() -> None:
    recent = Recent(1000.0)
    recent.note(1100.0, RecentFigures(samples=5000))
    assert recent.note(1200.0, RecentFigures(samples=9000, lost=7)).lost == 7


def test_what_happened_more_than_five_minutes_ago_is_forgotten() -> None:
    recent = Recent(0.0)
    for second in range(1000):
        lately = recent.note(second, RecentFigures(samples=50 * second, lost=30, gaps=1))
    assert lately.lost == lately.gaps == 0
    assert 300 * 50 <= lately.samples <= 310 * 50


def test_a_gap_counts_from_its_end_on_however_long_it_was() -> None:
    recent = Recent(0.0)
    recent.note(100.0, RecentFigures(samples=5000))
    after = RecentFigures(samples=5001, lost=180_000, gaps=1)
    for second in range(3700, 3999):
        assert recent.note(second, after).gaps == 1
    assert recent.note(4000.0, after) == RecentFigures()
