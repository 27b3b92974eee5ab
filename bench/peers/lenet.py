"""A LeNet of other widths, untrained: lenet.py '{network, widths, dropout, seed, file}'."""

import json
import sys

import keras
from keras import layers

order = json.loads(sys.argv[1])
keras.utils.set_random_seed(order["seed"])
widths, rate = order["widths"], order["dropout"]


def dense(width):
    return [layers.Dense(width, "relu"), *([layers.Dropout(rate)] if rate > 0 else [])]


if order["network"] == "lenet_5":
    first, second, units = widths
    windows = [layers.Conv2D(first, 5, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(second, 5, activation="relu"), layers.MaxPooling2D()]
    body = [*windows, layers.Flatten(), *dense(units)]
else:
    body = [layers.Flatten(), *(layer for width in widths for layer in dense(width))]
keras.Sequential([keras.Input((28, 28, 1)), *body, layers.Dense(10, "softmax")]).save(order["file"])
print(json.dumps({"file": order["file"]}))
