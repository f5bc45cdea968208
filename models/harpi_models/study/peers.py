"""What a Python user would pick instead, with the settings that its makers chose.

Each learns from the wearer's windows alone. Libraries are imported by those who need them,
so that what a contestant costs can be measured by itself.
"""

from __future__ import annotations

import importlib.util

import numpy as np

from harpi.signal.features import FEATURE_NAMES, features
from harpi.types import FloatArray
from harpi_models.datasets.layout import RATE
from harpi_models.errors import MissingLibrary
from harpi_models.study.lesson import Answer, Asked, Codes, Contestant, Lesson

SEED = 1
LIBRARIES = ("sklearn", "river")
REMEMBERED = 4000
"""Windows that river's neighbours keep, like harpi's; its own 50 would forget most classes."""


def require_libraries() -> None:
    """Make sure that the rivals are there before hours are spent on the rest.

    Raises:
        MissingLibrary: one is not installed.
    """
    for name in LIBRARIES:
        if importlib.util.find_spec(name) is None:
            raise MissingLibrary(
                f"{name} is not installed",
                where="harpi-models study",
                remedy="Install the workshop on a workstation: pip install 'harpi[models]'",
            )


def random_forest(lesson: Lesson) -> Answer:
    """Scikit-learn's RandomForest on the features."""
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(random_state=SEED, n_jobs=1)
    model.fit(features(lesson.windows, RATE), lesson.classes)
    return lambda asked: np.asarray(model.predict(asked.signal), np.int64)


def logistic_regression(lesson: Lesson) -> Answer:
    """Scikit-learn's LogisticRegression on the standardised features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(features(lesson.windows, RATE), lesson.classes)
    return lambda asked: np.asarray(model.predict(asked.signal), np.int64)


def minirocket_ridge(lesson: Lesson) -> Answer:
    """MiniRocket and ridge regression, whose strength is chosen by leaving one out."""
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from harpi_models.minirocket import MiniRocket

    transform = MiniRocket(lesson.windows, seed=SEED)
    model = make_pipeline(
        StandardScaler(with_mean=False), RidgeClassifierCV(np.logspace(-3, 3, 10))
    )
    model.fit(transform(lesson.windows), lesson.classes)
    return lambda asked: np.asarray(model.predict(transform(asked.windows)), np.int64)


def river_neighbours(lesson: Lesson) -> Answer:
    """River's nearest neighbours on the features.

    The scaler sees the whole lesson before the first neighbour is kept: activities come one
    after the other, and a scaler that has seen only the first few would spoil those that are
    kept meanwhile.
    """
    from river.neighbors import KNNClassifier, LazySearch
    from river.preprocessing import StandardScaler

    scaler = StandardScaler()
    model = KNNClassifier(engine=LazySearch(window_size=REMEMBERED))
    rows = [_named(row) for row in features(lesson.windows, RATE)]
    for row in rows:
        scaler.learn_one(row)
    for row, label in zip(rows, lesson.classes.tolist(), strict=True):
        model.learn_one(scaler.transform_one(row), label)

    def answer(asked: Asked) -> Codes:
        scaled = (scaler.transform_one(_named(row)) for row in asked.signal)
        return np.array([model.predict_one(row) for row in scaled], np.int64)

    return answer


PEERS: dict[str, Contestant] = {
    "RandomForest": random_forest,
    "LogisticRegression": logistic_regression,
    "MiniRocket + ridge": minirocket_ridge,
    "river's kNN": river_neighbours,
}


def _named(row: FloatArray) -> dict[str, float]:
    return dict(zip(FEATURE_NAMES, row.tolist(), strict=True))
