"""Stock Keras on both sides of the service.

run({"make": folder}) saves models with all that makes a file hard to cut: compiled, with optimizer slots and a seed generator's state. run({"check": [{"path",
"x", "y"}]}) loads files, predicts, and trains on: it answers predictions, the number of parameters, what was warned of, and
the loss of each epoch.
"""

import pathlib
import warnings

import keras
import numpy as np

L = keras.layers


def residual():
    x = keras.Input((8, 8, 2))
    a = L.Activation("relu")(L.BatchNormalization()(L.Conv2D(6, 3, padding="same", use_bias=False)(x)))
    for _ in range(2):
        b = L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(a)))
        a = L.Add()([a, L.BatchNormalization(scale=False)(L.Conv2D(6, 3, padding="same")(b))])
    a = L.Dropout(0.3)(L.MaxPooling2D(2)(a))
    return keras.Model(x, L.Dense(3, activation="softmax")(L.GlobalAveragePooling2D()(a)))


def branches():
    x = keras.Input((6, 6, 1), name="image")
    left = L.Conv2D(5, 3, activation="relu", name="left")(x)
    right = L.ZeroPadding2D(((0, 1), (1, 0)))(L.Conv2D(4, 4, activation="elu", name="right")(x))
    joined = L.BatchNormalization()(L.Concatenate()([right, left]))
    shared = L.Conv2D(9, 1, activation="tanh", name="shared")
    y = L.Reshape((-1, 9))(shared(shared(joined)))
    y = L.Dropout(0.2)(L.Flatten()(L.Dense(5, activation="gelu")(y)))
    return keras.Model(x, L.Dense(3, activation="softmax", name="digits")(L.LeakyReLU()(L.Dense(12)(y))), name="branches")


def plain():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            L.Rescaling(2.0, offset=-1.0),
            L.Conv2D(6, 3, padding="same", strides=2),
            L.BatchNormalization(),
            L.ReLU(max_value=6),
            L.AveragePooling2D(2),
            L.Flatten(),
            L.Dense(10, activation="relu", kernel_regularizer="l2"),
            L.Dropout(0.5),
            L.Dense(3),
            L.Softmax(),
        ]
    )


def data(model, random):
    x = random.standard_normal((96, *model.input_shape[1:])).astype("float32")
    flat = x.reshape(len(x), -1)
    return x, np.digitize(flat[:, 20] + flat[:, 21], [-0.5, 0.5]).astype("int32")


def make(folder):
    answers = {}
    for seed, build in enumerate((residual, branches, plain)):
        keras.utils.set_random_seed(seed)
        model = build()
        x, y = data(model, np.random.default_rng(seed))
        model.compile(optimizer=keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        model.run_eagerly = True
        model.fit(x, y, epochs=3, batch_size=32, verbose=0)
        model.run_eagerly = False
        model.save(folder / f"{build.__name__}.keras")
        answers[build.__name__] = {"x": x, "y": y.astype("float32"), "predictions": model(x, training=False)}
    return answers


def check(case):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = keras.models.load_model(case["path"])
    x, y = case["x"], case["y"].astype("int32")
    predictions = model(x, training=False)
    # Tracing a graph takes longer than these few steps.
    model.run_eagerly = True
    history = model.fit(x, y, epochs=2, batch_size=32, verbose=0).history
    return {
        "predictions": predictions,
        "parameters": model.count_params(),
        "warnings": [str(warning.message) for warning in caught],
        "names": [layer.name for layer in model.layers],
        "losses": history["loss"],
        "metrics": sorted(history),
    }


def run(args):
    if "make" in args:
        return make(pathlib.Path(args["make"]))
    return [check(case) for case in args["check"]]
