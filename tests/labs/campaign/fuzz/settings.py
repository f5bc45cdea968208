"""Configuration files, the environment, options, and files that settings name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from harpi.config import Config, schema
from harpi.config.checks import missing_files
from harpi.config.loading import build, load, read_secret, to_toml
from harpi.doctor.computer import read as read_boot_config
from harpi.doctor.context import Computer
from harpi.setup.boot import conflicts, with_block, without_block
from tests.labs.campaign.fuzz.hostile import LONG_NUMBER, WORDS, nested
from tests.labs.campaign.fuzz.target import Feed, Target

ROOT = Path(__file__).resolve().parents[4]


def _config(folder: Path) -> Feed:
    file, again = folder / "harpi.toml", folder / "again.toml"

    def feed(content: bytes) -> None:
        file.write_bytes(content)
        settings = load(file, environment={})
        missing_files(settings.config, settings.origins)
        again.write_text(to_toml(settings), encoding="utf-8")
        assert load(again, environment={}).config == settings.config

    return feed


def _config_seeds() -> Sequence[bytes]:
    shown = (ROOT / "firmware_config/harpi.toml").read_bytes()
    return [
        shown,
        (ROOT / "pi/harpi/config/defaults.toml").read_bytes()[:4000],
        b'[sensor]\nrate = 100\n[mqtt]\nhost = "broker"\ntls = {enabled = true}\n',
        b'[models]\nbase = "a\\u0000b"\n[web]\nhost = "a\\u0000b"\n',
        b"[learning]\nlabels = " + nested(),
        b"a = " + nested(b"{a = ", b"}", b"1"),
        b"a." * 1000 + b"a = 1",
        b"[" + b"a." * 1000 + b"a]",
        b"[sensor]\nrate = " + LONG_NUMBER[:4500],
        b"[sensor]\nrate = 1e999\n[signal]\nrate = nan\nring_seconds = -inf\n",
        b"[log]\nlevel = 1979-05-27T07:32:00Z\n",
        b"\xff",
        b'"" = 1\n"a.b" = 1\n[""]\n"" = 2\n',
    ]


def _environment(folder: Path) -> Feed:
    file = folder / "harpi.toml"
    file.write_bytes(b"")

    def feed(content: bytes) -> None:
        lines = content.replace(b"\0", b"").split(b"\n")
        variables, options = {}, []
        for line in lines:
            name, equals, value = line.partition(b"=")
            if name.startswith(b"--set "):
                options.append(os.fsdecode(line.removeprefix(b"--set ")))
            elif equals:
                variables[os.fsdecode(name)] = os.fsdecode(value)
        settings = load(file, assignments=options, environment=variables)
        missing_files(settings.config, settings.origins)
        to_toml(settings, changed=True)

    return feed


def _environment_seeds() -> Sequence[bytes]:
    return [
        b"HARPI_SENSOR__RATE=100\nHARPI_MQTT__HOST=broker\nHARPI_MQTT__TLS__ENABLED=true",
        b"--set sensor.rate=100\n--set learning.labels=['a', 'b']\n--set mqtt.username=1234",
        b"HARPI_SENSOR__RATE=" + LONG_NUMBER[:4000] + b"9" * 400,
        b"--set learning.labels=" + nested(),
        b"HARPI_LEARNING__LABELS=" + nested(),
        b"HARPI_DEVICE__NAME=\xff\xfe\nHARPI___=1\nHARPI_A____B=2",
        b"--set =\n--set .=\n--set a\n--set mqtt.username=a\rb",
    ]


def _secret(folder: Path) -> Feed:
    file = folder / "password"
    file.touch(mode=0o600)

    def feed(content: bytes) -> None:
        file.write_bytes(content)
        assert read_secret("web.password_file", file)

    return feed


def _boot(folder: Path) -> Feed:
    (folder / "boot/firmware").mkdir(parents=True)
    file = folder / "boot/firmware/config.txt"
    computer, config = Computer(folder), build({"buttons.enabled": True, "leds.enabled": True})

    def feed(content: bytes) -> None:
        file.write_bytes(content)
        read_boot_config(computer)
        conflicts(content, config)
        block = with_block(content, "dtparam=i2c_arm=on\n")
        assert with_block(block, "dtparam=i2c_arm=on\n") == block
        assert len(without_block(block)) <= len(block)

    return feed


_KEYS = tuple(schema.settings(Config))

TARGETS = [
    Target(
        "config",
        "configuration files (TOML)",
        _config,
        _config_seeds,
        (
            *(f"{key} = ".encode() for key in _KEYS),
            *(f"[{section}]\n".encode() for section in Config.__struct_fields__),
            *WORDS,
        ),
        largest=6000,
        share=0.4,
    ),
    Target(
        "environment",
        "environment variables and `--set`",
        _environment,
        _environment_seeds,
        (
            *(f"HARPI_{key.upper().replace('.', '__')}=".encode() for key in _KEYS),
            *(f"--set {key}=".encode() for key in _KEYS),
            *WORDS,
        ),
        largest=6000,
        share=0.4,
    ),
    Target(
        "password",
        "password files",
        _secret,
        lambda: [b"correct horse\n", b"", b"\n\n", b"\xff", b"\x00", b"\x85\xe2\x80\xa8"],
        share=0.5,
    ),
    Target(
        "boot",
        "the boot configuration",
        _boot,
        lambda: [
            (ROOT / "firmware_config/config.txt").read_bytes(),
            b"[pi4]\ndtparam=i2c_arm=on,i2c_arm_baudrate=400000\n[all]\ninclude config.txt\n",
            b"dtoverlay=mpu6050\ndtoverlay=gpio-led,gpio=5\ndtparam=i2c_baudrate=9\xb2\n",
            b"include ..\ninclude \x00\ninclude " + b"a" * 300,
            b"dtoverlay=gpio-key,gpio=" + LONG_NUMBER[:4400],
            b"dtparam=i2c_arm_baudrate=" + LONG_NUMBER[:4400],
        ],
        (b"dtparam=", b"dtoverlay=", b"include ", b"[all]", b"i2c_arm=on", b"gpio=", b"\r\n"),
        largest=5000,
        share=0.3,
    ),
]
