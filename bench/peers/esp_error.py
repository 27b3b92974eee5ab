"""The error of an .esp file, decoded by the decoder for Python, in stock Keras: esp_error.py '{file, split, data}'."""

import json
import os
import sys

import keras

HERE = os.path.dirname(__file__)
sys.path[:0] = [HERE, os.path.join(HERE, "../../clients/python")]
from data import load  # noqa: E402
from espalier import esp  # noqa: E402

order = json.loads(sys.argv[1])
text, weights = esp.read(order["file"])
model = keras.saving.deserialize_keras_object(text["config"])
model.set_weights(weights)
x, y = load(order["data"])[order["split"]]
wrong = (model.predict(x, batch_size=1000, verbose=0).argmax(axis=1) != y.reshape(-1)).sum()
print(json.dumps({"error": float(wrong) / len(x)}))
