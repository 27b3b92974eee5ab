"""Trains LeNet-5 on MNIST with stock Keras: keras_lenet_5.py <folder of MNIST> <epochs> <seeds> <out folder>. Prints {seed: test error} as JSON.

Each seed's untrained model is written to the out folder first, for others to begin from the same weights. The first 55,000 training images are trained on.
"""

import gzip
import json
import os
import sys

import keras
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "training"))
from networks import lenet_5  # noqa: E402

folder, epochs, seeds, out = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]


def idx(name, head):
    path = os.path.join(folder, name)
    data = open(path, "rb").read()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    return np.frombuffer(data, np.uint8, offset=head)


x = idx("train-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1)[:55000].astype("float32") / 255
y = idx("train-labels-idx1-ubyte", 8)[:55000]
x_test = idx("t10k-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1).astype("float32") / 255
y_test = idx("t10k-labels-idx1-ubyte", 8)
errors = {}
for seed in range(seeds):
    keras.utils.set_random_seed(seed)
    model = lenet_5()
    model.save(f"{out}/lenet_5_{seed}.keras")
    model.compile(keras.optimizers.Adam(1e-3, global_clipnorm=1.0), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=128, epochs=epochs, verbose=0)
    errors[seed] = 1 - model.evaluate(x_test, y_test, batch_size=1000, verbose=0)[1]
print(json.dumps(errors))
