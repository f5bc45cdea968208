"""What Home Assistant is told of each entity; how it takes that, it judges itself elsewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from harpi.config import Config
from harpi.config.loading import build
from harpi.publish.entities import discovery_payloads, discovery_topic

PAGE = Path(__file__).resolve().parents[2] / "docs/home-assistant.md"
ANSWERS = {"knn": ("walking",), "generic": ("walking", "sitting"), "personal": ()}


def configured(**settings: object) -> Config:
    return build(
        {"device.id": "arm", **{key.replace("__", "."): v for key, v in settings.items()}}
    )


def discovery_payload_of(*words: Any, **more: Any) -> bytes:
    (payload,) = discovery_payloads(*words, **more)
    return payload


def described(payload: bytes) -> dict[str, Any]:
    return dict(json.loads(payload)["cmps"])


def test_every_entity_has_a_name_for_life_and_a_device() -> None:
    payload = discovery_payload_of(configured(), ANSWERS, ("walking", "sitting"))
    said = json.loads(payload)
    assert said["dev"]["ids"] == ["harpi_arm"]
    assert said["o"]["name"] == "harpi"
    ids = [component["uniq_id"] for component in said["cmps"].values()]
    assert len(set(ids)) == len(ids)
    assert {
        *("knn_activity", "knn_confidence", "worn", "rate", "lost", "temperature", "head"),
        *("record_walking", "stop", "train", "undo", "evaluate", "mode"),
    } <= said["cmps"].keys()


def test_the_options_of_a_model_are_its_labels_and_untrained() -> None:
    components = described(discovery_payload_of(configured(), ANSWERS, ()))
    assert components["generic_activity"]["ops"] == ["walking", "sitting", "untrained"]
    assert components["personal_activity"]["ops"] == ["untrained"]


def test_a_button_whose_label_is_gone_is_taken_away() -> None:
    components = described(discovery_payload_of(configured(), ANSWERS, ["a"], gone=["b"]))
    assert components["record_b"] == {"p": "button"}
    assert components["today_b"] == {"p": "sensor"}


def test_each_activity_has_a_total_of_the_day_that_statistics_take() -> None:
    components = described(discovery_payload_of(configured(), ANSWERS, ("walking", "sit {x}")))
    walking = components["today_walking"]
    assert (walking["dev_cla"], walking["stat_cla"]) == ("duration", "total")
    assert walking["unit_of_meas"] == "min"
    assert walking["lrst_val_tpl"] == "{{ value_json.start }}"
    assert {"unknown_today", "not_worn_today", "nudge"} <= components.keys()


def test_the_entities_of_the_documentation_are_there() -> None:
    labels = configured().learning.labels
    components = described(discovery_payload_of(configured(), ANSWERS, labels))
    names = {
        f"{one['p']}.harpi_arm_{one['name'].lower().replace(' ', '_')}"
        for one in components.values()
    }
    used = set(re.findall(r"(?:binary_)?sensor\.harpi_arm_\w+", PAGE.read_text("utf-8")))
    assert used
    assert used <= names


def test_without_a_diary_nothing_is_said_of_it() -> None:
    payload = discovery_payload_of(configured(diary__enabled=False), ANSWERS, ["a"], gone=["b"])
    assert not [name for name in described(payload) if "today" in name or name == "nudge"]


def test_a_topic_holds_what_home_assistant_allows() -> None:
    assert discovery_topic(configured()) == "homeassistant/device/harpi-arm/config"
    dotted = configured(device__id="left.arm", mqtt__discovery__prefix="ha")
    assert discovery_topic(dotted) == "ha/device/harpi-left_arm/config"


@given(st.lists(st.text(min_size=1, max_size=12), unique=True, max_size=12))
def test_whatever_the_labels_every_one_has_a_button_that_says_it(labels: list[str]) -> None:
    components = described(discovery_payload_of(configured(), ANSWERS, labels))
    buttons = {name: c for name, c in components.items() if name.startswith("record_")}
    assert [json.loads(b["pl_prs"])["label"] for b in buttons.values()] == labels
    assert all(re.fullmatch(r"[A-Za-z0-9_]+", name) for name in buttons)


@given(st.lists(st.text(min_size=1, max_size=12), unique=True, max_size=12))
@example(["0", *(f"{'é' * n}-" for n in range(2, 13))])
def test_in_parts_the_device_is_the_same_and_no_part_is_too_large(labels: list[str]) -> None:
    config = configured()
    whole = json.loads(discovery_payload_of(config, ANSWERS, labels, gone=["b"]))
    payloads = discovery_payloads(config, ANSWERS, labels, gone=["b"], largest=2000)
    parts = [json.loads(payload) for payload in payloads]
    alone = (len(part["cmps"]) == 1 for part in parts)  # one component is never cut
    assert all(len(p) <= 2000 or one for p, one in zip(payloads, alone, strict=True))
    assert all({**part, "cmps": 0} == {**whole, "cmps": 0} for part in parts)
    names = [name for part in parts for name in part["cmps"] if not name.endswith("_b")]
    assert len(names) == len(set(names))
    assert {k: v for part in parts for k, v in part["cmps"].items()} == whole["cmps"]
