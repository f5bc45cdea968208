"""The layers of the configuration, and what is said about mistakes in them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harpi.config import Config, loading, schema
from harpi.config.loading import InvalidConfig, Settings, load, to_toml, value_of


class Folder:
    """A configuration in the making."""

    def __init__(self, path: Path) -> None:
        self.main = path / "harpi.toml"

    def write(self, text: str) -> None:
        self.main.write_text(text, encoding="utf-8")

    def add(self, name: str, text: str) -> Path:
        folder = self.main.parent / "harpi.d"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def load(self, *assignments: str, environment: Mapping[str, str] | None = None) -> Settings:
        if not self.main.exists():
            self.write("")
        return load(self.main, assignments=assignments, environment=environment or {})

    def complaints(self, *assignments: str, **environment: str) -> list[str]:
        with pytest.raises(InvalidConfig) as caught:
            self.load(*assignments, environment=environment)
        assert caught.value.exit_code == 2
        return str(caught.value).splitlines()

    def complaint(self, text: str) -> str:
        """Write the text and give the one complaint about it, without the file's name."""
        self.write(text)
        (line,) = self.complaints()
        assert line.startswith(f"{self.main}:")
        return line.removeprefix(f"{self.main}:")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_without_anything_the_defaults_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "SYSTEM_FILE", tmp_path / "harpi.toml")
    settings = load(environment={})
    assert settings.config == Config()
    assert settings.files == ()
    assert settings.origins == {}


def test_the_system_file_is_read_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "SYSTEM_FILE", tmp_path / "harpi.toml")
    (tmp_path / "harpi.toml").write_text("sensor.rate = 100\n")
    assert load(environment={}).config.sensor.rate == 100


def test_later_layers_win(folder: Folder) -> None:
    keys = ["k", "capacity", "own_weight", "metric"]
    folder.write("[knn]\nk = 1\ncapacity = 101\nown_weight = 1.0\nmetric = 'cosine'\n")
    folder.add("20.toml", "[knn]\nk = 3\ncapacity = 103\nown_weight = 3\n")
    folder.add("10.toml", "[knn]\nk = 2\ncapacity = 102\nown_weight = 2\n")
    environment = {"HARPI_KNN__CAPACITY": "104", "HARPI_KNN__OWN_WEIGHT": "4"}
    settings = folder.load("knn.own_weight=5", environment=environment)
    assert [value_of(settings.config, f"knn.{key}") for key in keys] == [3, 104, 5.0, "cosine"]
    second = folder.main.parent / "harpi.d" / "20.toml"
    assert settings.origins == {
        "knn.k": f"{second}:2",
        "knn.capacity": "HARPI_KNN__CAPACITY",
        "knn.own_weight": "--set knn.own_weight",
        "knn.metric": f"{folder.main}:5",
    }
    assert [path.name for path in settings.files] == ["harpi.toml", "10.toml", "20.toml"]


def test_values_from_a_shell_are_read_as_the_setting_wants_them(folder: Folder) -> None:
    config = folder.load(
        "mqtt.username=1234",
        "sensor.address=0x69",
        'learning.labels=["rest", "walk"]',
        environment={"HARPI_MQTT__TLS__ENABLED": "true", "HARPI_MQTT__HOST": "broker.lan"},
    ).config
    assert config.mqtt.username == "1234"
    assert config.sensor.address == 0x69
    assert config.learning.labels == ("rest", "walk")
    assert config.mqtt.tls.enabled is True
    assert config.mqtt.host == "broker.lan"


def test_none_takes_a_default_away(folder: Folder) -> None:
    folder.write('[buttons]\nundo = "none"\n')
    assert folder.load().config.buttons.undo is None


def test_other_variables_of_the_environment_are_nobodys_business(folder: Folder) -> None:
    assert folder.load(environment={"HARPI_DEBUG": "1", "PATH": "/bin"}).config == Config()


