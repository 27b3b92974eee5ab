"""The families of keras.applications, the smallest of each on small images, with random weights and statistics.

run({"names": true}) lists them. run({"family", "path"}) saves one and answers an input and what stock Keras makes of it: logits, parameters, and the shape
of every layer's output. run({"path", "x"}) answers the logits of a file.
"""

import keras
import numpy as np

A = keras.applications

# DenseNet has four poolings, and NASNet and Inception ask for this much.
FAMILIES = {
    "ConvNeXt": (A.ConvNeXtTiny, 32, {}),
    "DenseNet": (A.DenseNet121, 32, {}),
    "EfficientNet": (A.EfficientNetB0, 48, {}),
    "EfficientNetV2B": (A.EfficientNetV2B0, 48, {}),
    "EfficientNetV2S": (A.EfficientNetV2S, 48, {}),
    "InceptionResNetV2": (A.InceptionResNetV2, 75, {}),
    "InceptionV3": (A.InceptionV3, 75, {}),
    "MobileNet": (A.MobileNet, 64, {"alpha": 0.25}),
    "MobileNetV2": (A.MobileNetV2, 64, {"alpha": 0.35}),
    "MobileNetV3": (A.MobileNetV3Small, 64, {}),
    "MobileNetV3Minimalistic": (A.MobileNetV3Small, 64, {"minimalistic": True}),
    "NASNet": (A.NASNetMobile, 48, {}),
    "ResNet": (A.ResNet50, 32, {}),
    "ResNetV2": (A.ResNet50V2, 32, {}),
    "VGG16": (A.VGG16, 32, {}),
    "VGG19": (A.VGG19, 32, {}),
    "Xception": (A.Xception, 71, {}),
}


def randomise(model, random):
    for layer in model._flatten_layers():
        if not isinstance(layer, (keras.layers.BatchNormalization, keras.layers.LayerNormalization, keras.layers.Normalization)):
            continue
        for variable in layer.variables:
            if variable.name == "count":
                continue
            value = 0.2 * random.standard_normal(variable.shape)
            if variable.name in ("moving_variance", "variance", "gamma"):
                value = 0.75 + 0.5 * random.random(variable.shape)
            variable.assign(value)
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def settle(model, x):
    """Moving statistics become those of x: with made-up ones a deep network says the same of every input."""
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    model(x, training=True)
    for layer, momentum in zip(layers, momenta):
        layer.momentum = momentum


def run(args):
    if "names" in args:
        return list(FAMILIES)
    if "family" not in args:
        return keras.models.load_model(args["path"])(args["x"], training=False)
    build, side, options = FAMILIES[args["family"]]
    keras.utils.set_random_seed(1)
    random = np.random.default_rng(1)
    model = build(weights=None, classes=10, input_shape=(side, side, 3), classifier_activation=None, **options)
    randomise(model, random)
    scales = any(isinstance(layer, (keras.layers.Rescaling, keras.layers.Normalization)) for layer in model.layers)
    many = random.uniform(0 if scales else -1, 255 if scales else 1, (8, side, side, 3)).astype("float32")
    settle(model, many)
    model.save(args["path"])
    x = many[:2]
    layers = [layer for layer in model.layers if not isinstance(layer, keras.Model)]
    return {
        "x": x,
        "logits": model(x, training=False),
        "parameters": model.count_params(),
        "trainable": int(sum(np.prod(weight.shape) for weight in model.trainable_weights)),
        "shapes": {layer.name: list(layer.output.shape[1:]) for layer in layers},
    }
