"""Untrained networks of bench/compensation.ts: python networks.py FOLDER SEEDS writes lenet-SEED.keras and residual-SEED.keras."""

import sys

import keras

L = keras.layers


def lenet():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            L.Conv2D(20, 5, activation="relu"),
            L.MaxPooling2D(2),
            L.Conv2D(50, 5, activation="relu"),
            L.MaxPooling2D(2),
            L.Flatten(),
            L.Dense(128, activation="relu"),
            L.Dense(10, activation="softmax"),
        ]
    )


def residual():
    x = keras.Input((28, 28, 1))
    y = L.ReLU()(L.BatchNormalization()(L.Conv2D(8, 3, padding="same", use_bias=False)(x)))
    for filters, strides in ((8, 1), (16, 2), (32, 2)):
        z = L.ReLU()(L.BatchNormalization()(L.Conv2D(filters, 3, strides, padding="same", use_bias=False)(y)))
        z = L.BatchNormalization()(L.Conv2D(filters, 3, padding="same", use_bias=False)(z))
        if y.shape[-1] != filters:
            y = L.BatchNormalization()(L.Conv2D(filters, 1, strides, use_bias=False)(y))
        y = L.ReLU()(L.Add()([y, z]))
    return keras.Model(x, L.Dense(10, activation="softmax")(L.GlobalAveragePooling2D()(y)))


for seed in range(int(sys.argv[2])):
    for build in (lenet, residual):
        keras.utils.set_random_seed(seed)
        build().save(f"{sys.argv[1]}/{build.__name__}-{seed}.keras")