def test_a_section_may_be_empty(folder: Folder) -> None:
    folder.write("[sensor]\n# rate = 100\n[mqtt.tls]\n")
    assert folder.load().config == Config()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "[sensor]\nadress = 0x69\n",
            "2: there is no setting sensor.adress. Did you mean sensor.address.",
        ),
        (
            "[sensr]\nrate = 50\n",
            "2: there is no setting sensr.rate. Did you mean sensor.rate.",
        ),
        (
            "gyro_range = 250",
            "1: there is no setting gyro_range. Did you mean sensor.gyro_range.",
        ),
        (
            "[sensor]\ncolour = 1\n",
            (
                "2: there is no setting sensor.colour. Settings of [sensor]: bus, address, "
                "rate, accel_range, gyro_range, dlpf, batch, check_seconds, rest_minutes."
            ),
        ),
        (
            "mqtt = 5",
            "1: mqtt is a section, not a setting. Write [mqtt] and its settings below.",
        ),
        (
            "\n\n[mqtt]\nport = 70000",
            "4: mqtt.port cannot be 70000. Allowed: a whole number from 1 to 65535.",
        ),
        (
            "[mqtt]\nhost = 5\n",
            "2: mqtt.host cannot be 5. Allowed: text in quotes.",
        ),
        (
            "[sensor]\naddress = 5\n",
            "2: sensor.address cannot be 0x5. Allowed: 0x68 or 0x69.",
        ),
        (
            "[sensor]\naccel_range = '8'\n",
            '2: sensor.accel_range cannot be "8". Allowed: one of 2, 4, 8, 16.',
        ),
        (
            "[sensor]\ndlpf = 9\n",
            '2: sensor.dlpf cannot be 9. Allowed: a whole number from 0 to 6 or "none".',
        ),
        ("[knn]\nk = true\n", "2: knn.k cannot be true. Allowed: a whole number from 1 to 99."),
        (
            "[mqtt]\nhealth_seconds = inf\n",
            "2: mqtt.health_seconds cannot be Infinity. Allowed: a number above 0.",
        ),
        (
            "[mqtt]\ntls = { enabled = 'yes' }\n",
            '2: mqtt.tls.enabled cannot be "yes". Allowed: true or false.',
        ),
        (
            "[learning]\nlabels = ['a', 3]\n",
            (
                '2: learning.labels cannot be ["a", 3]. Allowed: a list, each text in quotes '
                "of 1 to 48 characters matching ^[^\\x00-\\x1f\\x7f]+$."
            ),
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_would_be_right(
    folder: Folder, text: str, complaint: str
) -> None:
    assert folder.complaint(text) == complaint


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[sensor\nrate = 50\n", "1:8"),
        ("[sensor]\nrate = fast\n", "2:8"),
        ("[sensor]\nrate = 50\nrate = 50\n", "3:"),
        ("[sensor]\nrate = [1,", "2:"),
    ],
)
def test_broken_toml_is_told_with_line_and_column(
    folder: Folder, text: str, place: str
) -> None:
    complaint = folder.complaint(text)
    assert complaint.startswith(place)
    assert ": is not valid TOML: " in complaint


def test_all_mistakes_are_told_at_once(folder: Folder) -> None:
    folder.write("[sensor]\nrate = 51\nadress = 1\n")
    folder.add("broken.toml", "=")
    lines = folder.complaints("log.level=loud", "nonsense", HARPI_MQTT__PORT="x")
    assert len(lines) == 6


def test_nothing_is_said_of_combinations_with_a_value_that_was_refused(folder: Folder) -> None:
    folder.write("[buttons]\nenabled = true\ntrain = 5\nlabels = [99]\n")
    (line,) = folder.complaints()
    assert "buttons.labels cannot be [99]" in line


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"nothing\.toml: there is no such file"):
        load(tmp_path / "nothing.toml", environment={})


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="cannot be read: Is a directory"):
        load(tmp_path, environment={})


def test_a_file_that_is_no_text_is_told_with_the_line(folder: Folder) -> None:
    folder.main.write_bytes(b"[sensor]\nrate = 50\n# \xff\n")
    (line,) = folder.complaints()
    assert line == f"{folder.main}:3: is not UTF-8 text. Save the file as UTF-8."


def test_what_is_shown_reads_back_the_same(folder: Folder) -> None:
    folder.write(
        "[buttons]\ntrain = 'none'\nlabels = [4]\n"
        "[learning]\nlabels = ['a \"b\" \\\\ é']\n[mqtt]\nhealth_seconds = 0.1\n"
    )
    settings = folder.load()
    for changed in (False, True):
        folder.write(to_toml(settings, changed=changed))
        assert folder.load().config == settings.config


names = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=48)


@given(st.lists(names, max_size=5, unique=True), st.floats(1e-9, 1e9), st.booleans())
def test_every_value_is_shown_so_that_it_reads_back(
    labels: list[str], seconds: float, switch: bool
) -> None:
    config = loading.build(
        {
            "learning.labels": tuple(labels),
            "mqtt.health_seconds": seconds,
            "mqtt.tls.enabled": switch,
        }
    )
    tables = tomllib.loads(to_toml(Settings(config, {}, ())))
    for key, kind in schema.settings(Config).items():
        value: object = tables
        for part in key.split("."):
            assert isinstance(value, dict)
            value = value[part]
        assert schema.convert(kind, value) == value_of(config, key)


def test_changes_are_shown_with_their_origin(folder: Folder) -> None:
    folder.write("[knn]\nk = 7\n")
    shown = to_toml(folder.load("log.level=debug"), changed=True)
    assert shown == (
        f'[knn]\nk = 7  # {folder.main}:2\n\n[log]\nlevel = "debug"  # --set log.level\n'
    )


def test_the_packaged_defaults_are_those_of_the_schema() -> None:
    path = Path(loading.__file__).with_name("defaults.toml")
    settings = load(path, environment={})
    assert settings.config == Config()
    assert set(settings.origins) == set(schema.settings(Config))
