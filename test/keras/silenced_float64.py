"""Stock Keras in float64: run([{"original", "smaller", "x": [arrays]}]) answers the largest relative difference of the two files' outputs, for each.

The files' configs say float64 everywhere; Keras casts the float32 weights as it loads them.
"""

import keras
import numpy as np


def outputs(path, x):
    model = keras.models.load_model(path)
    assert all(variable.dtype == "float64" for variable in model.weights), [v.path for v in model.weights if v.dtype != "float64"]
    x = [array.astype("float64") for array in x]
    y = model(x if len(x) > 1 else x[0], training=False)
    return [np.asarray(output) for output in (y if isinstance(y, (list, tuple)) else [y])]


def difference(case):
    pairs = zip(outputs(case["original"], case["x"]), outputs(case["smaller"], case["x"]))
    return max(float(np.max(np.abs(a - b)) / np.max(np.abs(a))) for a, b in pairs)


def run(args):
    return [difference(case) for case in args]
