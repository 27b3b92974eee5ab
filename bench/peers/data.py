"""Images as the peers of the benchmarks read them: MNIST and Fashion-MNIST from a folder of IDX files, CIFAR-10 from a .npz."""

import numpy as np


def idx(path, head):
    with open(path, "rb") as file:
        return np.frombuffer(file.read(), np.uint8, offset=head)


def images(folder, part):
    return idx(f"{folder}/{part}-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1).astype("float32") / 255


def labels(folder, part):
    return idx(f"{folder}/{part}-labels-idx1-ubyte", 8).astype("int32")


def load(place):
    """{split: (x float32 [n, height, width, channels] in 0 to 1, y int32 [n])}; the last 5,000 training images are the selection split."""
    if place.endswith(".npz"):
        with np.load(place) as arrays:
            x, y, x_test, y_test = (arrays[name] for name in ("x", "y", "x_test", "y_test"))
        x, x_test = x.astype("float32") / 255, x_test.astype("float32") / 255
    else:
        x, y, x_test, y_test = images(place, "train"), labels(place, "train"), images(place, "t10k"), labels(place, "t10k")
    return {"train": (x[:-5000], y[:-5000].astype("int32")), "selection": (x[-5000:], y[-5000:].astype("int32")), "test": (x_test, y_test.astype("int32"))}
