"""`harpi-models convert`: base x head x optimiser -> one trainable file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harpi_models.options import Options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("convert", no_args_is_help=True)(convert)


def both(name: str) -> tuple[str, str]:
    """An option as the converter of 2019 wrote it, and with hyphens."""
    return f"--{name}", f"--{name.replace('_', '-')}"


def convert(
    out_model_dir: Annotated[
        Path | None,
        typer.Option(
            *both("out_model_dir"),
            metavar="DIR",
            help="Where model.tflite is written.",
        ),
    ] = None,
    base_mobilenetv2: Annotated[
        bool, typer.Option(*both("base_mobilenetv2"), help="Base: MobileNetV2.")
    ] = False,
    base_application: Annotated[
        str | None,
        typer.Option(
            *both("base_application"),
            metavar="NAME",
            help="Base: a model of keras.applications, such as InceptionV3.",
        ),
    ] = None,
    base_model_dir: Annotated[
        Path | None,
        typer.Option(
            *both("base_model_dir"),
            metavar="PATH",
            help="Base: a SavedModel directory, a .keras or .h5 file, or a harpi .tflite.",
        ),
    ] = None,
    base_harpi: Annotated[
        bool,
        typer.Option(*both("base_harpi"), help="Base: the IMU base that ships with harpi."),
    ] = False,
    base_weights: Annotated[
        str,
        typer.Option(
            *both("base_weights"),
            metavar="auto|imagenet|none|FILE",
            help="Weights of a keras.applications base; auto is ImageNet where it can be had.",
        ),
    ] = "auto",
    image_size: Annotated[
        int | None,
        typer.Option(
            *both("image_size"),
            min=32,
            help="Side of the images in pixels, where the base leaves it open; 224 by default.",
        ),
    ] = None,
    input_range: Annotated[
        str | None,
        typer.Option(
            *both("input_range"),
            metavar="0..1|-1..1|0..255",
            help="What the base was trained on; by default what its network tells.",
        ),
    ] = None,
    preprocess: Annotated[
        str | None,
        typer.Option(
            "--preprocess",
            metavar="NAME",
            help="The same, by an architecture of keras.applications, or caffe, torch, tf.",
        ),
    ] = None,
    base_name: Annotated[
        str | None,
        typer.Option(*both("base_name"), help="What the base is called from now on."),
    ] = None,
    base_version: Annotated[
        str | None, typer.Option(*both("base_version"), help="Which version of it this is.")
    ] = None,
    alpha: Annotated[
        float | None, typer.Option("--alpha", help="Width of a MobileNet; 1 by default.")
    ] = None,
    bottleneck_layer: Annotated[
        str | None,
        typer.Option(
            *both("bottleneck_layer"),
            metavar="NAME",
            help="Layer whose output becomes the features; by default what goes into the "
            "classifier.",
        ),
    ] = None,
    base_labels: Annotated[
        str | None,
        typer.Option(
            *both("base_labels"),
            metavar="A,B,...|FILE|imagenet",
            help="What the base's softmax answers with; without them it only gives features.",
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option("--rate", help="Samples per second of IMU windows; 25 by default."),
    ] = None,
    window_length: Annotated[
        int | None,
        typer.Option(
            *both("window_length"),
            min=1,
            help="Samples in an IMU window, where the base leaves it open.",
        ),
    ] = None,
    axes: Annotated[
        str | None,
        typer.Option(
            "--axes",
            metavar="ax,ay,...",
            help="What a sample of the base holds, of ax, ay, az, gx, gy, gz.",
        ),
    ] = None,
    accel_unit: Annotated[
        str,
        typer.Option(*both("accel_unit"), metavar="g|m/s2", help="That the base learnt with."),
    ] = "g",
    gyro_unit: Annotated[
        str,
        typer.Option(
            *both("gyro_unit"), metavar="deg/s|rad/s", help="That the base learnt with."
        ),
    ] = "deg/s",
    vector: Annotated[
        bool, typer.Option("--vector", help="The base takes plain vectors of anything.")
    ] = False,
    base_quantize: Annotated[
        bool,
        typer.Option(
            *both("base_quantize"), help="Store the base's weights in 8 bits (dynamic range)."
        ),
    ] = False,
    quantization: Annotated[
        str | None,
        typer.Option(
            "--quantization",
            metavar="float16|dynamic|int8",
            help="Which quantisation of the base.",
        ),
    ] = None,
    representative: Annotated[
        Path | None,
        typer.Option(
            "--representative",
            metavar="PATH",
            help="For int8: folder of images, or .npy of windows, to find ranges with.",
        ),
    ] = None,
    allow_difference: Annotated[
        float | None,
        typer.Option(
            *both("allow_difference"),
            metavar="SHARE",
            help="How far the quantised base may be off; 0.35 of its size for 8 bits.",
        ),
    ] = None,
    head_softmax: Annotated[
        bool, typer.Option(*both("head_softmax"), help="Head: one dense layer and a softmax.")
    ] = False,
    head_hidden: Annotated[
        str | None,
        typer.Option(
            *both("head_hidden"), metavar="N,...", help="Head: hidden ReLU layers of N units."
        ),
    ] = None,
    head_model_dir: Annotated[
        Path | None,
        typer.Option(
            *both("head_model_dir"),
            metavar="PATH",
            help="Head: a Keras model as SavedModel directory, .keras or .h5 file.",
        ),
    ] = None,
    head_l1_reg: Annotated[
        float | None,
        typer.Option(*both("head_l1_reg"), help="L1 penalty on the head's weights."),
    ] = None,
    head_l2_reg: Annotated[
        float | None,
        typer.Option(*both("head_l2_reg"), help="L2 penalty on the head's weights."),
    ] = None,
    head_dropout: Annotated[
        float | None,
        typer.Option(*both("head_dropout"), help="Dropout after each hidden layer."),
    ] = None,
    num_classes: Annotated[
        int | None,
        typer.Option(
            *both("num_classes"),
            min=2,
            help="Classes that a head from a file must have; the file takes any number.",
        ),
    ] = None,
    train_batch_size: Annotated[
        int,
        typer.Option(
            *both("train_batch_size"), min=1, help="Batch size to suggest; the file takes any."
        ),
    ] = 20,
    optimizer: Annotated[
        str, typer.Option("--optimizer", metavar="sgd|momentum|adam", help="How to learn.")
    ] = "sgd",
    learning_rate: Annotated[
        float | None,
        typer.Option(*both("learning_rate"), help="Rate to suggest; it is also an input."),
    ] = None,
    sgd_learning_rate: Annotated[
        float | None,
        typer.Option(*both("sgd_learning_rate"), help="The same, by its name of 2019."),
    ] = None,
    momentum: Annotated[
        float | None, typer.Option("--momentum", help="Of momentum; 0.9 by default.")
    ] = None,
    adam_beta_1: Annotated[
        float | None, typer.Option(*both("adam_beta_1"), help="Of Adam; 0.9 by default.")
    ] = None,
    adam_beta_2: Annotated[
        float | None, typer.Option(*both("adam_beta_2"), help="Of Adam; 0.999 by default.")
    ] = None,
    adam_epsilon: Annotated[
        float | None, typer.Option(*both("adam_epsilon"), help="Of Adam; 1e-7 by default.")
    ] = None,
) -> None:
    """Base, head and optimiser become one trainable .tflite.

    The options of the converter of 2019 keep their names.
    """
    options = Options(
        out=out_model_dir,
        mobilenet=base_mobilenetv2,
        application=base_application,
        base_path=base_model_dir,
        harpi=base_harpi,
        weights=base_weights,
        image_size=image_size,
        input_range=input_range,
        preprocess=preprocess,
        name=base_name,
        version=base_version,
        alpha=alpha,
        cut=bottleneck_layer,
        labels=base_labels,
        rate=rate,
        length=window_length,
        axes=axes,
        accel_unit=accel_unit,
        gyro_unit=gyro_unit,
        vector=vector,
        allow_difference=allow_difference,
        quantize=base_quantize,
        quantization=quantization,
        representative=representative,
        softmax=head_softmax,
        hidden=head_hidden,
        head_path=head_model_dir,
        l1=head_l1_reg,
        l2=head_l2_reg,
        dropout=head_dropout,
        classes=num_classes,
        batch_size=train_batch_size,
        optimizer=optimizer,
        learning_rate=learning_rate,
        sgd_learning_rate=sgd_learning_rate,
        momentum=momentum,
        beta_1=adam_beta_1,
        beta_2=adam_beta_2,
        epsilon=adam_epsilon,
    )
    options.check()

    from harpi_models.backend import require_tensorflow
    from harpi_models.output import require_writable

    if out_model_dir is not None:
        require_writable(out_model_dir)

    require_tensorflow()
    from harpi_models.assembly import convert_with

    path = convert_with(options, progress=typer.echo)
    typer.echo(f"written: {path}")
