"""The removal proof in stock Keras in float64, which knows nothing of how the service follows channels.

run([{"original", "own", "inside", "x", "smaller": [paths]}]) answers, for each case and each smaller file, the largest difference of its outputs from the
original's with the removed units silenced, relative to the largest output. `own` has by layer the indices of removed units on the last axis of what it
makes, `inside` by layer and axis those on axes inside it. The files' configs say float64 everywhere; Keras casts the float32 weights as it loads them.

Every sample runs twice in one batch. Where a layer makes removed units the second half gets other numbers, so that wherever the halves differ removed
channels pass, however they were reshaped, joined and summed on their way. What differs is set to zero in front of every layer that mixes channels, and left
out of the statistics of normalisations and the sums of softmaxes. What a layer keeps to itself is silenced by weights of its own: rows that a step of a
recurrence reads again, what heads give to the output, what dimensions of keys give to the scores.
"""

import keras
import numpy as np
from keras import ops

MIXING = (
    "Dense EinsumDense Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose SeparableConv1D SeparableConv2D SimpleRNN LSTM GRU RNN "
    "Bidirectional ConvLSTM2D MultiHeadAttention GroupedQueryAttention Dot"
).split()
random = np.random.default_rng(0)


def layers_of(model, prefix=""):
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from layers_of(layer, f"{prefix}{layer.name}/")
        else:
            yield f"{prefix}{layer.name}", layer


def passing(x):
    """1 for channels in which the halves agree everywhere but for rounding, else 0: [channels]."""
    first, second = np.split(np.asarray(x), 2)
    differs = np.abs(first - second) > 1e-9 * np.max(np.abs(first), initial=1)
    return 1.0 - np.any(differs, axis=tuple(range(first.ndim - 1)))


def disturbed(y, removed):
    """The second half with other numbers in these channels."""
    values = np.array(y)
    half = len(values) // 2
    shape = (*values.shape[1:-1], len(removed))
    values[half:, ..., removed] = values[half:, ..., removed] * random.uniform(1.5, 3, (half, *shape)) + random.normal(0, 3, (half, *shape))
    return ops.convert_to_tensor(values)


def kept_moments(x, left, axes):
    """Mean and mean square over these axes of the channels that are left."""
    left = np.broadcast_to(left, x.shape)
    count = np.sum(left, axes, keepdims=True)
    mean = np.sum(x * left, axes, keepdims=True) / count
    return mean, np.sum((x - mean) ** 2 * left, axes, keepdims=True) / count, np.sum(x**2 * left, axes, keepdims=True) / count


