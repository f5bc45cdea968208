"""Settings that are fine alone and impossible together."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.config.checks import CHIP_RATES, RESERVED_PINS, missing_files, problems
from harpi.config.loading import build, load, read_secret
from harpi.errors import ConfigError


def complaints(**values: object) -> list[str]:
    config = build({key.replace("__", "."): value for key, value in values.items()})
    return [str(problem) for problem in problems(config, {})]


def test_the_defaults_work_also_with_buttons_and_leds() -> None:
    assert complaints(buttons__enabled=True, leds__enabled=True) == []


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        (
            {"sensor__rate": 60},
            (
                "sensor.rate cannot be 60: the chip divides 1000 by a whole number. "
                "Allowed: 25, 40, 50, 100, 125, 200, 250, 500, 1000."
            ),
        ),
        (
            {"signal__rate": 100.0, "sensor__rate": 50},
            (
                "signal.rate 100 is above sensor.rate 50. "
                "Let the sensor be at least as fast as the models."
            ),
        ),
        (
            {"sensor__dlpf": 0, "sensor__rate": 25},
            (
                "sensor.dlpf 0 cannot go with sensor.rate 25. "
                "Allowed: a rate of at least 32, or dlpf 1 to 6."
            ),
        ),
        (
            {"signal__length": 1000},
            (
                "a window of 1000 samples at 25 Hz lasts 40 s, longer than the ring of 30 s. "
                "Set signal.ring_seconds to at least 40, or a shorter window."
            ),
        ),
        (
            {"buttons__enabled": True, "buttons__train": 13},
            (
                "button 3 (buttons.labels) and train (buttons.train) are both on GPIO13. "
                "Give each its own pin."
            ),
        ),
        (
            {"buttons__enabled": True, "leds__enabled": True, "leds__status": 12},
            (
                "undo (buttons.undo) and status (leds.status) are both on GPIO12. "
                "Give each its own pin."
            ),
        ),
        (
            {"leds__enabled": True, "leds__recording": 14},
            (
                "recording (leds.recording) is on GPIO14, which is needed for UART transmit. "
                "Choose another pin, for example from 4 to 13 or 16 to 27."
            ),
        ),
        (
            {"learning__labels": ("a", "b", "a")},
            "learning.labels has a more than once. Name each activity once.",
        ),
        (
            {"buttons__enabled": True, "learning__labels": tuple("abcde")},
            (
                "learning.labels has 5 activities, but buttons.labels only 4 pins. "
                "Name one pin for each activity."
            ),
        ),
        (
            {"store__warn_mb": 3000},
            (
                "store.warn_mb 3000 is above store.limit_mb 2048. "
                "Warn before the limit is reached."
            ),
        ),
        (
            {"web__host": "0.0.0.0"},
            (
                "web.host 0.0.0.0 can be reached from other machines, and there is no "
                'password. Set web.password_file, or web.host = "127.0.0.1".'
            ),
        ),
        (
            {"web__key_file": "k"},
            "web.cert_file and web.key_file belong together. Give both or none.",
        ),
        (
            {"knn__k": 20, "knn__capacity": 16},
            "knn.k 20 is above knn.capacity 16. Remember at least k windows.",
        ),
        (
            {"buttons__debounce_seconds": 1.0, "buttons__long_press_seconds": 0.5},
            (
                "buttons.long_press_seconds 0.5 is not longer than buttons.debounce_seconds 1. "
                "A usual long press is 1.5 s, a usual debounce 0.03 s."
            ),
        ),
        (
            {"mqtt__password_file": "/x"},
            (
                "mqtt.password_file is given without mqtt.username. "
                "MQTT has no password without a user name."
            ),
        ),
        (
            {"mqtt__tls__enabled": True, "mqtt__tls__cert_file": "/x"},
            "mqtt.tls.cert_file and mqtt.tls.key_file belong together. Give both or none.",
        ),
        (
            {"mqtt__tls__ca_file": "/x"},
            (
                "certificates are given, but mqtt.tls.enabled is false. "
                "Set mqtt.tls.enabled = true, or the connection is not encrypted."
            ),
        ),
        (
            {"mqtt__host": "x" * 80},
            f"mqtt.host '{'x' * 80}' is no host name. Give a name or address.",
        ),
    ],
)
def test_an_impossible_combination_is_refused_in_words(
    values: dict[str, object], complaint: str
) -> None:
    assert complaints(**values) == [complaint]


def test_pins_of_switched_off_buttons_and_leds_do_not_matter() -> None:
    assert complaints(buttons__train=5, leds__status=2) == []


@given(
    st.lists(st.integers(0, 27), min_size=4, max_size=8),
    st.one_of(st.none(), st.integers(0, 27)),
    st.one_of(st.none(), st.integers(0, 27)),
)
def test_pins_are_accepted_just_when_all_differ_and_none_is_reserved(
    labels: list[int], train: int | None, undo: int | None
) -> None:
    pins = [*labels, *(pin for pin in (train, undo) if pin is not None)]
    possible = len(set(pins)) == len(pins) and not set(pins) & set(RESERVED_PINS)
    found = complaints(
        buttons__enabled=True,
        buttons__labels=tuple(labels),
        buttons__train=train,
        buttons__undo=undo,
    )
    assert possible == (not found)


@given(st.sampled_from(CHIP_RATES))
def test_every_rate_that_divides_a_thousand_is_allowed(rate: int) -> None:
    assert complaints(sensor__rate=rate) == []


def test_files_that_are_named_but_missing(tmp_path: Path) -> None:
    there = tmp_path / "base.tflite"
    there.touch()
    config = build({"models.base": str(there), "models.knn_reference": str(tmp_path / "gone")})
    (problem,) = missing_files(config, {"models.knn_reference": "harpi.toml:9"})
    assert str(problem) == (
        f"harpi.toml:9: models.knn_reference: {tmp_path / 'gone'} cannot be read: "
        "No such file or directory."
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_the_page_needs_no_password_where_only_this_computer_reaches_it(host: str) -> None:
    assert complaints(web__host=host) == []


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.7", "pi.local", "::ffff:10.0.0.1"]
)
def test_the_page_needs_a_password_and_a_certificate_where_others_reach_it(host: str) -> None:
    password = {"web__password_file": "/etc/harpi/page.password"}
    certificate = {"web__cert_file": "/etc/harpi/page.crt", "web__key_file": "/etc/harpi/k"}
    assert "there is no password" in complaints(web__host=host, **certificate)[0]
    assert "nothing is encrypted" in complaints(web__host=host, **password)[0]
    assert complaints(web__host=host, **password, **certificate) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7"])
def test_whoever_trusts_the_network_may_say_so(host: str) -> None:
    settings = {"web__host": host, "web__unencrypted": True}
    assert complaints(**settings, web__password_file="/etc/harpi/page.password") == []
    assert complaints(**settings) != []


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ("mqtt://broker", 'mqtt.host = "broker"'),
        (
            "mqtts://broker:8884",
            'mqtt.host = "broker", mqtt.port = 8884, mqtt.tls.enabled = true',
        ),
        ("broker:1884", 'mqtt.host = "broker", mqtt.port = 1884'),
        ("[2001:db8::1]:1883", 'mqtt.host = "2001:db8::1", mqtt.port = 1883'),
        (" broker ", 'mqtt.host = "broker"'),
        ("\ufeffbroker", 'mqtt.host = "broker"'),
        ("broker/mqtt", 'mqtt.host = "broker"'),
        ("user@broker", 'mqtt.host = "broker"'),
        ("broker:port", "mqtt.host = "),
    ],
)
def test_a_host_that_is_an_address_of_the_web_is_refused_with_what_to_write(
    given: str, remedy: str
) -> None:
    (found,) = problems(build({"mqtt.host": given}), {})
    assert "is no host name" in found.problem
    assert remedy in str(found)


@pytest.mark.parametrize(
    "given", ["broker", "broker.local", "192.0.2.1", "2001:db8::1", "fe80::1%eth0"]
)
def test_names_and_addresses_are_hosts(given: str) -> None:
    assert problems(build({"mqtt.host": given}), {}) == []


def test_a_byte_order_mark_is_no_part_of_a_configuration_or_password(tmp_path: Path) -> None:
    file = tmp_path / "harpi.toml"
    file.write_bytes(b"\xef\xbb\xbf[sensor]\nrate = 100\n")
    assert load(file).config.sensor.rate == 100
    file.write_bytes("[sensor]\nrate = 100\n".encode("utf-16"))
    with pytest.raises(ConfigError, match="is UTF-16 and not UTF-8"):
        load(file)
    secret = tmp_path / "password"
    secret.write_bytes(b"\xef\xbb\xbfhorse\r\n")
    secret.chmod(0o600)
    assert read_secret("mqtt.password_file", secret) == "horse"
    secret.write_bytes("horse".encode("utf-16"))
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        read_secret("mqtt.password_file", secret)
