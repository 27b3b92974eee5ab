"""What bench/latency-target.ts cuts: python make.py FOLDER NAME SIDE writes NAME.keras, keras.applications' NAME with random weights for ten classes, and
images.npz, 400 random images of SIDE x SIDE."""

import sys

import keras
import numpy as np

folder, name, side = sys.argv[1], sys.argv[2], int(sys.argv[3])
keras.utils.set_random_seed(0)
network = getattr(keras.applications, name)(input_shape=(side, side, 3), weights=None, classes=10)
network.save(f"{folder}/{name}.keras")
random = np.random.default_rng(0)
np.savez(f"{folder}/images.npz", x=random.random((400, side, side, 3), "float32"), y=random.integers(0, 10, 400).astype("int32"))
