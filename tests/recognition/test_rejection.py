import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harpi.recognition.rejection import LEAST_SPREAD, Rejection, least_spread, threshold_for


def clusters(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two classes in 20 dimensions, of different width."""
    rng = np.random.default_rng(seed)
    first = rng.normal(0, 1, (count, 20))
    second = rng.normal(5, 2, (count, 20))
    return np.concatenate([first, second]).astype(np.float32), np.repeat([0, 1], count)


def test_a_window_of_a_class_is_about_one_spread_away() -> None:
    rejection = Rejection.fit(*clusters(500))
    distances = rejection.distances(clusters(500, seed=1)[0])
    assert distances.mean() == pytest.approx(1, abs=0.15)


def test_the_further_away_the_larger_the_distance() -> None:
    rejection = Rejection.fit(*clusters(100))
    away = np.outer(np.arange(0, -20, -2), np.ones(20)).astype(np.float32)
    assert (np.diff(rejection.distances(away)) > 0).all()


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_familiar_windows_are_called_unknown_at_the_stated_rate(rate: float) -> None:
    rejection = Rejection.fit(*clusters(50))
    held_out = rejection.distances(clusters(2000, seed=1)[0])
    calibrated = rejection.calibrated(held_out, rate)
    false_alarms = calibrated.unknown(clusters(5000, seed=2)[0]).mean()
    assert false_alarms == pytest.approx(rate, rel=0.4)


def test_the_threshold_without_held_out_windows_holds_on_new_ones() -> None:
    features, targets = clusters(60)
    rejection = Rejection.cross_validated(features, targets, targets, 0.05)
    assert rejection.unknown(clusters(5000, seed=3)[0]).mean() < 0.08
    assert rejection.unknown(np.full((1, 20), -8, np.float32)).all()


def test_whole_takes_are_left_out_where_there_are_several() -> None:
    """Takes that differ from each other widen what is familiar."""
    features, targets = clusters(60)
    takes = np.repeat(np.arange(6), 20)
    moved = features + 3 * (takes % 3)[:, None].astype(np.float32)
    as_one = Rejection.cross_validated(moved, targets, targets, 0.1)
    by_take = Rejection.cross_validated(moved, targets, takes, 0.1)
    assert by_take.threshold > as_one.threshold


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e6, width=32), max_size=60), st.floats(0, 1))
@example([], 1.0)
def test_few_windows_promise_nothing_many_keep_it(familiar: list[float], rate: float) -> None:
    threshold = threshold_for(np.array(familiar, np.float32), rate)
    beyond = sum(distance > threshold for distance in familiar)
    assert beyond <= rate * len(familiar)
    if rate * (len(familiar) + 1) < 1:
        assert threshold == np.inf


def test_uncalibrated_nothing_is_unknown() -> None:
    rejection = Rejection.fit(*clusters(10))
    assert not rejection.unknown(np.full((3, 20), 1e9, np.float32)).any()


def test_features_that_never_varied_do_not_reject_everything() -> None:
    features, targets = clusters(40)
    features[:, 3] = targets
    rejection = Rejection.cross_validated(features, targets, targets, 0.05)
    more, labels = clusters(500, seed=4)
    more[:, 3] = labels
    assert rejection.unknown(more).mean() < 0.15


def test_a_dead_feature_that_wakes_is_no_distance_of_thousands() -> None:
    features, targets = clusters(40)
    features[:, 3:6] = 0  # at rest in everything that was recorded and trained
    turned = features[:, None] + np.zeros((1, 4, 1), np.float32)
    floor = least_spread(features, turned, 20)
    later = clusters(500, seed=4)[0]  # wakes them

    naive = Rejection.fit(features, targets).distances(later)
    wary = Rejection.fit(features, targets, floor).distances(later)

    assert naive.min() > 1000
    assert wary.max() < 10


def test_turned_copies_tell_how_far_a_feature_spreads() -> None:
    features, _ = clusters(40)
    features[:, 0] = 0
    turned = np.repeat(features[:, None], 4, axis=1)
    turned[:, :, 0] = np.random.default_rng(0).normal(0, 50, turned.shape[:2])

    floor = least_spread(features, turned, 1)

    assert floor[0] == pytest.approx(LEAST_SPREAD * 50 * np.sqrt(0.8), rel=0.1)
    assert floor[1] == pytest.approx(LEAST_SPREAD * features[:, 1].std(), rel=1e-3)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_handful_of_windows_is_enough_to_fit(count: int) -> None:
    features, targets = clusters(count)
    rejection = Rejection.cross_validated(features, targets, targets, 0.05)
    assert np.isfinite(rejection.distances(features)).all()
    assert rejection.threshold == np.inf


def test_one_window_is_judged_as_in_a_batch() -> None:
    rejection = Rejection.fit(*clusters(30))
    rows = clusters(30, seed=1)[0]
    alone = np.concatenate([rejection.distances(row[None]) for row in rows])
    assert np.array_equal(alone, rejection.distances(rows))
