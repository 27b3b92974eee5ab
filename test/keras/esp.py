"""Decodes an `.esp` file with the decoder for Python: run({"path"}) answers the weights, and what the model makes of `x` with them."""

import os
import sys

import keras

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../clients/python"))
from espalier.esp import read  # noqa: E402


def run(args):
    text, weights = read(args["path"])
    model = keras.saving.deserialize_keras_object(text["config"])
    model.set_weights(weights)
    return {"weights": weights, "y": model(args["x"], training=False)}
