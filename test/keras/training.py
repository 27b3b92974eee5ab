"""Trains small models step by step in stock Keras.

run({"folder", "cases": [{"name", "model", "loss", "optimizer", "config"}]}) saves each untrained model as <name>.keras and answers, by name, the batches it was
trained on, the loss of each step before its update, and the weights in the end.
"""

import pathlib

import keras
import numpy as np
import tensorflow as tf

L = keras.layers
STEPS = 100
BATCH = 16


def dense(outputs, activation):
    return keras.Sequential(
        [
            keras.Input((6,)),
            L.Dense(12, activation="relu"),
            L.BatchNormalization(momentum=0.9),
            L.Dense(8, activation="tanh"),
            L.Dense(outputs, activation=activation),
        ]
    )


def convolutional():
    x = keras.Input((6, 6, 2))
    a = L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3, padding="same", use_bias=False)(x)))
    b = L.Add()([a, L.Conv2D(4, 3, padding="same")(a)])
    return keras.Model(x, L.Dense(3, activation="softmax")(L.Flatten()(L.MaxPooling2D(2)(b))))


MODELS = {
    "classifier": lambda: dense(3, "softmax"),
    "one_hot": lambda: dense(3, "softmax"),
    "binary": lambda: dense(1, "sigmoid"),
    "regressor": lambda: dense(1, "linear"),
    "convolutional": convolutional,
}


def samples(kind, random):
    shape = (STEPS, BATCH, 6, 6, 2) if kind == "convolutional" else (STEPS, BATCH, 6)
    x = random.standard_normal(shape).astype("float32")
    flat = x.reshape(STEPS, BATCH, -1)
    signal = flat[..., 0] + flat[..., 1] * flat[..., 2]
    classes = np.digitize(signal, [-0.5, 0.5])
    if kind == "regressor":
        return x, signal[..., None].astype("float32")
    if kind == "binary":
        return x, (signal > 0)[..., None].astype("float32")
    if kind == "one_hot":
        return x, np.eye(3, dtype="float32")[classes]
    return x, classes.astype("float32")


def train(case, folder, seed):
    keras.utils.set_random_seed(seed)
    model = MODELS[case["model"]]()
    model.save(folder / f"{case['name']}.keras")
    x, y = samples(case["model"], np.random.default_rng(seed))
    loss = keras.losses.get(case["loss"])
    optimizer = getattr(keras.optimizers, case["optimizer"])(**case["config"])
    if case["optimizer"] == "AdamW":
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(loss(y, model(x, training=True)))
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(value, [variable.value for variable in variables]), variables)
        return value

    losses = [float(step(tf.constant(x[at]), tf.constant(y[at]))) for at in range(STEPS)]
    weights = {f"{layer.name}/{weight.name}": weight for layer in model.layers for weight in layer.weights}
    return {"x": x, "y": y, "losses": losses, "weights": weights}


def run(args):
    folder = pathlib.Path(args["folder"])
    return {case["name"]: train(case, folder, seed) for seed, case in enumerate(args["cases"])}
