"""Small nets of every layer class and option: what stock Keras computes, and its gradients.

run({"folder"}) saves each as <name>.keras and answers, by name, input, direction and, in inference and in training mode, output and the gradients of
sum(output · direction) with respect to input and weights, and the weights after the call in training mode.
"""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from keras.src.applications import convnext, inception_resnet_v2

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


# Outside training these hand images on.
RANDOM_IMAGES = [
    L.AugMix((0, 1)), L.CutMix(), L.MaxNumBoundingBoxes(3), L.MixUp(), L.RandAugment((0, 1)), L.RandomBrightness(0.2),
    L.RandomColorDegeneration(0.2), L.RandomColorJitter((0, 1)), L.RandomContrast(0.2), L.RandomElasticTransform(), L.RandomErasing(),
    L.RandomFlip(), L.RandomGaussianBlur(), L.RandomGrayscale(), L.RandomHue(0.2), L.RandomInvert(), L.RandomPerspective(), L.RandomPosterization(3),
    L.RandomRotation(0.2), L.RandomSaturation(0.2), L.RandomSharpness(0.2), L.RandomShear(0.1, 0.1), L.RandomTranslation(0.1, 0.1), L.RandomZoom(0.2),
    L.Solarization(),
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


def gated(layer):
    x = keras.Input((4, 5, 3))
    return keras.Model(x, layer([L.Conv2D(3, 1)(x), L.GlobalAveragePooling2D(keepdims=True)(x)]))


def broadcast(layer):
    x = keras.Input((4, 5, 3))
    return keras.Model(x, layer([L.Conv2D(1, 1)(x), x, L.GlobalMaxPooling2D()(x)]))


def joined(axis, *shapes):
    x = keras.Input((6,))
    parts = [L.Reshape(shape)(L.Dense(int(np.prod(shape)))(x)) for shape in shapes]
    return keras.Model(x, L.Concatenate(axis=axis)(parts))


def dotted(axes, *shapes, **options):
    x = keras.Input((5,))
    parts = [L.Reshape(shape)(L.Dense(int(np.prod(shape)))(x)) for shape in shapes]
    return keras.Model(x, L.Dot(axes, **options)(parts))


def scaled_sum():
    x = keras.Input((4, 4, 2))
    return keras.Model(x, inception_resnet_v2.CustomScaleLayer(0.2)([L.Conv2D(3, 1)(x), L.Conv2D(3, 1)(x)]))


def arithmetic():
    x = keras.Input((4, 5, 3))
    y = L.GlobalAveragePooling2D(keepdims=True)(x)
    y = 1 - L.ReLU(6)(3.0 + y * 2) / 6
    return keras.Model(x, (x * y - L.Conv2D(3, 1)(x)) * 0.5 + x)


def divided():
    x = keras.Input((4,))
    return keras.Model(x, keras.ops.add(keras.ops.divide(x, 3), keras.ops.subtract(x, keras.ops.multiply(x, 2.5))))


def nested():
    inner = keras.Sequential([keras.Input((6, 6, 3)), L.Conv2D(4, 3, padding="same"), L.LayerNormalization(), L.Conv2D(3, 1)])
    x = keras.Input((6, 6, 3))
    y = inner(L.Conv2D(3, 1)(x)) + x
    return keras.Model(x, L.Dense(2)(L.GlobalAveragePooling2D()(inner(y))))


def nested_twice():
    a, b = keras.Input((3,)), keras.Input((2,))
    both = keras.Model([b, a], [L.Dense(4)(a), L.Concatenate()([L.Dense(2)(b), a])], name="both")
    outer = keras.Sequential([keras.Input((4,)), keras.Sequential([L.Dense(3), L.BatchNormalization()]), L.Dense(3)])
    x = keras.Input((4,))
    first, second = both([L.Dense(2)(x), outer(x)])
    return keras.Model(x, L.Concatenate()([second, L.Add()([first, x])]))


def tied(layer):
    x = keras.Input((3,))
    return keras.Model(x, layer([x, L.Rescaling(2.0)(x), L.Identity()(x)]))


def convolutions():
    for pad in ("valid", "same"):
        yield f"{pad}_3", {"kernel_size": 3, "padding": pad}
        yield f"{pad}_strides", {"kernel_size": (3, 2), "strides": (2, 2), "padding": pad}
        yield f"{pad}_dilated", {"kernel_size": 2, "dilation_rate": (2, 3), "padding": pad}


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
    yield "add_to_channels", gated(L.Add()), None
    for layer in (L.Multiply, L.Maximum, L.Minimum, L.Average):
        name = layer.__name__.lower()
        yield f"{name}_three", merged(layer(), 3), None
        yield f"{name}_channels", gated(layer()), None
        yield f"{name}_stretched", broadcast(layer()), None
    yield "maximum_ties", tied(L.Maximum()), np.zeros((2, 3), "float32")
    yield "minimum_ties", tied(L.Minimum()), np.zeros((2, 3), "float32")
    yield "subtract", merged(L.Subtract(), 2), None
    yield "subtract_channels", gated(L.Subtract()), None
    yield "concatenate_steps", joined(1, (2, 3), (4, 3), (1, 3)), None
    yield "concatenate_rows", joined(-2, (2, 3, 2), (2, 1, 2)), None
    yield "dot_vectors", dotted(1, (6,), (6,)), None
    yield "dot_matrices", dotted((2, 1), (3, 4), (4, 5)), None
    yield "dot_columns", dotted((1, 2), (4, 3), (5, 4)), None
    yield "dot_matrix_vector", dotted((2, 1), (3, 4), (4,)), None
    yield "dot_cosine", dotted(-1, (3, 4), (2, 4), normalize=True), None
    yield "custom_scale", scaled_sum(), None
    yield "layer_scale", chain((4, 4, 3), convnext.LayerScale(0.1, 3)), None
    yield "layer_scale_vector", chain((3,), convnext.LayerScale(0.1, 3)), None
    for name, options in convolutions():
        yield f"depthwise_{name}", chain((9, 8, 3), L.DepthwiseConv2D(**options)), None
        yield f"depthwise_twice_{name}", chain((9, 8, 2), L.DepthwiseConv2D(depth_multiplier=2, use_bias=False, **options)), None
        yield f"separable_{name}", chain((9, 8, 3), L.SeparableConv2D(4, depth_multiplier=2, activation="tanh", **options)), None
        yield f"separable_no_bias_{name}", chain((9, 8, 3), L.SeparableConv2D(4, use_bias=False, **options)), None
        if "dilation_rate" in options:
            yield f"conv_{name}", chain((9, 8, 3), L.Conv2D(4, **options)), None
        yield f"conv_groups_{name}", chain((9, 8, 4), L.Conv2D(6, groups=2, activation="relu", **options)), None
        yield f"conv_channel_groups_{name}", chain((9, 8, 3), L.Conv2D(6, groups=3, use_bias=False, **options)), None
        step = {key: value if isinstance(value, (int, str)) else value[0] for key, value in options.items()}
        yield f"conv_1d_{name}", chain((9, 3), L.Conv1D(4, activation="relu", **step)), None
        yield f"conv_1d_groups_{name}", chain((9, 4), L.Conv1D(4, groups=2, **step)), None
        yield f"depthwise_1d_{name}", chain((9, 3), L.DepthwiseConv1D(depth_multiplier=2, **step)), None
        yield f"separable_1d_{name}", chain((9, 3), L.SeparableConv1D(4, **step)), None
        yield f"conv_3d_{name}", chain((6, 7, 5, 2), L.Conv3D(3, **step)), None
    yield "conv_strides_groups", chain((9, 8, 4), L.Conv2D(8, 3, groups=4, strides=(2, 1))), None
    for dilation in (1, 2):
        yield f"conv_causal_{dilation}", chain((9, 3), L.Conv1D(4, 3, padding="causal", dilation_rate=dilation)), None
    yield "conv_causal_strides", chain((9, 3), L.Conv1D(4, 2, padding="causal", strides=2)), None
    for pad in ("valid", "same"):
        for size, strides, extra in ((3, 1, None), (3, 2, None), (2, 3, None), (4, 2, 1), (3, 2, 1), ((3, 2), (1, 2), None)):
            name = f"{pad}_{size}_{strides}_{extra}".replace(", ", "x").replace("(", "").replace(")", "")
            options = {"strides": strides, "padding": pad, "output_padding": extra}
            yield f"transpose_{name}", chain((5, 4, 3), L.Conv2DTranspose(2, size, activation="relu", **options)), None
            if isinstance(size, int):
                yield f"transpose_1d_{name}", chain((5, 3), L.Conv1DTranspose(2, size, **options)), None
                options.pop("output_padding")
                if extra is None:
                    yield f"max_pool_1d_{name}", chain((9, 3), L.MaxPooling1D(size, **options)), None
                    yield f"average_pool_1d_{name}", chain((9, 3), L.AveragePooling1D(size, **options)), None
                    yield f"max_pool_3d_{name}", chain((5, 6, 7, 2), L.MaxPooling3D(size, **options)), None
                    yield f"average_pool_3d_{name}", chain((5, 6, 7, 2), L.AveragePooling3D(size, **options)), None
    yield "transpose_no_bias", chain((5, 4, 3), L.Conv2DTranspose(2, 3, use_bias=False)), None
    for keepdims in (False, True):
        for rank, shape in ((1, (5, 3)), (2, (4, 5, 3)), (3, (2, 3, 4, 3))):
            for kind in ("Average", "Max"):
                layer = getattr(L, f"Global{kind}Pooling{rank}D")
                yield f"global_{kind.lower()}_{rank}d_{keepdims}", chain(shape, layer(keepdims=keepdims)), None
    for index, padding in enumerate((2, (1, 0))):
        yield f"zero_padding_1d_{index}", chain((4, 3), L.ZeroPadding1D(padding)), None
        yield f"cropping_1d_{index}", chain((6, 3), L.Cropping1D(padding)), None
    for index, padding in enumerate((1, (1, 0, 2), ((0, 1), (2, 0), (1, 1)))):
        yield f"zero_padding_3d_{index}", chain((4, 4, 5, 2), L.ZeroPadding3D(padding)), None
        yield f"cropping_3d_{index}", chain((4, 4, 5, 2), L.Cropping3D(padding)), None
    for index, cropping in enumerate((1, (2, 0), ((0, 1), (2, 0)))):
        yield f"cropping_2d_{index}", chain((5, 6, 2), L.Cropping2D(cropping)), None
    for size in (2, 3):
        yield f"up_sampling_1d_{size}", chain((4, 3), L.UpSampling1D(size)), None
        yield f"up_sampling_2d_{size}", chain((4, 3, 2), L.UpSampling2D(size)), None
        yield f"up_sampling_3d_{size}", chain((2, 4, 3, 2), L.UpSampling3D(size)), None
    yield "up_sampling_2d_axes", chain((4, 3, 2), L.UpSampling2D((1, 3))), None
    yield "up_sampling_bilinear", chain((4, 3, 2), L.UpSampling2D((2, 3), interpolation="bilinear")), None
    yield "up_sampling_3d_axes", chain((2, 4, 3, 2), L.UpSampling3D((1, 2, 3))), None
    for interpolation in ("bilinear", "nearest"):
        for height, width in ((3, 9), (8, 4)):
            layer = L.Resizing(height, width, interpolation=interpolation)
            yield f"resizing_{interpolation}_{height}", chain((5, 6, 2), layer), None
    yield "center_crop", chain((5, 6, 2), L.CenterCrop(2, 3)), None
    yield "center_crop_all", chain((5, 6, 2), L.CenterCrop(5, 6)), None
    yield "permute", chain((3, 4, 2), L.Permute((2, 1, 3))), None
    yield "permute_channels", chain((3, 4, 2), L.Permute((3, 1, 2)), L.Dense(2)), None
    yield "repeat_vector", chain((3,), L.RepeatVector(4)), None
    yield "repeat_vector_once", chain((3,), L.RepeatVector(1)), None
    yield "identity", chain((3,), L.Identity()), None
    yield "elu_layer", chain((19,), L.ELU()), points
    yield "elu_alpha", chain((19,), L.ELU(alpha=0.3)), points
    yield "prelu", chain((19,), L.PReLU()), points
    yield "prelu_shared", chain((4, 5, 3), L.PReLU(shared_axes=[1, 2])), None
    yield "prelu_channels_shared", chain((4, 3), L.PReLU(shared_axes=[2])), None
    yield "rescaling_list", chain((4, 3), L.Rescaling([1.0, 2.0, -0.5], offset=[0.1, 0.2, 0.3])), None
    yield "rescaling_scale_list", chain((4, 3), L.Rescaling([1.0, 2.0, -0.5])), None
    layer_norms = ({}, {"axis": [1, 2]}, {"axis": [-2, -1], "epsilon": 0.01}, {"axis": 1}, {"scale": False}, {"center": False})
    for index, options in enumerate(layer_norms):
        yield f"layer_norm_{index}", chain((4, 5, 3), L.LayerNormalization(**options)), None
    yield "layer_norm_vector", chain((6,), L.LayerNormalization(epsilon=1e-6)), None
    for index, options in enumerate(({"groups": 2}, {"groups": -1}, {"groups": 1, "scale": False}, {"groups": 4, "center": False, "epsilon": 0.1})):
        yield f"group_norm_{index}", chain((3, 5, 4), L.GroupNormalization(**options)), None
    yield "group_norm_vector", chain((6,), L.GroupNormalization(3)), None
    for index, options in enumerate(({}, {"axis": [-2, -1], "epsilon": 0.01}, {"axis": 3})):
        yield f"rms_norm_{index}", chain((4, 5, 3), L.RMSNormalization(**options)), None
    for index, axis in enumerate((-1, [1, 2], 1)):
        yield f"unit_norm_{index}", chain((4, 5, 3), L.UnitNormalization(axis)), None
    for index, options in enumerate(({}, {"invert": True}, {"axis": None})):
        yield f"normalization_{index}", chain((4, 3), L.Normalization(**options)), None
    given = ({"mean": [1.0, 2.0, 3.0], "variance": [4.0, 0.5, 0.0]}, {"mean": 2.0, "variance": 3.0, "axis": None, "invert": True})
    for index, options in enumerate(given):
        yield f"normalization_given_{index}", chain((4, 3), L.Normalization(**options)), None
    # In training these draw numbers.
    for name, layer, shape in (
        ("dropout_shape", L.Dropout(0.5, noise_shape=(None, 1, 3)), (4, 3)),
        ("spatial_dropout_1d", L.SpatialDropout1D(0.5), (4, 3)),
        ("spatial_dropout_2d", L.SpatialDropout2D(0.5), (4, 2, 3)),
        ("spatial_dropout_3d", L.SpatialDropout3D(0.5), (4, 2, 2, 3)),
        ("gaussian_noise", L.GaussianNoise(0.5), (4, 3)),
        ("gaussian_dropout", L.GaussianDropout(0.5), (4, 3)),
        ("alpha_dropout", L.AlphaDropout(0.5), (4, 3)),
        ("stochastic_depth", convnext.StochasticDepth(0.5), (4, 3)),
    ):
        yield f"random_{name}", chain(shape, layer), None
    for index, layer in enumerate((L.GaussianNoise(0.0), L.GaussianDropout(0.0), L.AlphaDropout(0.0), L.SpatialDropout1D(0.0))):
        yield f"noise_off_{index}", chain((4, 3), layer), None
    yield "norm_volumes", chain((2, 3, 4, 3), L.BatchNormalization()), None
    norms = ({}, {"scale": False}, {"center": False}, {"scale": False, "center": False}, {"epsilon": 0.01, "momentum": 0.8})
    for index, options in enumerate(norms):
        yield f"norm_{index}", chain((5,), L.BatchNormalization(**options)), None
        yield f"norm_images_{index}", chain((5, 4, 3), L.BatchNormalization(**options)), None
    for index, axis in enumerate((1, 2, -2)):
        yield f"norm_axis_{index}", chain((5, 4, 3), L.BatchNormalization(axis=axis)), None
    yield "softmax_axis", chain((3, 4, 5), L.Softmax(axis=1)), None
    yield "softmax_axes", chain((3, 4, 5), L.Softmax(axis=[1, -1])), None
    yield "activity", chain((3, 4), L.ActivityRegularization(l2=0.1)), None
    for rank, shape, size in ((1, (7, 3), 3), (1, (3, 2), 5), (2, (7, 5, 2), (3, 4)), (2, (6, 4, 2), 2), (3, (4, 5, 6, 2), (2, 3, 4))):
        for kind in ("Average", "Max"):
            layer = getattr(L, f"Adaptive{kind}Pooling{rank}D")(size)
            yield f"adaptive_{kind.lower()}_{rank}d_{size}".replace(", ", "x").replace("(", "").replace(")", ""), chain(shape, layer), None
    for pad in ("valid", "same"):
        for size, strides in ((2, 1), (3, 2), ((2, 3, 1), (1, 2, 3))):
            name = f"transpose_3d_{pad}_{size}_{strides}".replace(", ", "x").replace("(", "").replace(")", "")
            yield name, chain((3, 4, 2, 2), L.Conv3DTranspose(3, size, strides=strides, padding=pad, activation="relu")), None
    classes = np.array([[0, 2, 2, 1], [3, 3, 0, 4]], "float32")
    for mode in ("one_hot", "multi_hot", "count"):
        yield f"category_{mode}", keras.Sequential([keras.Input((4,), dtype="int32"), L.CategoryEncoding(5, output_mode=mode)]), classes
    yield "category_one", keras.Sequential([keras.Input((1,), dtype="int32"), L.CategoryEncoding(5, output_mode="one_hot")]), classes[:, :1]
    edges = [-1.0, 0.0, 0.5]
    values = np.array([[-2, -1, 0, 0.25], [0.5, 1, -0.5, 0.1]], "float32")
    for mode in ("int", "one_hot", "multi_hot", "count"):
        yield f"discretization_{mode}", chain((4,), L.Discretization(edges, output_mode=mode)), values
    for layer in RANDOM_IMAGES:
        yield f"random_images_{layer.name}", chain((6, 5, 3), layer), None
    yield "norm_sequence", chain((4, 3), L.BatchNormalization()), None
    yield "norm_frozen", chain((5,), L.Dense(4), L.BatchNormalization(trainable=False)), None
    yield "norm_one_sample", chain((4, 4, 2), L.BatchNormalization()), np.linspace(-2, 3, 32, dtype="float32").reshape(1, 4, 4, 2)
    yield "norm_one_number", chain((3,), L.BatchNormalization()), np.array([[1, -2, 3]], "float32")
    yield "norm_shared", shared_normalisation(), None
    yield "dense_shared", shared_dense(), None
    yield "arithmetic", arithmetic(), None
    yield "divided", divided(), None
    yield "nested", nested(), None
    yield "nested_twice", nested_twice(), None
    yield "residual", residual(), None


def randomise(model, random):
    for variable in model.variables:
        if "seed" in variable.name or variable.name == "count":
            continue
        value = 0.5 * random.standard_normal(variable.shape)
        if variable.name in ("moving_variance", "variance", "gamma"):
            value = 0.5 + random.random(variable.shape)
        variable.assign(value)
    for layer in model.layers:
        if isinstance(layer, L.Normalization):
            layer.finalize_state()


def by_key(model, prefix=""):
    named = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            named |= by_key(layer, f"{prefix}{layer.name}/")
            continue
        for weight in layer.weights:
            if "seed" not in weight.name and weight.name != "count":
                name = "gamma" if isinstance(layer, convnext.LayerScale) else weight.name
                named[f"{prefix}{layer.name}/{name}"] = weight
    return named


def gradients(model, x, direction, training):
    weights = {key: weight for key, weight in by_key(model).items() if weight.trainable}
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(x, training=training)
        total = tf.reduce_sum(tf.cast(y, "float32") * direction)
    found = tape.gradient(total, [x] + [weight.value for weight in weights.values()])
    dx = tf.zeros_like(x) if found[0] is None else found[0]
    return {"y": tf.cast(y, "float32"), "dx": dx, "weights": dict(zip(weights, found[1:]))}


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
        # Keras draws other numbers than are drawn here.
        if name != "residual" and not name.startswith("random_"):
            answer["training"] = gradients(model, x, direction, True)
            answer["after"] = {key: np.asarray(weight.numpy()) for key, weight in by_key(model).items()}
        answers[name] = answer
    return answers
