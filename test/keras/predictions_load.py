"""The arrays of an npz, as NumPy reads it."""

import numpy as np


def run(args):
    with np.load(args["path"]) as arrays:
        return {name: arrays[name] for name in arrays.files}
