"""Trains the dense networks that every pruning method of a benchmark begins from, with stock Keras: dense.py '{network, data, epochs, seeds, out}'.

Writes <out>/<network>_<seed>.keras and .npz (one array a weight, in Keras' order); prints {seed: {selection, test}}: errors from 0 to 1. What is there stays.
"""

import json
import os
import sys

import keras
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "training"))
from data import load  # noqa: E402
from networks import NETWORKS, residual  # noqa: E402

NETWORKS = {**NETWORKS, "residual_8_16_32": lambda: residual((8, 16, 32), (28, 28, 1))}

order = json.loads(sys.argv[1])
splits = load(order["data"])
errors = {}
for seed in order["seeds"]:
    file = f"{order['out']}/{order['network']}_{seed}.keras"
    if os.path.exists(file):
        model = keras.saving.load_model(file)
    else:
        keras.utils.set_random_seed(seed)
        model = NETWORKS[order["network"]]()
        model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(*splits["train"], batch_size=128, epochs=order["epochs"], verbose=0)
        np.savez(file.replace(".keras", ".npz"), *model.get_weights())
        model.save(file)
    errors[seed] = {split: 1 - model.evaluate(*splits[split], batch_size=1000, verbose=0)[1] for split in ("selection", "test")}
print(json.dumps(errors))
