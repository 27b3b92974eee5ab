"""Functional graphs drawn at random: convolutions, sequences and vectors that split, merge, share layers, nest models and end in one or more outputs.

A graph is drawn from its seed, and the seed is its name, so that a failure can be made again alone.
"""

import math
import re

import keras
import numpy as np

from networks.network import L, Network

MOST_ELEMENTS = 2000


class Drawer:
    """Grows a graph by drawn pieces; every tensor stays within MOST_ELEMENTS elements a sample."""

    def __init__(self, random):
        self.random = random
        self.tensors = []
        # Layers and models that may be called again, with the shape that they take.
        self.shared = []

    def pick(self, items):
        return items[self.random.integers(len(items))]

    def tensor(self, rank=None):
        fitting = [tensor for tensor in self.tensors if rank is None or len(tensor.shape) == rank + 1]
        # Later ones more often, or graphs stay shallow.
        return fitting[-1 - int(min(len(fitting) - 1, self.random.exponential(1.5)))] if fitting else None

    def count(self, low, high):
        return int(self.random.integers(low, high + 1))

    def activation(self):
        return self.pick([None, "relu", "tanh", "sigmoid", "elu", "gelu", "silu"])

    def vector(self, x):
        return self.pick(
            [
                lambda: L.Dense(self.count(1, 6), activation=self.activation(), use_bias=bool(self.count(0, 1))),
                lambda: L.BatchNormalization(scale=bool(self.count(0, 1)), center=bool(self.count(0, 1))),
                lambda: L.LayerNormalization(),
                lambda: L.Reshape((-1, 1)),
                lambda: L.RepeatVector(self.count(1, 4)),
                lambda: L.Dropout(0.5),
                lambda: L.UnitNormalization(),
                lambda: L.LeakyReLU(negative_slope=0.2),
            ]
        )()

    def sequence(self, x):
        steps, channels = x.shape[1:]
        return self.pick(
            [
                lambda: L.Conv1D(self.count(1, 5), min(self.count(1, 3), steps), padding=self.pick(["valid", "same", "causal"]), activation=self.activation()),
                lambda: L.SeparableConv1D(self.count(1, 4), 2, padding="same"),
                lambda: L.LSTM(self.count(1, 4), return_sequences=bool(self.count(0, 1)), go_backwards=bool(self.count(0, 1))),
                lambda: L.GRU(self.count(1, 4), return_sequences=bool(self.count(0, 1)), reset_after=bool(self.count(0, 1))),
                lambda: L.Bidirectional(L.SimpleRNN(self.count(1, 3), return_sequences=True), merge_mode=self.pick(["sum", "concat", "ave"])),
                lambda: L.GlobalAveragePooling1D(keepdims=bool(self.count(0, 1))),
                lambda: L.GlobalMaxPooling1D(),
                lambda: L.MaxPooling1D(2, padding="same"),
                lambda: L.TimeDistributed(L.Dense(self.count(1, 4), activation=self.activation())),
                lambda: L.EinsumDense("abc,cd->abd", output_shape=(steps, self.count(1, 4)), bias_axes="d"),
                lambda: L.Flatten(),
                lambda: L.Permute((2, 1)),
                lambda: L.UpSampling1D(2),
                lambda: L.ZeroPadding1D(1),
                lambda: L.LayerNormalization(),
                lambda: L.SpatialDropout1D(0.3),
            ]
        )()

    def image(self, x):
        _, height, width, channels = x.shape
        size = min(self.count(1, 3), height, width)
        same = self.pick(["valid", "same"])
        return self.pick(
            [
                lambda: L.Conv2D(self.count(1, 5), size, strides=self.count(1, 2), padding=same, activation=self.activation()),
                lambda: L.Conv2D(2 * channels, size, groups=channels, padding="same", use_bias=False),
                lambda: L.DepthwiseConv2D(size, depth_multiplier=self.count(1, 2), padding=same),
                lambda: L.SeparableConv2D(self.count(1, 4), size, padding="same"),
                lambda: L.Conv2DTranspose(self.count(1, 4), size, strides=self.count(1, 2), padding=same),
                lambda: L.BatchNormalization(),
                lambda: L.GroupNormalization(groups=-1),
                lambda: L.MaxPooling2D(2, padding="same"),
                lambda: L.AveragePooling2D(size, strides=1, padding=same),
                lambda: L.GlobalAveragePooling2D(),
                lambda: L.GlobalMaxPooling2D(keepdims=True),
                lambda: L.ZeroPadding2D(((0, 1), (1, 0))),
                lambda: L.UpSampling2D(2, interpolation=self.pick(["nearest", "bilinear"])),
                lambda: L.Flatten(),
                lambda: L.Reshape((-1, channels)),
                lambda: L.PReLU(shared_axes=[1, 2]),
                lambda: L.ReLU(max_value=self.pick([None, 1.5]), negative_slope=self.pick([0.0, 0.1])),
            ]
        )()

    def nested(self, x):
        """A model of one or two layers as a layer."""
        entry = keras.Input(x.shape[1:])
        y = self.layer(entry)(entry)
        if self.count(0, 1):
            y = self.layer(y)(y)
        return keras.Model(entry, y) if self.count(0, 1) else keras.Sequential([entry, *keras.Model(entry, y).layers[1:]])

    def layer(self, x):
        return {2: self.vector, 3: self.sequence, 4: self.image}[len(x.shape)](x)

    def same_shapes(self, x):
        return [tensor for tensor in self.tensors if tensor.shape == x.shape]

    def grow(self):
        x = self.tensor()
        kind = self.random.random()
        again = [layer for layer, shape in self.shared if shape == x.shape]
        if kind < 0.15 and again:
            return self.pick(again)(x)
        if kind < 0.3:
            others = self.same_shapes(x)
            merge = self.pick([L.Add, L.Multiply, L.Average, L.Maximum, L.Minimum, L.Concatenate])()
            return merge([x, self.pick(others), *([self.pick(others)] if self.count(0, 1) else [])])
        if kind < 0.4:
            other = self.pick(self.same_shapes(x))
            return self.pick([lambda: x + other, lambda: x * 0.5 - other, lambda: 1 - x, lambda: x * other])()
        if kind < 0.5:
            layer = self.nested(x)
        else:
            layer = self.layer(x)
        y = layer(x)
        self.shared.append((layer, x.shape))
        return y

    def model(self):
        shapes = [(3,), (5, 3), (6, 6, 2), (7, 5, 1)]
        inputs = [keras.Input(self.pick(shapes), name=f"x{index}") for index in range(self.count(1, 2))]
        self.tensors = list(inputs)
        for _ in range(self.count(4, 14)):
            grown = self.grow()
            if 0 < len(grown.shape) - 1 <= 3 and math.prod(grown.shape[1:]) <= MOST_ELEMENTS:
                self.tensors.append(grown)
        # Each input must lead somewhere.
        outputs = [self.tensors[-1]] if not any(self.tensors[-1] is x for x in inputs) else []
        if len(inputs) > 1 or not outputs:
            outputs += [L.Dense(2)(L.Flatten()(x)) for x in inputs]
        if self.count(0, 2) == 0:
            outputs.append(self.tensor())
        return keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs if len(outputs) > 1 else outputs[0])


def networks(pattern="", count=60):
    for seed in range(count):
        if not re.search(pattern, f"random_{seed}"):
            continue
        keras.utils.set_random_seed(seed)
        # Products of products grow beyond what float32 adds up alike: Keras' own movement under 1e-7 says how far.
        yield Network(f"random_{seed}", Drawer(np.random.default_rng(seed)).model(), step=False, ill_conditioned=True)
