"""Networks that are asked for predictions over HTTP, and what Keras predicts."""

import os

import keras
import numpy as np


def randomise(model, seed):
    rng = np.random.default_rng(seed)
    model.set_weights([0.4 * rng.standard_normal(weight.shape).astype("float32") + 0.1 for weight in model.get_weights()])
    return model


def dense():
    x = keras.Input((6,), name="numbers")
    hidden = keras.layers.Dense(8, activation="tanh")(x)
    return keras.Model(x, keras.layers.Dense(3, activation="softmax", name="class")(hidden), name="dense")


def image():
    x = keras.Input((6, 5, 2), name="picture")
    y = keras.layers.Conv2D(4, 3, activation="relu")(x)
    y = keras.layers.GlobalAveragePooling2D()(y)
    return keras.Model(x, keras.layers.Dense(2, name="score")(y), name="image")


def several():
    left = keras.Input((4,), name="left")
    right = keras.Input((3,), name="right")
    both = keras.layers.Concatenate(name="both")([keras.layers.Dense(5, activation="relu")(left), right])
    outputs = [keras.layers.Dense(2, name="one")(both), keras.layers.Dense(1, activation="sigmoid", name="other")(both)]
    return keras.Model([left, right], outputs, name="several")


def tokens():
    x = keras.Input((None,), name="tokens", dtype="int32")
    y = keras.layers.Embedding(20, 4)(x)
    return keras.Model(x, keras.layers.LSTM(3, return_sequences=True, name="states")(y), name="tokens")


def run(args):
    """Saves each model in `folder`; answers its inputs and predictions, and leaves both as npz besides."""
    rng = np.random.default_rng(7)
    made = {}
    for model, shapes in [(dense(), [(9, 6)]), (image(), [(300, 6, 5, 2)]), (several(), [(5, 4), (5, 3)]), (tokens(), [(3, 11)])]:
        randomise(model, 3)
        model.save(os.path.join(args["folder"], f"{model.name}.keras"))
        whole = model.inputs[0].dtype == "int32"
        inputs = [rng.integers(0, 20, shape).astype("float32") if whole else rng.standard_normal(shape).astype("float32") for shape in shapes]
        outputs = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        names = [tensor.name for tensor in model.inputs]
        np.savez(os.path.join(args["folder"], f"{model.name}.npz"), **dict(zip(names, [np.asfortranarray(x, "float64") for x in inputs])))
        made[model.name] = {"inputs": dict(zip(names, inputs)), "outputs": outputs}
    return made

