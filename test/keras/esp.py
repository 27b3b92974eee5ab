"""Decodes `.esp` files with the decoder for Python: run({"path", "x"}) answers the weights, and what the model makes of `x` with them; run({"damaged": [path]})
why each is refused."""

import os
import sys

import keras

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../clients/python"))
from espalier.esp import read  # noqa: E402


def refusal(path):
    try:
        read(path, most=2**20)
        return None
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def run(args):
    if "damaged" in args:
        return [refusal(path) for path in args["damaged"]]
    text, weights = read(args["path"])
    model = keras.saving.deserialize_keras_object(text["config"])
    model.set_weights(weights)
    return {"weights": weights, "y": model(args["x"], training=False)}
