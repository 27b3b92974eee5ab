"""Stock Keras saves models in the middle of training, and goes on from files.

run({"make": folder, "cases": [{"name", "optimizer", "config"}]}) trains a small model of each case for some steps, saves it as <name>.keras, and answers what the
optimizer held then, by the names of its variables, and the weights after more steps. run({"resume": [{"path", "x", "y"}]}) loads files and makes
those further steps. run({"serialise": [...]}) answers the compile_config of models that are compiled so, run({"rates": [...]}) what schedules give, and
run({"order": folder}) saves every net of layers.py and answers the values of its trainable variables in order.
"""

import json
import pathlib
import warnings

import keras
import layers
import numpy as np

L = keras.layers
STEPS = 5


def build():
    x = keras.Input((4, 4, 2))
    shared = L.Conv2D(2, 3, padding="same", name="shared")
    a = L.BatchNormalization(name="norm")(shared(x))
    frozen = L.Conv2D(2, 1, name="frozen", trainable=False)(L.ReLU(name="relu")(a))
    b = L.BatchNormalization(name="frozen_norm", trainable=False)(shared(frozen))
    joined = L.Flatten(name="flat")(L.Add(name="sum")([a, b]))
    return keras.Model(x, L.Dense(3, activation="softmax", name="out")(joined), name="net")


def made(config):
    """The arguments of an optimizer; a schedule is {"schedule": class, ...}. What comes as 1 was 1.0 where the request was made."""
    rate = config.get("learning_rate", 0.01)
    if isinstance(rate, dict):
        options = dict(rate)
        rate = getattr(keras.optimizers.schedules, options.pop("schedule"))(**options)
    return {**config, "learning_rate": float(rate) if isinstance(rate, int) else rate}


def steps(model, x, y):
    for at in range(len(x)):
        model.train_on_batch(x[at], y[at].astype("int32"))


def weights(model):
    return {f"{layer.name}/{weight.name}": weight for layer in model.layers for weight in layer.weights}


def make(case, folder, seed):
    keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    model = build()
    optimizer = getattr(keras.optimizers, case["optimizer"])(**made(case["config"]))
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
    x = random.standard_normal((2 * STEPS, 8, 4, 4, 2)).astype("float32")
    y = random.integers(0, 3, (2 * STEPS, 8)).astype("float32")
    steps(model, x[:STEPS], y[:STEPS])
    model.save(folder / f"{case['name']}.keras")
    variables = {variable.path.removeprefix(f"{optimizer.name}/"): variable.numpy() for variable in optimizer.variables}
    steps(model, x[STEPS:], y[STEPS:])
    return {"variables": variables, "x": x[STEPS:], "y": y[STEPS:], "weights": weights(model)}


def resume(case):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = keras.models.load_model(case["path"])
    iterations = int(model.optimizer.iterations)
    model.run_eagerly = True
    steps(model, case["x"], case["y"])
    return {
        "weights": weights(model),
        "iterations": iterations,
        "optimizer": model.optimizer.__class__.__name__,
        "loss": model.loss if isinstance(model.loss, str) else model.loss.get_config(),
        "metrics": [metric.name for metric in model._compile_metrics.metrics],
        "warnings": [str(warning.message) for warning in caught],
    }


def serialise(case):
    model = keras.Sequential([keras.Input((3,)), L.Dense(2, name="out")])
    if "loss" in case:
        loss = getattr(keras.losses, case["loss"])
        model.compile(loss=loss(**case["options"]) if isinstance(loss, type) else loss)
    else:
        model.compile(optimizer=getattr(keras.optimizers, case["optimizer"])(**made(case["config"])))
    return json.dumps(model.get_compile_config())


def rates(case):
    schedule = made({"learning_rate": case["schedule"]})["learning_rate"]
    return {
        "config": json.dumps(keras.saving.serialize_keras_object(schedule)),
        "rates": [float(schedule(step)) for step in case["steps"]],
    }


def order(folder):
    answers = {}
    for seed, (name, model, _) in enumerate(layers.nets()):
        layers.randomise(model, np.random.default_rng(seed))
        model.save(folder / f"{name}.keras")
        answers[name] = [variable.numpy() for variable in model.trainable_variables]
    return answers


def run(args):
    if "order" in args:
        return order(pathlib.Path(args["order"]))
    if "make" in args:
        folder = pathlib.Path(args["make"])
        return {case["name"]: make(case, folder, seed) for seed, case in enumerate(args["cases"])}
    if "resume" in args:
        return [resume(case) for case in args["resume"]]
    if "serialise" in args:
        return [serialise(case) for case in args["serialise"]]
    return [rates(case) for case in args["rates"]]
