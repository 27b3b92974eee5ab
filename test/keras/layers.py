"""Small nets of every layer class and option: what stock Keras computes, and its gradients.

run({"folder"}) saves each as <name>.keras and answers, by name, input, direction and, in inference and in training mode, output and the gradients of
sum(output · direction) with respect to input and weights, and the weights after the call in training mode.
"""

import pathlib

import keras
import numpy as np
import tensorflow as tf

L = keras.layers

# Values at and around every kink.
KINKS = [-30, -7, -6, -2, -1, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 6, 7, 30]
# threshold needs arguments, and glu halves its input: neither can be named in a layer. sparsemax is not what its name says: Keras 3.15 adds up the
# cumulative sums.
ACTIVATIONS = sorted(set(keras.src.activations.ALL_OBJECTS_DICT) - {"threshold", "glu", "sparsemax"})
RELUS = [
    {},
    {"max_value": 6},
    {"max_value": 1.5},
    {"negative_slope": 0.1},
    {"threshold": 0.5},
    {"threshold": 0.5, "negative_slope": 0.2},
    {"threshold": 0.5, "max_value": 2, "negative_slope": 0.1},
    {"max_value": 3, "negative_slope": 0.1},
    {"max_value": 0},
]


def chain(shape, *layers):
    return keras.Sequential([keras.Input(shape), *layers])


def residual():
    x = keras.Input((7, 7, 3))
    a = L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3, padding="same", use_bias=False)(x)))
    b = L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(a))
    y = L.Activation("relu")(L.Add()([a, b]))
    y = L.Concatenate()([y, L.Conv2D(2, 1)(y)])
    y = L.Dropout(0.5)(L.Flatten()(L.AveragePooling2D(2, padding="same")(y)))
    return keras.Model(x, L.Dense(5, activation="softmax")(y))


def shared_normalisation():
    x = keras.Input((4,))
    norm = L.BatchNormalization(momentum=0.7)
    first = norm(L.Dense(3)(x))
    return keras.Model(x, L.Concatenate()([first, norm(L.Dense(3)(x))]))


def shared_dense():
    x = keras.Input((4,))
    shared = L.Dense(4, activation="tanh")
    return keras.Model(x, shared(L.Dense(4)(shared(x))))


def merged(layer, count):
    x = keras.Input((5, 5, 2))
    return keras.Model(x, layer([L.Conv2D(3, 3)(x) for _ in range(count)]))


