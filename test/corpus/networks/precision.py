"""Half-precision policies: their weights and outputs are compared as far as half a float goes."""

import keras

from networks.network import L, Network, chain

# float16 has 11 bits of mantissa, bfloat16 8; Keras rounds every intermediate result to them and the service none.
TOLERANCES = {"mixed_float16": 1e-3, "float16": 1e-3, "mixed_bfloat16": 1e-2, "bfloat16": 1e-2, "float64": 1e-5}


def dense(policy):
    return chain((6,), L.Dense(8, activation="relu", dtype=policy), L.Dense(3, dtype=policy))


def convolutional(policy):
    layers = [L.Conv2D(4, 3, dtype=policy), L.BatchNormalization(dtype=policy), L.ReLU(dtype=policy)]
    return chain((6, 6, 2), *layers, L.GlobalAveragePooling2D(dtype=policy), L.Dense(3, dtype=policy))


def softmax_in_float32(policy):
    x = keras.Input((6,))
    y = L.Dense(8, activation="relu", dtype=policy)(x)
    return keras.Model(x, L.Dense(4, activation="softmax", dtype="float32")(y))


def recurrent(policy):
    return chain((5, 3), L.LSTM(4, recurrent_initializer="glorot_uniform", dtype=policy), L.Dense(2, dtype="float32"))


def networks():
    for policy, tolerance in TOLERANCES.items():
        for build in (dense, convolutional, softmax_in_float32, recurrent):
            yield Network(f"{policy}_{build.__name__}", build(policy), tolerance=tolerance, step=False)
