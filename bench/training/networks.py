"""The networks of the training benchmark, written as .keras files: LeNet-300-100, LeNet-5, a residual network, an LSTM over the rows of an image, and a tiny one."""

import sys

import keras
from keras import layers


def lenet_300_100():
    return keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(300, "relu"), layers.Dense(100, "relu"), layers.Dense(10, "softmax")], name="lenet_300_100")


def lenet_5():
    """Caffe's: 20 and 50 filters, 500 units."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(20, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(50, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(500, "relu"),
            layers.Dense(10, "softmax"),
        ],
        name="lenet_5",
    )


def residual(widths=(16, 32, 64), shape=(32, 32, 3)):
    """Two blocks of each width."""
    inputs = keras.Input(shape)
    x = layers.Conv2D(widths[0], 3, padding="same", use_bias=False)(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    for filters in widths:
        for block in range(2):
            strides = 2 if filters > widths[0] and block == 0 else 1
            y = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
            y = layers.ReLU()(layers.BatchNormalization()(y))
            y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
            y = layers.BatchNormalization()(y)
            if strides == 2:
                x = layers.BatchNormalization()(layers.Conv2D(filters, 1, strides=2, use_bias=False)(x))
            x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10, "softmax")(x), name="residual")


def lstm():
    return keras.Sequential([keras.Input((28, 28)), layers.LSTM(64), layers.Dense(10, "softmax")], name="lstm")


def tiny():
    """So little to compute that a step costs what any step costs."""
    return keras.Sequential([keras.Input((8,)), layers.Dense(2, "softmax")], name="tiny")


NETWORKS = {network.__name__: network for network in (lenet_300_100, lenet_5, residual, lstm, tiny)}

if __name__ == "__main__":
    for name, network in NETWORKS.items():
        keras.utils.set_random_seed(0)
        network().save(f"{sys.argv[1]}/{name}.keras")
