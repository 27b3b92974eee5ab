"""Every family of keras.applications by the family's own code, narrow or shallow so that it is small, with the normalisation statistics of its inputs.

test/keras/applications.py has them as wide as they are.
"""

import contextlib
import copy
import re

import applications as families
import keras
import numpy as np
from keras.src import layers
from keras.src.applications import convnext, densenet, efficientnet, efficientnet_v2, inception_resnet_v2, nasnet, resnet

from networks.network import Network

A = keras.applications
ENDS = {"weights": None, "classes": 5, "classifier_activation": None}


@contextlib.contextmanager
def narrow(by=16):
    """Convolutions and dense layers of a fraction of the width. Those with an explicit bias give a block's sum as many channels as it has."""
    kept = {name: getattr(layers, name) for name in ("Conv2D", "SeparableConv2D", "Dense")}

    def of(layer):
        def make(width, *args, **options):
            keep = options.get("use_bias") is True or width == ENDS["classes"]
            return layer(width if keep else max(2, width // by), *args, **options)

        return make

    for name, layer in kept.items():
        setattr(layers, name, of(layer))
    try:
        yield
    finally:
        for name, layer in kept.items():
            setattr(layers, name, layer)


def narrowed(build, side):
    with narrow():
        return build(input_shape=(side, side, 3), **ENDS)


def inception_resnet():
    """With one block of each kind where there are ten or twenty."""
    inception_resnet_v2.range = lambda start, stop: range(start, start + 1)
    try:
        return narrowed(A.InceptionResNetV2, 75)
    finally:
        del inception_resnet_v2.range


def stacks(stack, x):
    for index in range(3):
        x = stack(x, 4 * 2**index, 2, stride1=1 + (index > 0), name=f"stack{index}")
    return x


def blocks(name):
    return copy.deepcopy(efficientnet_v2.DEFAULT_BLOCKS_ARGS[name])


def sized(side):
    return {"input_shape": (side, side, 3), **ENDS}


FAMILIES = {
    "ConvNeXt": lambda: convnext.ConvNeXt((1, 1, 2, 1), (8, 12, 16, 24), **sized(32)),
    "DenseNet": lambda: densenet.DenseNet([1, 2, 1, 1], **sized(32)),
    "EfficientNet": lambda: efficientnet.EfficientNet(0.25, 0.5, 48, **sized(48)),
    "EfficientNetV2B": lambda: efficientnet_v2.EfficientNetV2(0.25, 0.5, 48, blocks_args=blocks("efficientnetv2-b0"), **sized(48)),
    "EfficientNetV2S": lambda: efficientnet_v2.EfficientNetV2(0.25, 0.25, 48, blocks_args=blocks("efficientnetv2-s"), **sized(48)),
    "InceptionResNetV2": inception_resnet,
    "InceptionV3": lambda: narrowed(A.InceptionV3, 75),
    "MobileNet": lambda: A.MobileNet(alpha=0.25, **sized(64)),
    "MobileNetV2": lambda: A.MobileNetV2(alpha=0.35, **sized(64)),
    "MobileNetV3": lambda: A.MobileNetV3Small(alpha=0.35, **sized(64)),
    "MobileNetV3Minimalistic": lambda: A.MobileNetV3Small(alpha=0.35, minimalistic=True, **sized(64)),
    "NASNet": lambda: nasnet.NASNet(penultimate_filters=96, num_blocks=1, stem_block_filters=8, **sized(48)),
    "ResNet": lambda: resnet.ResNet(lambda x: stacks(resnet.stack_residual_blocks_v1, x), False, True, **sized(32)),
    "ResNetV2": lambda: resnet.ResNet(lambda x: stacks(resnet.stack_residual_blocks_v2, x), True, True, **sized(32)),
    "VGG16": lambda: narrowed(A.VGG16, 32),
    "VGG19": lambda: narrowed(A.VGG19, 32),
    "Xception": lambda: narrowed(A.Xception, 71),
}


def networks(pattern=""):
    for name, build in FAMILIES.items():
        if not re.search(pattern, f"app_{name}"):
            continue
        keras.utils.set_random_seed(1)
        random = np.random.default_rng(1)
        model = build()
        families.randomise(model, random)
        scales = any(isinstance(layer, (keras.layers.Rescaling, keras.layers.Normalization)) for layer in model.layers)
        _, side, _, _ = model.input_shape
        many = random.uniform(0 if scales else -1, 255 if scales else 1, (8, side, side, 3)).astype("float32")
        families.settle(model, many)
        yield Network(f"app_{name}", model, [many[:2]], draw=False, step=False, ill_conditioned=True)
