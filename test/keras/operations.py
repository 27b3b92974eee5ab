"""Small nets of every operation of keras.ops that is run: what stock Keras computes, and its gradients.

run({"folder"}) saves each as <name>.keras and answers, by name, input, direction and, outside training (where operations do the same), output and the
gradients of sum(output · direction) with respect to the input.
"""

import pathlib

import keras
import numpy as np
import tensorflow as tf

L = keras.layers
ops = keras.ops

ANY = ["abs", "absolute", "arcsinh", "arctan", "ceil", "celu", "copy", "cos", "cosh", "elu", "erf", "exp", "exp2", "expm1", "floor", "gelu"]
ANY += ["hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu", "log_sigmoid", "negative", "ones_like", "relu", "relu6", "round"]
ANY += ["selu", "sigmoid", "sign", "silu", "sin", "sinh", "soft_shrink", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "square"]
ANY += ["squareplus", "stop_gradient", "tan", "tanh", "tanh_shrink", "trunc", "zeros_like"]
POSITIVE = ["log", "log10", "log1p", "log2", "reciprocal", "rsqrt", "sqrt"]
BELOW_ONE = ["arccos", "arcsin", "arctanh"]
BINARY = ["add", "subtract", "multiply", "maximum", "minimum", "arctan2"]
DIVISIONS = ["divide", "true_divide", "divide_no_nan", "floor_divide", "mod"]
COMPARISONS = ["equal", "not_equal", "greater", "greater_equal", "less", "less_equal"]
REDUCTIONS = ["mean", "sum", "max", "min", "amax", "amin", "prod", "std", "var", "logsumexp"]
VECTOR = np.array([0.5, -1.0, 2.0], "float32")


def floats(y):
    return ops.cast(y, "float32")


def positive(x):
    return ops.add(ops.multiply(x, x), 0.3)


def joined(parts):
    return ops.concatenate([ops.reshape(part, (-1, int(np.prod(part.shape[1:])))) for part in parts], axis=-1)


