"""What else stands in a file and must be there again when it is written back: names, flags, compile configs, optimizer slots, states, initialisers."""

import keras
import numpy as np

from networks.network import L, Network, chain


def fitted(model, optimizer, loss="mse", **options):
    model.compile(optimizer=optimizer, loss=loss, **options)
    x = np.random.default_rng(0).standard_normal((8, *model.input_shape[1:])).astype("float32")
    y = np.random.default_rng(1).standard_normal((8, *model.output_shape[1:])).astype("float32")
    model.train_on_batch(x, y)
    return model


def small():
    return chain((4,), L.Dense(5, activation="relu"), L.Dense(2))


def names():
    x = keras.Input((4,), name="an input")
    y = L.Dense(3, name="Dense with spaces")(x)
    y = L.Dense(3, name="größe_µ")(y)
    y = L.Dense(3, name="a" * 200)(y)
    return keras.Model(x, L.Dense(2, name="conv2d")(y), name="model named so")


def regularised():
    options = {
        "kernel_regularizer": keras.regularizers.L1L2(0.01, 0.02),
        "bias_regularizer": "l2",
        "activity_regularizer": keras.regularizers.L1(0.1),
        "kernel_constraint": keras.constraints.MaxNorm(1.0),
        "bias_constraint": "non_neg",
    }
    return chain((4,), L.Dense(3, **options), L.Dense(2, kernel_regularizer=keras.regularizers.OrthogonalRegularizer(0.1)))


def initialised():
    return chain(
        (4,),
        L.Dense(3, kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.2, seed=3)),
        L.Dense(3, kernel_initializer=keras.initializers.Orthogonal(gain=2), bias_initializer=keras.initializers.Constant(0.1)),
        L.Dense(2, kernel_initializer="he_normal", bias_initializer="ones"),
    )


def schedule():
    return keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 100), momentum=0.9)


def frozen():
    model = chain((4,), L.Dense(5), L.BatchNormalization(), L.Dense(2))
    model.layers[0].trainable = False
    return model


def all_frozen():
    model = small()
    model.trainable = False
    return model


def many_of_a_class():
    return chain((4,), *[L.Dense(4, activation="tanh") for _ in range(30)])


def dropped_and_fitted():
    model = chain((4,), L.Dense(5), L.Dropout(0.5, seed=7), L.GaussianNoise(0.1), L.Dense(2))
    return fitted(model, "sgd")


def networks():
    yield Network("names", names())
    yield Network("regularised_and_constrained", regularised(), draw=False, step=False)
    yield Network("initialisers", initialised())
    yield Network("initial_weights", small(), draw=False)
    yield Network("frozen_layer", frozen())
    yield Network("all_frozen", all_frozen(), step=False)
    yield Network("thirty_of_a_class", many_of_a_class())
    yield Network("seed_states", dropped_and_fitted(), draw=False, step=False)
    for name, optimizer in (
        ("sgd", "sgd"),
        ("momentum", schedule()),
        ("adam", keras.optimizers.Adam(0.001, clipnorm=1.0)),
        ("adamw", keras.optimizers.AdamW(0.001)),
        ("rmsprop", keras.optimizers.RMSprop(centered=True)),
        ("averaged", keras.optimizers.Adam(use_ema=True)),
        ("loss_scaled", keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())),
    ):
        yield Network(f"compiled_{name}", fitted(small(), optimizer), draw=False, step=False)
    yield Network("compiled_with_metrics", fitted(small(), "adam", metrics=["mae", keras.metrics.CosineSimilarity()]), draw=False, step=False)
    yield Network("no_trainable_weights", chain((4, 3), L.Flatten(), L.ReLU()), step=False)
    yield Network("batch_of_a_size", keras.Sequential([keras.Input(batch_shape=(4, 6)), L.Dense(3)]))
    yield Network("built_by_its_input", built_by_its_input())


def built_by_its_input():
    model = keras.Sequential([L.Dense(3, activation="relu"), L.Dense(2)])
    model.build((None, 4))
    return model
