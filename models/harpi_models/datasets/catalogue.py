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

BODY: Final = {
    "leg": ("left_leg", "right_leg", "ankle"),
    "arm": ("left_arm", "right_arm", "wrist", "wrist_watch", "left_wrist", "right_wrist"),
    "trunk": ("torso", "chest", "waist", "waist_phone"),
    "pocket": ("front_pocket",),
}
"""The places of all sets by the part of the body that they are on."""


def body_part(place: str) -> str:
    """Part of the body of ``set/position``; one that is not listed is its own part."""
    position = place.rpartition("/")[2]
    return next((part for part, places in BODY.items() if position in places), position)


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
        left_out: its labels that nothing is learnt from and nothing is judged by.
        moving: its labels under which a still window is waiting, not the activity; such
            windows are left out.
        caution: what a user of a base that learnt from it must know; empty for nothing.
        later: whether the features of a base are learnt without it, and only the classifier
            learns from it.
    """

    name: str
    title: str
    licence: str
    citation: str
    core: Mapping[str, str]
    either: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    never: frozenset[int] = frozenset()
    left_out: frozenset[str] = frozenset()
    moving: frozenset[str] = frozenset()
    caution: str = ""
    later: bool = False


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

UMAFALL: Final = DataSet(
    name="umafall",
    title="UMAFall",
    licence="free to download, say its makers; the copy at figshare is believed CC BY 4.0 (its "
    "listing was not seen; check before redistribution)",
    citation="Casilari, Santoyo-Ramon, Cano-Garcia 2017, doi 10.1016/j.procs.2017.06.110; "
    "figshare 4214283",
    core={
        "walking": "walking",
        "jogging": "running",
        "stairs_up": "stairs_up",
        "stairs_down": "stairs_down",
        "hopping": "jumping",
    },
    left_out=frozenset({"fall_backward", "fall_forward", "fall_lateral"}),
    # Of the stairs, 30 to 41 per cent are a lift or waiting.
    moving=frozenset({"walking", "jogging", "stairs_up", "stairs_down", "hopping"}),
    caution="Where its licence does not suit, `harpi-models train --without umafall` makes a "
    "base that never saw it.",
    later=True,
)

DIFRONZO: Final = DataSet(
    name="difronzo_pocket",
    title="LSTM for Human Activity Recognition (raw recordings of a phone)",
    licence="MIT",
    citation="DiFronzo 2021, github.com/DiFronzo/"
    "LSTM-for-Human-Activity-Recognition-classification",
    core={
        "walking": "walking",
        "upstairs": "stairs_up",
        "downstairs": "stairs_down",
        "sitting": "sitting",
        "standing": "standing",
    },
    later=True,
)

SPAR: Final = DataSet(
    name="spar_seglearn",
    title="Smart Physiotherapy Activity Recognition (as in seglearn)",
    licence="BSD-3-Clause (the package seglearn)",
    citation="Burns et al. 2018, Physiol. Meas. 39:075007",
    core={},
)

TRAINED_ON: Final = (DSADS, WISDM, MOTIONSENSE, HAPT, UMAFALL, DIFRONZO)
"""What the base learns from; SPAR stays new, to measure learning new movements with."""

CATALOGUE: Final = {d.name: d for d in (*TRAINED_ON, SPAR)}
