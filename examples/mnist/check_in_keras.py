"""Loads models in stock Keras 3 and compares their predictions with the service's.

    python examples/mnist/check_in_keras.py model.keras predictions.npz [model.keras predictions.npz ...]

Prints a line a model; exits 1 when a relative difference is above 1e-5. predictions.npz is an artifact of every job: x, and y as the service predicts it.
"""

import os
import sys

os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")  # wrong numbers on AVX-512 otherwise, see docs/native-tensorflow.md
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

LIMIT = 1e-5

failed = False
for path, predictions in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    model = keras.models.load_model(path)
    with np.load(predictions) as stored:
        x, y = stored["x"], stored["y"]
    difference = float(np.max(np.abs(model.predict(x, verbose=0) - y)) / np.max(np.abs(y)))
    failed |= not difference <= LIMIT
    print(f"{path}: Keras {keras.__version__}, {model.count_params():,} parameters, largest relative difference {difference:.1e}")
sys.exit(1 if failed else 0)
