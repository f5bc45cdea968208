"""The operators, each a function of arrays; their meaning is that of TensorFlow Lite.

An operator gets its options, its inputs (None for one that is left out) and the type of its
output. Images are ``[N, height, width, channels]``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from harpi.recognition.numpy_runtime.graph import Array, Options, Unsupported

Inputs = Sequence[Any]
"""Arrays; None for one that is left out."""

Function = Callable[[Options, Inputs, "np.dtype[Any]"], Array]

_SAME: Final = 0  # Padding
_NONE, _RELU = 0, 1  # ActivationFunctionType


def _activate(values: Array, kind: int) -> Array:
    """Apply the activation that is fused into an operator."""
    if kind == _NONE:
        return values
    if kind == _RELU:
        return np.maximum(values, np.float32(0))
    raise Unsupported(f"the fused activation number {kind}")


def _binary(function: Callable[[Array, Array], Array]) -> Function:
    """An operator of two arrays; its activation is in the first field."""

    def operator(options: Options, inputs: Inputs, _: np.dtype[Any]) -> Array:
        left, right = inputs
        return _activate(function(left, right), options.enum(0))

    return operator


def _compare(function: Callable[[Array, Array], Array]) -> Function:
    return lambda _options, inputs, _: function(inputs[0], inputs[1])


def _unary(function: Callable[[Array], Array]) -> Function:
    return lambda _options, inputs, _: function(inputs[0])


def _reduce(function: Callable[..., Array]) -> Function:
    def operator(options: Options, inputs: Inputs, _: np.dtype[Any]) -> Array:
        values, axes = inputs
        chosen = tuple(int(axis) for axis in np.atleast_1d(axes))
        return function(values, axis=chosen, keepdims=options.flag(0))

    return operator


def _padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Zeros before and after, so that SAME gives ceil(size / stride) outputs."""
    reach = (kernel - 1) * dilation + 1
    missing = max(0, (-(-size // stride) - 1) * stride + reach - size)
    return missing // 2, missing - missing // 2


def _taps(
    image: Array, kernel: tuple[int, int], strides: tuple[int, int], dilations: tuple[int, int]
) -> Array:
    """What a kernel sees at each place, as a view ``[N, OH, OW, KH, KW, C]``."""
    n, height, width, channels = image.shape
    s_n, s_h, s_w, s_c = image.strides
    out = tuple(
        (size - (k - 1) * dilation - 1) // stride + 1
        for size, k, stride, dilation in zip(
            (height, width), kernel, strides, dilations, strict=True
        )
    )
    return np.lib.stride_tricks.as_strided(
        image,
        (n, *out, *kernel, channels),
        (
            s_n,
            s_h * strides[0],
            s_w * strides[1],
            s_h * dilations[0],
            s_w * dilations[1],
            s_c,
        ),
        writeable=False,
    )


def _padded(
    image: Array,
    kernel: tuple[int, int],
    strides: tuple[int, int],
    dilations: tuple[int, int],
    padding: int,
) -> Array:
    if padding != _SAME:
        return image
    rows, columns = (
        _padding(*sizes)
        for sizes in zip(image.shape[1:3], kernel, strides, dilations, strict=True)
    )
    if not any((*rows, *columns)):
        return image
    return np.pad(image, ((0, 0), rows, columns, (0, 0)))


def _convolution(options: Options, inputs: Inputs, _: np.dtype[Any]) -> Array:
    """CONV_2D; weights ``[O, KH, KW, C]``."""
    image, weights, bias = inputs
    kernel = weights.shape[1:3]
    strides = (options.integer(2), options.integer(1))
    dilations = (options.integer(5, 1), options.integer(4, 1))
    image = _padded(image, kernel, strides, dilations, options.enum(0))
    taps = _taps(image, kernel, strides, dilations)
    rows = taps.reshape(-1, weights[0].size) @ weights.reshape(len(weights), -1).T
    values = rows.reshape(*taps.shape[:3], len(weights))
    return _activate(values if bias is None else values + bias, options.enum(3))


def _depthwise(options: Options, inputs: Inputs, _: np.dtype[Any]) -> Array:
    """DEPTHWISE_CONV_2D, one filter for each channel; weights ``[1, KH, KW, C]``."""
    image, weights, bias = inputs
    if weights.shape[3] != image.shape[3]:
        raise Unsupported("more than one filter for each channel")
    kernel = weights.shape[1:3]
    strides = (options.integer(2), options.integer(1))
    dilations = (options.integer(6, 1), options.integer(5, 1))
    image = _padded(image, kernel, strides, dilations, options.enum(0))
    taps = _taps(image, kernel, strides, dilations)
    values = np.zeros((*taps.shape[:3], image.shape[3]), np.float32)
    for row in range(kernel[0]):
        for column in range(kernel[1]):
            values += taps[:, :, :, row, column] * weights[0, row, column]
    return _activate(values if bias is None else values + bias, options.enum(4))


def _average_pool(options: Options, inputs: Inputs, _: np.dtype[Any]) -> Array:
    """AVERAGE_POOL_2D, without padding."""
    (image,) = inputs
    kernel = (options.integer(4), options.integer(3))
    if options.enum(0) == _SAME and kernel != (1, 1):
        raise Unsupported("an average over what is padded")
    taps = _taps(image, kernel, (options.integer(2), options.integer(1)), (1, 1))
    return _activate(taps.mean(axis=(3, 4)), options.enum(5))


def _fully_connected(options: Options, inputs: Inputs, _: np.dtype[Any]) -> Array:
    """FULLY_CONNECTED; weights ``[O, I]``."""
    values, weights, bias = inputs
    if options.flag(2):
        raise Unsupported("a dense layer that keeps more dimensions than two")
    rows = values.reshape(-1, weights.shape[1]) @ weights.T
    return _activate(rows if bias is None else rows + bias, options.enum(0))


def _batch_matmul(options: Options, inputs: Inputs, _: np.dtype[Any]) -> Array:
    left, right = inputs
    left = np.swapaxes(left, -1, -2) if options.flag(0) else left
    right = np.swapaxes(right, -1, -2) if options.flag(1) else right
    return np.asarray(left @ right)


def _concatenation(options: Options, inputs: Inputs, _: np.dtype[Any]) -> Array:
    return _activate(np.concatenate(inputs, axis=options.integer(0)), options.enum(1))


def _strided_slice(options: Options, inputs: Inputs, _: np.dtype[Any]) -> Array:
    values, begins, ends, strides = inputs
    if options.integer(2) or options.integer(3) or options.flag(5):
        raise Unsupported("a slice with an ellipsis, a new axis or an offset")
    cut: list[slice | int] = []
    for axis, (begin, end, stride) in enumerate(zip(begins, ends, strides, strict=True)):
        bit = 1 << axis
        if options.integer(4) & bit:
            cut.append(int(begin))
            continue
        first = None if options.integer(0) & bit else int(begin)
        last = None if options.integer(1) & bit else int(end)
        cut.append(slice(first, last, int(stride)))
    return np.asarray(values[tuple(cut)])


def _softmax(options: Options, inputs: Inputs, _: np.dtype[Any]) -> Array:
    scaled = inputs[0] * np.float32(options.real(0))
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _log_softmax(_: Options, inputs: Inputs, __: np.dtype[Any]) -> Array:
    centred = inputs[0] - inputs[0].max(axis=-1, keepdims=True)
    return np.asarray(centred - np.log(np.exp(centred).sum(axis=-1, keepdims=True)))


def _expand_dims(_: Options, inputs: Inputs, __: np.dtype[Any]) -> Array:
    values, axis = inputs
    return np.expand_dims(values, int(axis.reshape(-1)[0]))


def _pack(options: Options, inputs: Inputs, _: np.dtype[Any]) -> Array:
    return np.stack(inputs, axis=options.integer(1))


def _reshape(_: Options, inputs: Inputs, __: np.dtype[Any]) -> Array:
    values, shape = inputs
    return np.asarray(values.reshape(tuple(int(size) for size in shape)))


def _fill(_: Options, inputs: Inputs, __: np.dtype[Any]) -> Array:
    sizes, value = inputs
    return np.full(tuple(int(size) for size in sizes), value, value.dtype)


def _select(_: Options, inputs: Inputs, __: np.dtype[Any]) -> Array:
    condition, this, other = inputs
    return np.asarray(np.where(condition, this, other))


def _cast(_: Options, inputs: Inputs, dtype: np.dtype[Any]) -> Array:
    """CAST, and DEQUANTIZE of float16."""
    return np.asarray(inputs[0].astype(dtype))


def _shape(_: Options, inputs: Inputs, dtype: np.dtype[Any]) -> Array:
    return np.array(inputs[0].shape, dtype)


def _dequantize(options: Options, inputs: Inputs, dtype: np.dtype[Any]) -> Array:
    if inputs[0].dtype != np.float16:
        raise Unsupported(f"weights or values of the type {inputs[0].dtype}")
    return _cast(options, inputs, dtype)


def _relu(values: Array) -> Array:
    return np.maximum(values, np.float32(0))


def _rsqrt(values: Array) -> Array:
    return np.asarray(np.float32(1) / np.sqrt(values))


FUNCTIONS: Final[dict[int, tuple[str, Function]]] = {
    0: ("ADD", _binary(np.add)),
    1: ("AVERAGE_POOL_2D", _average_pool),
    2: ("CONCATENATION", _concatenation),
    3: ("CONV_2D", _convolution),
    4: ("DEPTHWISE_CONV_2D", _depthwise),
    6: ("DEQUANTIZE", _dequantize),
    9: ("FULLY_CONNECTED", _fully_connected),
    18: ("MUL", _binary(np.multiply)),
    19: ("RELU", _unary(_relu)),
    22: ("RESHAPE", _reshape),
    25: ("SOFTMAX", _softmax),
    40: ("MEAN", _reduce(np.mean)),
    41: ("SUB", _binary(np.subtract)),
    42: ("DIV", _binary(np.divide)),
    45: ("STRIDED_SLICE", _strided_slice),
    50: ("LOG_SOFTMAX", _log_softmax),
    53: ("CAST", _cast),
    59: ("NEG", _unary(np.negative)),
    61: ("GREATER", _compare(np.greater)),
    62: ("GREATER_EQUAL", _compare(np.greater_equal)),
    70: ("EXPAND_DIMS", _expand_dims),
    74: ("SUM", _reduce(np.sum)),
    75: ("SQRT", _unary(np.sqrt)),
    76: ("RSQRT", _unary(_rsqrt)),
    77: ("SHAPE", _shape),
    78: ("POW", _compare(np.power)),
    82: ("REDUCE_MAX", _reduce(np.max)),
    83: ("PACK", _pack),
    94: ("FILL", _fill),
    123: ("SELECT_V2", _select),
    126: ("BATCH_MATMUL", _batch_matmul),
}
"""Name and function of each operator, by its number in BuiltinOperator."""
