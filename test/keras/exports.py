"""Models as exports would be, each with inputs and what it predicts for them."""

import os

import keras
import numpy as np


def run(args):
    rng = np.random.default_rng(5)

    def numbers(shape):
        return rng.standard_normal(shape).astype("float32")

    def randomise(model):
        model.set_weights([0.4 * numbers(weight.shape) for weight in model.get_weights()])
        return model

    dense = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(3, activation="softmax")])
    dense.compile(loss="categorical_crossentropy", optimizer="adam")
    b, a = keras.Input((4,), name="first"), keras.Input((3,), name="second")
    joined = keras.layers.Concatenate()([keras.layers.Dense(5, activation="relu")(b), a])
    several = keras.Model({"z": b, "a": a}, [keras.layers.Dense(2)(joined), keras.layers.Dense(1, activation="sigmoid")(joined)])
    half = keras.Sequential([keras.Input((6,)), keras.layers.Dense(40, activation="relu", dtype="mixed_float16"), keras.layers.Dense(3)])
    tokens = keras.Sequential([keras.Input((5,), dtype="int32"), keras.layers.Embedding(9, 4), keras.layers.GlobalAveragePooling1D()])
    made = {}
    for name, model, inputs in [
        ("dense", dense, [numbers((40, 6))]),
        ("several", several, None),
        ("half", half, [numbers((40, 6))]),
        ("tokens", tokens, [rng.integers(0, 9, (40, 5)).astype("float32")]),
    ]:
        randomise(model)
        if inputs is None:
            shapes = {"first": (40, 4), "second": (40, 3)}
            inputs = [numbers(shapes[tensor.name]) for tensor in model.inputs]
            given = {key: inputs[[t.name for t in model.inputs].index(tensor.name)] for key, tensor in {"z": b, "a": a}.items()}
        else:
            given = inputs[0]
        outputs = [np.asarray(output) for output in keras.tree.flatten(model(given, training=False))]
        # The engine computes in float32 whatever the policy is.
        if name == "half":
            hidden = np.maximum(inputs[0] @ np.asarray(model.layers[0].kernel) + np.asarray(model.layers[0].bias), 0)
            outputs = [(hidden @ np.asarray(model.layers[1].kernel) + np.asarray(model.layers[1].bias)).astype("float32")]
        made[name] = {"inputs": inputs, "outputs": outputs}
        for ending in ["keras", "h5"]:
            model.save(os.path.join(args["folder"], f"{name}.{ending}"))
    return made
