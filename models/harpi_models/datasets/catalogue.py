"""What each data set is, where it comes from, and what its labels mean here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

CORE: Final = (
    "walking",
    "running",
    "stairs_up",
    "stairs_down",
    "sitting",
    "standing",
    "lying",
    "cycling",
    "jumping",
)
"""What the shipped base answers with."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """A public set of recordings.

    Attributes:
        name: short name, and the stem of its file.
        title: as its makers call it.
        licence: with what is not certain about it.
        citation: what to cite.
        core: its labels that are one of `CORE`.
        either: its labels that are one of several of `CORE`, it does not say which.
        never: people that enter no training.
    """

    name: str
    title: str
    licence: str
    citation: str
    core: Mapping[str, str]
    either: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    never: frozenset[int] = frozenset()


DSADS: Final = DataSet(
    name="dsads",
    title="UCI Daily and Sports Activities",
    licence="CC BY 4.0 as UCI lists it (believed; check before redistribution)",
    citation="Altun, Barshan, Tuncel 2010, doi 10.1016/j.patcog.2010.04.019",
    core={
        "sitting": "sitting",
        "standing": "standing",
        "lying_back": "lying",
        "lying_right": "lying",
        "stairs_up": "stairs_up",
        "stairs_down": "stairs_down",
        "walk_parking": "walking",
        "walk_treadmill_flat": "walking",
        "walk_treadmill_incline15": "walking",
        "run_treadmill_8kmh": "running",
        "cycle_horizontal": "cycling",
        "cycle_vertical": "cycling",
        "jumping": "jumping",
    },
)

WISDM: Final = DataSet(
    name="wisdm_watch",
    title="WISDM Smartphone and Smartwatch Activity and Biometrics (watch)",
    licence="CC BY 4.0 as UCI lists it (believed; check before redistribution)",
    citation="Weiss 2019, UCI Machine Learning Repository, doi 10.24432/C5HK59",
    core={
        "walking": "walking",
        "jogging": "running",
        "sitting": "sitting",
        "standing": "standing",
    },
    either={"stairs": ("stairs_up", "stairs_down")},
)

MOTIONSENSE: Final = DataSet(
    name="motionsense",
    title="MotionSense",
    licence="MIT",
    citation="Malekzadeh et al. 2019, IoTDI, doi 10.1145/3302505.3310068",
    core={
        "walking": "walking",
        "jogging": "running",
        "upstairs": "stairs_up",
        "downstairs": "stairs_down",
        "sitting": "sitting",
        "standing": "standing",
    },
)

HAPT: Final = DataSet(
    name="hapt",
    title="UCI Smartphone-Based Recognition of Human Activities and Postural Transitions",
    licence="CC BY 4.0 by a data set card that mirrors UCI; its predecessor's readme of 2012 "
    "forbade commercial use",
    citation="Reyes-Ortiz et al. 2016, doi 10.1016/j.neucom.2015.07.085",
    core={
        "walking": "walking",
        "upstairs": "stairs_up",
        "downstairs": "stairs_down",
        "sitting": "sitting",
        "standing": "standing",
        "laying": "lying",
    },
    never=frozenset({25, 26}),
)

SPAR: Final = DataSet(
    name="spar_seglearn",
    title="Smart Physiotherapy Activity Recognition (as in seglearn)",
    licence="BSD-3-Clause (the package seglearn)",
    citation="Burns et al. 2018, Physiol. Meas. 39:075007",
    core={},
)

TRAINED_ON: Final = (DSADS, WISDM, MOTIONSENSE, HAPT)
"""What the base learns from; SPAR stays new, to measure learning new movements with."""

CATALOGUE: Final = {d.name: d for d in (*TRAINED_ON, SPAR)}
