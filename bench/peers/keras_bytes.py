"""What stock Keras makes of models as files: keras_bytes.py '{data, models, quantize, out}', models and quantize each {name: path}.

Prints {name: {bytes, gzip, test}} of each model as Keras saves it, and {name int8}, {name int4} of those that it quantises.
"""

import gzip
import json
import os
import sys

import keras

sys.path.insert(0, os.path.dirname(__file__))
from data import load  # noqa: E402

order = json.loads(sys.argv[1])
x, y = load(order["data"])["test"]


def saved(model, name):
    path = f"{order['out']}/{name.replace(' ', '-')}.keras"
    model.save(path)
    with open(path, "rb") as file:
        content = file.read()
    again = keras.saving.load_model(path)
    again.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    test = 1 - again.evaluate(x, y, batch_size=1000, verbose=0)[1]
    return {"bytes": len(content), "gzip": len(gzip.compress(content, 9)), "test": test}


def bare(path):
    """Without what it was compiled with, whose state would be in the file as well."""
    return keras.saving.load_model(path, compile=False)


answers = {}
for name, path in order["models"].items():
    answers[name] = saved(bare(path), name)
for name, path in order["quantize"].items():
    for mode in ("int8", "int4"):
        model = bare(path)
        model.quantize(mode)
        answers[f"{name} {mode}"] = saved(model, f"{name} {mode}")
print(json.dumps(answers))
