"""A LeNet of other widths, untrained: lenet.py '{network, widths, seed, file}'."""

import json
import sys

import keras
from keras import layers

order = json.loads(sys.argv[1])
keras.utils.set_random_seed(order["seed"])
first, *others = order["widths"]
if order["network"] == "lenet_5":
    second, units = others
    body = [layers.Conv2D(first, 5, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(second, 5, activation="relu"), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(units, "relu")]
else:
    body = [layers.Flatten(), *(layers.Dense(width, "relu") for width in order["widths"])]
keras.Sequential([keras.Input((28, 28, 1)), *body, layers.Dense(10, "softmax")], name=order["network"]).save(order["file"])
print(json.dumps({"file": order["file"]}))