def nets():
    points = np.array(KINKS, "float32")[None]
    for name in ACTIVATIONS:
        yield f"activation_{name}", chain((19,), L.Activation(name)), points
        yield f"dense_{name}", chain((6,), L.Dense(5, activation=name)), None
    for index, options in enumerate(RELUS):
        yield f"relu_{index}", chain((19,), L.ReLU(**options)), points
    yield "leaky_relu", chain((19,), L.LeakyReLU()), points
    yield "leaky_relu_slope", chain((19,), L.LeakyReLU(negative_slope=0.1)), points
    yield "softmax_layer", chain((3, 5), L.Softmax()), None
    yield "rescaling", chain((4, 4, 3), L.Rescaling(1 / 255, offset=-0.5)), None
    yield "dropout", chain((6,), L.Dropout(0)), None
    yield "dense_no_bias", chain((6,), L.Dense(5, use_bias=False)), None
    yield "dense_rank_3", chain((4, 6), L.Dense(5, activation="relu")), None
    yield "dense_rank_4", chain((3, 4, 6), L.Dense(5, use_bias=False)), None
    yield "flatten", chain((3, 4, 2), L.Flatten(), L.Dense(3)), None
    yield "flatten_scalar", chain((), L.Flatten(), L.Dense(3)), None
    yield "reshape", chain((4, 6), L.Reshape((3, -1, 2)), L.Conv2D(2, 2)), None
    for pad in ("valid", "same"):
        for size, strides in ((3, 1), (3, 2), (2, 2), (2, 3), (1, 1), ((3, 2), (2, 1)), (5, 2)):
            name = f"{pad}_{size}_{strides}".replace(", ", "x").replace("(", "").replace(")", "")
            yield f"conv_{name}", chain((7, 8, 3), L.Conv2D(4, size, strides=strides, padding=pad)), None
            yield f"max_pool_{name}", chain((7, 8, 3), L.MaxPooling2D(size, strides=strides, padding=pad)), None
            yield f"average_pool_{name}", chain((7, 8, 3), L.AveragePooling2D(size, strides=strides, padding=pad)), None
    yield "conv_one_channel", chain((6, 6, 1), L.Conv2D(1, 3, padding="same")), None
    yield "conv_no_bias_relu", chain((6, 6, 2), L.Conv2D(3, 3, use_bias=False, activation="relu")), None
    yield "conv_softmax", chain((6, 6, 2), L.Conv2D(3, 3, activation="softmax")), None
    # A constant image: every place of a window, and of the whole, is the largest.
    yield "max_pool_ties", chain((6, 6, 2), L.MaxPooling2D(3, strides=2)), np.ones((2, 6, 6, 2), "float32")
    yield "global_max_ties", chain((4, 4, 2), L.GlobalMaxPooling2D()), np.ones((2, 4, 4, 2), "float32")
    yield "global_max", chain((5, 4, 3), L.GlobalMaxPooling2D()), None
    yield "global_average", chain((5, 4, 3), L.GlobalAveragePooling2D()), None
    for index, padding in enumerate((2, (1, 2), ((0, 1), (2, 3)))):
        yield f"zero_padding_{index}", chain((4, 5, 2), L.ZeroPadding2D(padding), L.Conv2D(2, 3)), None
    yield "add_two", merged(L.Add(), 2), None
    yield "add_three", merged(L.Add(), 3), None
    yield "concatenate", merged(L.Concatenate(), 3), None
    norms = ({}, {"scale": False}, {"center": False}, {"scale": False, "center": False}, {"epsilon": 0.01, "momentum": 0.8})
    for index, options in enumerate(norms):
        yield f"norm_{index}", chain((5,), L.BatchNormalization(**options)), None
        yield f"norm_images_{index}", chain((5, 4, 3), L.BatchNormalization(**options)), None
    yield "norm_sequence", chain((4, 3), L.BatchNormalization()), None
    yield "norm_frozen", chain((5,), L.Dense(4), L.BatchNormalization(trainable=False)), None
    yield "norm_one_sample", chain((4, 4, 2), L.BatchNormalization()), np.linspace(-2, 3, 32, dtype="float32").reshape(1, 4, 4, 2)
    yield "norm_one_number", chain((3,), L.BatchNormalization()), np.array([[1, -2, 3]], "float32")
    yield "norm_shared", shared_normalisation(), None
    yield "dense_shared", shared_dense(), None
    yield "residual", residual(), None


def randomise(model, random):
    for variable in model.variables:
        if "seed" in variable.name:
            continue
        value = 0.5 * random.standard_normal(variable.shape)
        if variable.name in ("moving_variance", "gamma"):
            value = 0.5 + random.random(variable.shape)
        variable.assign(value)


def by_key(model, values=None):
    named = {}
    for layer in model.layers:
        for weight in layer.weights:
            if "seed" not in weight.name:
                named[f"{layer.name}/{weight.name}"] = weight
    return named


def gradients(model, x, direction, training):
    weights = {key: weight for key, weight in by_key(model).items() if weight.trainable}
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(x, training=training)
        total = tf.reduce_sum(y * direction)
    found = tape.gradient(total, [x] + [weight.value for weight in weights.values()])
    return {"y": y, "dx": found[0], "weights": dict(zip(weights, found[1:]))}


def run(args):
    folder = pathlib.Path(args["folder"])
    answers = {}
    for seed, (name, model, x) in enumerate(nets()):
        random = np.random.default_rng(seed)
        randomise(model, random)
        model.save(folder / f"{name}.keras")
        if x is None:
            x = random.standard_normal((4, *model.input_shape[1:])).astype("float32")
        direction = random.standard_normal((len(x), *model.output_shape[1:])).astype("float32")
        answer = {"x": x, "direction": direction, "inference": gradients(model, x, direction, False)}
        # Dropout draws other numbers than ours.
        if name != "residual":
            answer["training"] = gradients(model, x, direction, True)
            answer["after"] = by_key(model)
        answers[name] = answer
    return answers