def normalised(layer, x):
    left = passing(x)
    x = np.asarray(x)
    name = type(layer).__name__
    if name == "UnitNormalization":
        return x / np.sqrt(np.sum((x * left) ** 2, -1, keepdims=True))
    if name == "RMSNormalization":
        return x / np.sqrt(kept_moments(x, left, -1)[2] + layer.epsilon) * np.asarray(layer.scale)
    if name == "LayerNormalization":
        mean, variance, _ = kept_moments(x, left, -1)
        return (x - mean) / np.sqrt(variance + layer.epsilon) * np.asarray(layer.gamma) + np.asarray(layer.beta)
    groups = layer.groups if layer.groups != -1 else x.shape[-1]
    shape = (len(x), -1, groups, x.shape[-1] // groups)
    # Where each channel is a group of its own nothing is left of a removed one to standardise.
    left = left if groups < x.shape[-1] else np.ones_like(left)
    mean, variance, _ = kept_moments(x.reshape(shape), np.broadcast_to(left, x.shape).reshape(shape), (1, 3))
    made = ((x.reshape(shape) - mean) / np.sqrt(variance + layer.epsilon)).reshape(x.shape)
    return made * np.asarray(layer.gamma) + np.asarray(layer.beta)


def softmax(x, left):
    powers = np.exp(np.asarray(x) - np.max(x, -1, keepdims=True))
    return ops.convert_to_tensor(powers / np.sum(powers * left, -1, keepdims=True))


def silence_inside(layer, inside):
    """Zeros in the weights of the layer itself, along axes as Keras' own sources have them."""

    def zero(variable, index):
        values = np.array(variable)
        values[index] = 0
        variable.assign(values)

    def recurrent(cell, removed):
        # Of a kernel [..., units, gates].
        zero(cell.recurrent_kernel, (..., removed, slice(None)))

    for axis, removed in inside.items():
        *folders, last = axis.split("/")
        if last == "units" and type(layer).__name__ == "Bidirectional":
            recurrent(getattr(layer, folders[0]).cell, removed)
        elif last == "units" and type(layer).__name__ == "RNN":
            cells = layer.cell.cells
            at = int(folders[-1].split("_")[-1]) if folders[-1][-1].isdigit() else 0
            recurrent(cells[at], removed)
            if at + 1 < len(cells):
                zero(cells[at + 1].kernel, (removed,))
        elif last == "units":
            recurrent(layer.cell, removed)
        elif last == "heads":
            repeats = getattr(layer, "num_repeats", 1)
            heads = [head * repeats + each for head in removed for each in range(repeats)]
            zero(layer._output_dense.kernel, (heads,))
        elif last == "value_dimensions":
            zero(layer._output_dense.kernel, (slice(None), removed))
        elif last == "key_dimensions":
            zero(layer._query_dense.kernel, (slice(None), slice(None), removed))
            zero(layer._query_dense.bias, (slice(None), removed))
        else:
            raise ValueError(f"{type(layer).__name__} has no {axis}")


def silenced(layer, own):
    """The layer's call, between what silences what it is given and what tells its removed units from the others."""
    name, call = type(layer).__name__, layer.call

    def run(*args, **kwargs):
        def quiet(value):
            return [quiet(each) for each in value] if isinstance(value, (list, tuple)) else value * passing(value)

        if (type(layer.layer).__name__ if name == "TimeDistributed" else name) in MIXING:
            args = [quiet(arg) if arg is not None and not isinstance(arg, bool) else arg for arg in args]
            if kwargs.get("initial_state") is not None:
                kwargs["initial_state"] = quiet(kwargs["initial_state"])
        if name == "Attention":
            # Scores mix the channels of query and key; each channel of the values stays one.
            query, value, *key = args[0]
            args = [[quiet(query), value, quiet(key[0] if key else value)], *args[1:]]
        if name in ("LayerNormalization", "RMSNormalization", "UnitNormalization", "GroupNormalization"):
            y = ops.convert_to_tensor(normalised(layer, args[0]))
        elif name == "Softmax":
            y = softmax(args[0], passing(args[0]))
        elif getattr(layer, "activation", None) is keras.activations.softmax:
            layer.activation = keras.activations.linear
            logits = call(*args, **kwargs)
            layer.activation = keras.activations.softmax
            y = softmax(logits, np.array([index not in own for index in range(logits.shape[-1])], "float64"))
        else:
            y = call(*args, **kwargs)
        return disturbed(y, own) if len(own) > 0 else y

    return run


def outputs(model, x):
    y = model(x if len(x) > 1 else x[0], training=False)
    return [np.asarray(output) for output in (y if isinstance(y, (list, tuple)) else [y])]


def load(path):
    model = keras.models.load_model(path)
    assert all(variable.dtype == "float64" for variable in model.weights), [v.path for v in model.weights if v.dtype != "float64"]
    return model


def differences(case):
    x = [array.astype("float64") for array in case["x"]]
    model = load(case["original"])
    for name, layer in layers_of(model):
        silence_inside(layer, case["inside"].get(name, {}))
        layer.call = silenced(layer, np.array(case["own"].get(name, []), int))
    halves = [np.split(output, 2) for output in outputs(model, [np.concatenate([array, array]) for array in x])]
    assert all(np.allclose(first, second, rtol=1e-10, atol=1e-10) for first, second in halves), "removed units reach an output"
    return [
        max(float(np.max(np.abs(a - b)) / np.max(np.abs(a))) for (a, _), b in zip(halves, outputs(load(path), x))) for path in case["smaller"]
    ]


def run(args):
    return [differences(case) for case in args]
