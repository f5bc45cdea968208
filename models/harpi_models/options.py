"""What `harpi-models convert` was asked for, and whether it makes sense together.

Needs no TensorFlow, so that a wrong combination is told at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from harpi_models.errors import ConversionRefused, HeadRefused
from harpi_models.heads import Head, Penalty, mlp_head, softmax_head
from harpi_models.optimizers import Adam, Momentum, Optimizer, Sgd

IMAGENET = "imagenet"
ACCEL_UNITS = {"g": 1.0, "m/s2": 9.80665}
GYRO_UNITS = {"deg/s": 1.0, "rad/s": math.pi / 180}
INPUT_RANGES = ("0..255", "0..1", "-1..1")
QUANTIZATIONS = ("none", "float16", "dynamic", "int8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of the command, by shorter names; None where not given."""

    out: Path | None = None
    mobilenet: bool = False
    application: str | None = None
    base_path: Path | None = None
    harpi: bool = False
    weights: str = "auto"
    image_size: int | None = None
    input_range: str | None = None
    preprocess: str | None = None
    name: str | None = None
    version: str | None = None
    alpha: float | None = None
    cut: str | None = None
    labels: str | None = None
    rate: float | None = None
    length: int | None = None
    axes: str | None = None
    accel_unit: str = "g"
    gyro_unit: str = "deg/s"
    vector: bool = False
    allow_difference: float | None = None
    quantize: bool = False
    quantization: str | None = None
    representative: Path | None = None
    softmax: bool = False
    hidden: str | None = None
    head_path: Path | None = None
    l1: float | None = None
    l2: float | None = None
    dropout: float | None = None
    classes: int | None = None
    batch_size: int = 20
    optimizer: str = "sgd"
    learning_rate: float | None = None
    sgd_learning_rate: float | None = None
    momentum: float | None = None
    beta_1: float | None = None
    beta_2: float | None = None
    epsilon: float | None = None

    def check(self) -> None:
        """Refuse what is missing or contradicts.

        Raises:
            ConversionRefused: says which options.
        """
        _one_of(
            "base",
            {
                "--base_mobilenetv2": self.mobilenet,
                "--base_application": self.application is not None,
                "--base_model_dir": self.base_path is not None,
                "--base_harpi": self.harpi,
            },
        )
        _one_of(
            "head",
            {
                "--head_softmax": self.softmax,
                "--head_hidden": self.hidden is not None,
                "--head_model_dir": self.head_path is not None,
            },
        )
        if self.out is None:
            raise _refused("--out_model_dir is missing", "Say where to write the file")
        self._check_base()
        self._check_head()
        self.made_optimizer()

    @property
    def penalty(self) -> Penalty:
        """On the head's weights."""
        return Penalty(self.l1 or 0.0, self.l2 or 0.0)

    @property
    def quantization_kind(self) -> str:
        """Of the base; `none` where nothing was asked for."""
        return self.quantization or ("dynamic" if self.quantize else "none")

    def _check_base(self) -> None:
        image = self.mobilenet or self.application is not None
        if self.weights != "auto" and not image:
            raise _refused(
                "--base_weights needs a base of keras.applications",
                "Add --base_mobilenetv2 or --base_application, or leave it out",
            )
        if self.alpha is not None and not image:
            raise _refused("--alpha needs a MobileNet", "Leave it out")
        made = self.harpi or (self.base_path is not None and self.base_path.suffix == ".tflite")
        own = {
            "--bottleneck_layer": self.cut,
            "--base_labels": self.labels,
            "--input_range": self.input_range,
            "--preprocess": self.preprocess,
            "--axes": self.axes,
            "--window_length": self.length,
            "--rate": self.rate,
            "--image_size": self.image_size,
            "--vector": self.vector or None,
        }
        for name, value in own.items():
            if made and value is not None:
                raise _refused(
                    f"{name} does not go with a base that harpi made: that has its own",
                    "Leave it out",
                )
        if self.input_range is not None and self.preprocess is not None:
            raise _refused(
                "--input_range and --preprocess both say how pixels are scaled",
                "Give only one",
            )
        if self.input_range is not None and self.input_range not in INPUT_RANGES:
            raise _refused(
                f"--input_range {self.input_range} is not known",
                f"Choose {', '.join(INPUT_RANGES)}; or --preprocess NAME",
            )
        for name, unit, units in (
            ("--accel_unit", self.accel_unit, ACCEL_UNITS),
            ("--gyro_unit", self.gyro_unit, GYRO_UNITS),
        ):
            if unit not in units:
                raise _refused(f"{name} {unit} is not known", f"Choose {' or '.join(units)}")
        if self.rate is not None and not self.rate > 0:
            raise _refused(f"--rate {self.rate:g} is not positive", "Try 25")
        if self.allow_difference is not None and not self.allow_difference > 0:
            raise _refused(
                f"--allow_difference {self.allow_difference:g} is not positive",
                "Give a share of the features' size, such as 0.5",
            )
        kind = self.quantization_kind
        if kind not in QUANTIZATIONS:
            raise _refused(
                f"--quantization {kind} is not known", f"Choose {', '.join(QUANTIZATIONS)}"
            )
        if self.quantize and self.quantization not in (None, "dynamic"):
            raise _refused(
                f"--base_quantize means dynamic, --quantization says {self.quantization}",
                "Give one of the two",
            )
        if kind == "int8" and self.representative is None:
            raise _refused(
                "--quantization int8 needs --representative",
                "Give a folder of images or an .npy of windows",
            )
        if self.representative is not None and kind != "int8":
            raise _refused(
                "--representative is only used for --quantization int8", "Leave it out"
            )
        if self.representative is not None and not self.representative.exists():
            raise _refused(
                f"--representative {self.representative} is not there", "Check the path"
            )

    def _check_head(self) -> None:
        if self.head_path is not None:
            if self.dropout is not None:
                raise _refused(
                    "--head_dropout does not go with --head_model_dir",
                    "Give the Keras model Dropout layers and save it as .keras",
                )
        elif self.dropout is not None and self.hidden is None:
            raise _refused("--head_dropout needs --head_hidden", "Leave it out")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise _refused(f"--head_dropout {self.dropout} is not from 0 to 1", "Try 0.2")
        if self.head_path is None:
            self.made_head()

    def made_head(self) -> Head:
        """The head, where it does not come from a file.

        Raises:
            HeadRefused: the hidden layers cannot be read.
        """
        l1, l2 = self.penalty.l1, self.penalty.l2
        if self.hidden is None:
            return softmax_head(l1=l1, l2=l2)
        try:
            widths = [int(word) for word in self.hidden.split(",")]
        except ValueError:
            widths = []
        if not widths or min(widths) < 1:
            raise HeadRefused(
                f"--head_hidden {self.hidden!r} is no list of units",
                where="options",
                remedy="Give the units of each layer, such as 32,16",
            )
        return mlp_head(widths, dropout=self.dropout or 0.0, l1=l1, l2=l2)

    def made_optimizer(self) -> Optimizer:
        """The optimiser.

        Raises:
            ConversionRefused: unknown, or an option of another optimiser.
        """
        own: dict[str, dict[str, float | None]] = {
            "sgd": {"--sgd_learning_rate": self.sgd_learning_rate},
            "momentum": {
                "--sgd_learning_rate": self.sgd_learning_rate,
                "--momentum": self.momentum,
            },
            "adam": {
                "--adam_beta_1": self.beta_1,
                "--adam_beta_2": self.beta_2,
                "--adam_epsilon": self.epsilon,
            },
        }
        if self.optimizer not in own:
            raise _refused(
                f"--optimizer {self.optimizer} is not known", f"Choose {', '.join(own)}"
            )
        for kind, given in own.items():
            for name, value in given.items():
                if value is not None and name not in own[self.optimizer]:
                    raise _refused(
                        f"{name} belongs to --optimizer {kind}, not {self.optimizer}",
                        "Leave it out, or use --learning_rate for the rate",
                    )
        if self.learning_rate is not None and self.sgd_learning_rate is not None:
            raise _refused(
                "--learning_rate and --sgd_learning_rate are the same", "Give one of the two"
            )
        rate = self.learning_rate if self.learning_rate is not None else self.sgd_learning_rate
        if rate is not None and rate <= 0:
            raise _refused(f"the learning rate {rate} is not positive", "Try 0.01")
        if self.optimizer == "adam":
            return Adam(
                rate if rate is not None else 0.001,
                self.beta_1 if self.beta_1 is not None else 0.9,
                self.beta_2 if self.beta_2 is not None else 0.999,
                self.epsilon if self.epsilon is not None else 1e-7,
            )
        rate = rate if rate is not None else 0.01
        if self.optimizer == "momentum":
            return Momentum(rate, self.momentum if self.momentum is not None else 0.9)
        return Sgd(rate)

    def label_list(self) -> tuple[str, ...]:
        """Labels of the base, from a list or from a file with one on each line.

        Raises:
            ConversionRefused: the file cannot be read.
        """
        if self.labels is None:
            return ()
        if self.labels == IMAGENET:
            return imagenet_labels()
        path = Path(self.labels)
        if "," not in self.labels and path.suffix:
            try:
                words = path.read_text(encoding="utf-8-sig").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise _refused(
                    f"the labels cannot be read from {path}: {error}", "Check the path"
                ) from error
        else:
            words = self.labels.split(",")
        return tuple(word.strip() for word in words if word.strip())


def imagenet_labels() -> tuple[str, ...]:
    """The 1000 classes of ImageNet, in the order of its networks."""
    text = files("harpi_models").joinpath("imagenet_labels.txt").read_text("utf-8")
    return tuple(text.splitlines())


def _one_of(what: str, given: dict[str, bool]) -> None:
    chosen = [name for name, is_given in given.items() if is_given]
    if len(chosen) == 0:
        raise _refused(f"no {what} was chosen", f"Give one of {', '.join(given)}")
    if len(chosen) > 1:
        raise _refused(f"{' and '.join(chosen)} both choose a {what}", "Give only one")


def _refused(problem: str, remedy: str) -> ConversionRefused:
    return ConversionRefused(problem, where="options", remedy=remedy)
