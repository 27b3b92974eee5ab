"""MNIST and Fashion-MNIST as the peers of the pruning benchmarks read them, from a folder of IDX files."""

import numpy as np


def idx(path, head):
    with open(path, "rb") as file:
        return np.frombuffer(file.read(), np.uint8, offset=head)


def images(folder, part):
    return idx(f"{folder}/{part}-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1).astype("float32") / 255


def labels(folder, part):
    return idx(f"{folder}/{part}-labels-idx1-ubyte", 8).astype("int32")


def load(folder):
    """{split: (x float32 [n, 28, 28, 1] in 0 to 1, y int32 [n])}; the last 5,000 training images are the selection split."""
    x, y = images(folder, "train"), labels(folder, "train")
    return {"train": (x[:-5000], y[:-5000]), "selection": (x[-5000:], y[-5000:]), "test": (images(folder, "t10k"), labels(folder, "t10k"))}