def functions():
    """By name: the shape of a sample, and what is made of it."""
    for name in ANY:
        yield name, (4, 3), getattr(ops, name)
    for name in POSITIVE:
        yield name, (4, 3), lambda x, name=name: getattr(ops, name)(positive(x))
    for name in BELOW_ONE:
        yield name, (4, 3), lambda x, name=name: getattr(ops, name)(ops.multiply(ops.tanh(x), 0.9))
    yield "arccosh", (4, 3), lambda x: ops.arccosh(ops.add(positive(x), 1.0))
    yield "elu_alpha", (4, 3), lambda x: ops.elu(x, alpha=0.4)
    yield "gelu_exact", (4, 3), lambda x: ops.gelu(x, approximate=False)
    yield "leaky_relu_slope", (4, 3), lambda x: ops.leaky_relu(x, negative_slope=0.3)
    yield "threshold", (4, 3), lambda x: ops.threshold(x, 0.2, -0.5)
    yield "squareplus_b", (4, 3), lambda x: ops.squareplus(x, b=2)
    yield "clip", (4, 3), lambda x: ops.clip(x, -0.5, 0.8)
    yield "cast_whole", (4, 3), lambda x: ops.add(floats(ops.cast(ops.multiply(x, 3), "int32")), x)
    yield "cast_bool", (4, 3), lambda x: floats(ops.cast(ops.relu(x), "bool"))
    yield "convert", (4, 3), lambda x: ops.convert_to_tensor(x, dtype="float32")
    for name in BINARY:
        operation = getattr(ops, name)
        yield f"{name}_both", (4, 3), lambda x, o=operation: o(x, ops.sin(x))
        yield f"{name}_stretched", (4, 3), lambda x, o=operation: o(x, ops.mean(x, axis=1, keepdims=True))
        yield f"{name}_number", (4, 3), lambda x, o=operation: o(0.3, x)
        yield f"{name}_array", (4, 3), lambda x, o=operation: o(x, VECTOR)
    for name in DIVISIONS:
        operation = getattr(ops, name)
        yield f"{name}_both", (4, 3), lambda x, o=operation: o(x, positive(x))
        yield f"{name}_number", (4, 3), lambda x, o=operation: o(x, 0.7)
        yield f"{name}_array", (4, 3), lambda x, o=operation: o(x, VECTOR)
    yield "divide_no_nan_zero", (4, 3), lambda x: ops.divide_no_nan(x, ops.relu(x))
    yield "power_number", (4, 3), lambda x: ops.power(x, 2)
    yield "power_both", (4, 3), lambda x: ops.power(positive(x), x)
    yield "power_of", (4, 3), lambda x: ops.power(2.0, x)
    for name in COMPARISONS:
        yield name, (4, 3), lambda x, name=name: ops.multiply(floats(getattr(ops, name)(ops.round(x), 1.0)), x)
    for name in ("logical_and", "logical_or", "logical_xor"):
        yield name, (4, 3), lambda x, name=name: floats(getattr(ops, name)(ops.greater(x, 0.0), ops.less(x, 0.5)))
    yield "logical_not", (4, 3), lambda x: ops.where(ops.logical_not(ops.greater(x, 0.0)), x, ops.multiply(x, 3))
    yield "where_number", (4, 3), lambda x: ops.where(ops.greater(x, 0.0), x, 0.25)
    yield "where_stretched", (4, 3), lambda x: ops.where(ops.greater(x, 0.0), ops.mean(x, axis=2, keepdims=True), VECTOR)
    for name in REDUCTIONS:
        for what, options in {"places": {"axis": 1}, "channels": {"axis": -1, "keepdims": True}, "several": {"axis": (1, 2)}}.items():
            yield f"{name}_{what}", (2, 4, 3), lambda x, name=name, options=options: getattr(ops, name)(x, **options)
    for name in ("any", "all"):
        yield name, (4, 3), lambda x, name=name: floats(getattr(ops, name)(ops.greater(x, 0.0), axis=1))
    for name in ("argmax", "argmin"):
        yield name, (4, 3), lambda x, name=name: floats(getattr(ops, name)(x, axis=1))
        yield f"{name}_kept", (4, 3), lambda x, name=name: ops.multiply(floats(getattr(ops, name)(x, axis=-1, keepdims=True)), x)
    yield "expand_dims", (4, 3), lambda x: ops.expand_dims(x, (1, -1))
    yield "squeeze", (1, 4, 1, 3), lambda x: ops.squeeze(x, axis=(1, 3))
    yield "reshape", (4, 3), lambda x: ops.reshape(x, (-1, 2, 6))
    yield "transpose", (2, 4, 3), lambda x: ops.transpose(x, (0, 3, 1, 2))
    yield "swapaxes", (2, 4, 3), lambda x: ops.swapaxes(x, 1, -1)
    yield "moveaxis", (2, 4, 3), lambda x: ops.moveaxis(x, (1, -1), (2, 1))
    yield "concatenate", (4, 3), lambda x: ops.concatenate([x, ops.sin(x)], axis=1)
    yield "stack", (4, 3), lambda x: ops.stack([x, ops.sin(x), ops.cos(x)], axis=2)
    yield "split", (4, 6), lambda x: joined([ops.sin(part) for part in ops.split(x, 3, axis=-1)][::-1])
    yield "split_places", (5, 3), lambda x: joined(ops.split(x, [1, 4], axis=1)[::-1])
    yield "unstack", (4, 3), lambda x: joined(ops.unstack(x, axis=1)[::-1])
    yield "repeat", (4, 3), lambda x: ops.repeat(x, 3, axis=1)
    yield "tile", (4, 3), lambda x: ops.tile(x, (1, 2, 3))
    yield "flip", (4, 3), lambda x: ops.flip(x, axis=1)
    yield "flip_several", (4, 3), lambda x: ops.flip(x, axis=(1, 2))
    yield "index", (4, 3), lambda x: x[:, 1]
    yield "index_last", (4, 3), lambda x: x[..., -1]
    yield "index_range", (6, 3), lambda x: x[:, 1:5:2, None, :]
    yield "index_back", (6, 3), lambda x: x[:, ::-2]
    yield "index_middle", (6, 3, 2), lambda x: x[:, 2:-1, ..., 0]
    yield "take", (5, 3), lambda x: ops.take(x, np.array([[0, 4], [2, -1]]), axis=1)
    yield "take_one", (5, 3), lambda x: ops.take(x, 2, axis=1)
    yield "pad", (4, 3), lambda x: ops.pad(x, ((0, 0), (1, 2), (0, 1)), constant_values=0.5)
    yield "pad_reflect", (4, 3), lambda x: ops.pad(x, ((0, 0), (2, 1), (0, 0)), mode="reflect")
    yield "pad_symmetric", (4, 3), lambda x: ops.pad(x, ((0, 0), (2, 1), (1, 0)), mode="symmetric")
    yield "one_hot", (4,), lambda x: ops.one_hot(ops.cast(ops.abs(ops.round(x)), "int32"), 4)
    yield "top_k", (4, 5), lambda x: ops.concatenate([ops.top_k(x, 3)[0], floats(ops.top_k(x, 2)[1])], axis=-1)
    yield "cumsum", (4, 3), lambda x: ops.cumsum(x, axis=1)
    yield "softmax", (4, 3), lambda x: ops.softmax(x)
    yield "softmax_places", (4, 3), lambda x: ops.softmax(x, axis=1)
    yield "log_softmax", (4, 3), lambda x: ops.log_softmax(x, axis=1)
    yield "normalize", (4, 3), lambda x: ops.normalize(x)
    yield "normalize_places", (4, 3), lambda x: ops.normalize(x, axis=1)
    yield "matmul", (4, 3), lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1)))
    yield "matmul_heads", (2, 4, 3), lambda x: ops.matmul(ops.transpose(x, (0, 1, 3, 2)), ops.sin(x))
    yield "matmul_array", (4, 3), lambda x: ops.matmul(x, np.outer(VECTOR, [1.0, -2.0]).astype("float32"))
    yield "matmul_vector", (4, 3), lambda x: ops.matmul(x, VECTOR)
    yield "dot", (4, 3), lambda x: ops.dot(x, np.outer(VECTOR, [1.0, -2.0]).astype("float32"))
    yield "einsum", (4, 3), lambda x: ops.einsum("btc,bsc->bts", x, ops.sin(x))
    yield "einsum_array", (4, 3), lambda x: ops.einsum("btc,cd->bdt", x, np.outer(VECTOR, [1.0, -2.0]).astype("float32"))
    yield "max_pool", (6, 5, 2), lambda x: ops.max_pool(x, 2, strides=2, padding="same", data_format="channels_last")
    yield "average_pool", (6, 2), lambda x: ops.average_pool(x, 3, strides=1, data_format="channels_last")
    yield "resize", (4, 3, 2), lambda x: ops.image.resize(x, (6, 5), data_format="channels_last")
    yield "resize_nearest", (4, 3, 2), lambda x: ops.image.resize(x, (3, 7), interpolation="nearest", data_format="channels_last")


def run(args):
    folder = pathlib.Path(args["folder"])
    answers = {}
    for seed, (name, shape, function) in enumerate(functions()):
        x = keras.Input(shape, name="x")
        y = function(x)
        model = keras.Model(x, y)
        model.save(folder / f"{name}.keras")
        random = np.random.default_rng(seed)
        given = tf.constant(random.standard_normal((4, *shape)).astype("float32"))
        with tf.GradientTape() as tape:
            tape.watch(given)
            made = model(given, training=False)
            direction = random.standard_normal(made.shape).astype("float32")
            total = tf.reduce_sum(made * direction)
        dx = tape.gradient(total, given)
        dx = tf.zeros_like(given) if dx is None else tf.convert_to_tensor(dx)
        answers[name] = {"x": given, "direction": direction, "y": made, "dx": dx}
    return answers
