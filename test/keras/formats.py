"""Stock Keras on both sides of the formats.

run({"make": folder}) saves the networks of test/model/fixtures/make.py as .keras and .h5, and answers inputs, predictions and weights by name; of a file that
Keras itself cannot load again, why. run({"load": [{"path", "x"}]}) loads files: predictions, weights in Keras' order, whether it is compiled, what was warned of.
"""

import importlib.util
import pathlib
import warnings

import h5py
import keras
import numpy as np

MAKE = pathlib.Path(__file__).parent.parent / "model/fixtures/make.py"


def networks():
    spec = importlib.util.spec_from_file_location("foreign_networks", MAKE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.networks(keras, False)


def outputs(model, x):
    given = [value.astype(tensor.dtype) for tensor, value in zip(model.inputs, x)]
    y = model(given if len(given) > 1 else given[0], training=False)
    return [np.asarray(keras.ops.convert_to_numpy(value), "float32") for value in (y if isinstance(y, (list, tuple)) else [y])]


def weights(model):
    return [np.asarray(keras.ops.convert_to_numpy(w), "float32") for w in model.weights]


def make(folder):
    answers, random = {}, np.random.default_rng(0)
    for name, build in networks().items():
        keras.utils.set_random_seed(1)
        model = build()
        model.set_weights([(random.uniform(0.1, 1, w.shape) if w.ndim < 2 else random.normal(0, 0.5, w.shape)).astype(w.dtype) for w in model.get_weights()])
        x = [random.integers(0, 11, (3, *i.shape[1:])).astype("float32") if "int" in i.dtype else random.normal(0, 1, (3, *i.shape[1:])).astype("float32") for i in model.inputs]
        model.compile("adam", "mean_squared_error", metrics=["mae"])
        model.optimizer.build(model.trainable_variables)
        # In this order: saving as .h5 takes the optimizer out of what .keras would save.
        model.save(folder / f"{name}.keras")
        model.save(folder / f"{name}.h5")
        answers[name] = {"x": x, "y": outputs(model, x), "weights": weights(model), "h5": loads(folder / f"{name}.h5")}
    return answers


def loads(path):
    try:
        keras.models.load_model(path)
        return None
    except Exception as error:
        return str(error)


def slots(path, model):
    """Numbers in the optimizer. Of an .h5 file those that it holds: Keras 3 builds an optimizer for the variables that a model has beside its layers', and restores none."""
    if not h5py.is_hdf5(path):
        return sum(int(np.prod(v.shape)) for v in model.optimizer.variables) if model.compiled else 0
    with h5py.File(path) as file:
        group = file["optimizer_weights"] if "optimizer_weights" in file else None
        return 0 if group is None else sum(int(group[name].size) for name in group.attrs["weight_names"])


def load(case):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = keras.models.load_model(case["path"])
    return {
        "y": outputs(model, case["x"]),
        "weights": weights(model),
        "compiled": bool(model.compiled),
        "slots": slots(case["path"], model),
        "warnings": [str(warning.message) for warning in caught if warning.category is not ResourceWarning],
    }


def run(args):
    if "make" in args:
        return make(pathlib.Path(args["make"]))
    return [load(case) for case in args["load"]]
