"""Trains small models step by step in stock Keras.

run({"folder", "cases": [{"name", "model", "loss", "optimizer", "config"}]}) saves each untrained model as <name>.keras and answers, by name, the batches it was
trained on, the loss of each step before its update, and the weights in the end. A case may also have "loss_config" (options of the loss), "decay_all" (AdamW
decays biases and normalisation parameters too), "class_weight" (by class number), and "weighted" (samples have weights, which are then answered as w).
With use_ema in the config the averages are answered too.
"""

import pathlib

import keras
import numpy as np
import tensorflow as tf

import losses

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
    "vectors": lambda: dense(3, "linear"),
    "distributions": lambda: dense(3, "softmax"),
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
    if kind == "vectors":
        return x, flat[..., :3] + flat[..., 3:6]
    if kind == "distributions":
        odds = np.exp(flat[..., :3] + flat[..., 3:6])
        return x, odds / odds.sum(-1, keepdims=True)
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
    loss = losses.CLASSES[case["loss"]](**case.get("loss_config", {}))
    w = np.random.default_rng(seed + 1000).uniform(0.2, 3, (STEPS, BATCH)).astype("float32") if case.get("weighted") else None
    class_weight = np.array(case.get("class_weight", []), "float32")
    optimizer = getattr(keras.optimizers, case["optimizer"])(**case["config"])
    if case["optimizer"] == "AdamW" and not case.get("decay_all"):
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(x, y, weights):
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True), sample_weight=weights)
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(value, [variable.value for variable in variables]), variables)
        return value

    def weights_of(at):
        if len(class_weight) == 0:
            return None if w is None else tf.constant(w[at])
        classes = y[at].argmax(-1) if case["model"] == "one_hot" else y[at].reshape(-1).astype(int)
        return tf.constant(class_weight[classes] * (1 if w is None else w[at]))

    values = [float(step(tf.constant(x[at]), tf.constant(y[at]), weights_of(at))) for at in range(STEPS)]
    weights = {f"{layer.name}/{weight.name}": weight for layer in model.layers for weight in layer.weights}
    answer = {"x": x, "y": y, "losses": values, "weights": weights}
    if w is not None:
        answer["w"] = w
    if case["config"].get("use_ema"):
        names = {id(weight): name for name, weight in weights.items()}
        pairs = zip(model.trainable_variables, optimizer._model_variables_moving_average)
        answer["averages"] = {names[id(variable)]: np.array(average) for variable, average in pairs}
    return answer


def run(args):
    folder = pathlib.Path(args["folder"])
    return {case["name"]: train(case, folder, seed) for seed, case in enumerate(args["cases"])}
