"""Multiply-accumulates counted where they happen: from the shapes of the operations that TensorFlow runs while a model is called, loops step by step.

Knows nothing of layers. What an operation without a kernel costs (activations, poolings, sums) is not counted.
"""

import math

import keras
import numpy as np
from keras.src import backend
from tensorflow.python.framework import op_callbacks


class Counter:
    def __init__(self):
        self.macs = 0
        # Dilated convolutions run between SpaceToBatchND and BatchToSpaceND, over edges that are then cut off.
        self.dilated = None

    def __call__(self, op_type, inputs, attrs, outputs, op_name=None, graph=None):
        name = op_type.decode() if isinstance(op_type, bytes) else op_type
        shapes = [tuple(tensor.shape) for tensor in inputs]
        if name == "SpaceToBatchND":
            self.dilated = 0
        elif name == "BatchToSpaceND" and self.dilated is not None:
            self.macs += math.prod(outputs[0].shape) * self.dilated
            self.dilated = None
        elif name in ("Conv2D", "Conv3D"):
            self.add(outputs[0].shape, math.prod(shapes[1][:-1]))
        elif name == "DepthwiseConv2dNative":
            self.add(outputs[0].shape, math.prod(shapes[1][:-2]))
        elif name in ("Conv2DBackpropInput", "Conv3DBackpropInputV2"):
            # A transposed convolution: every element that comes in meets the whole kernel of its outputs.
            self.add(shapes[2], math.prod(shapes[1][:-1]))
        elif name in ("MatMul", "BatchMatMulV2", "BatchMatMulV3"):
            settings = dict(zip(attrs[::2], attrs[1::2]))
            transposed = settings.get("transpose_a", False) or settings.get("adj_x", False)
            self.add(outputs[0].shape, shapes[0][-2 if transposed else -1])
        elif name == "Einsum":
            settings = dict(zip(attrs[::2], attrs[1::2]))
            self.add((), self.einsum(settings["equation"], shapes))

    def add(self, shape, each):
        if self.dilated is not None:
            self.dilated = each
        else:
            self.macs += math.prod(shape) * int(each)

    @staticmethod
    def einsum(equation, shapes):
        text = equation.decode() if isinstance(equation, bytes) else equation
        sizes = {}
        for labels, shape in zip(text.split("->")[0].split(","), shapes):
            head, _, tail = labels.partition("...")
            for label, axis in zip(head, shape):
                sizes[label] = axis
            for label, axis in zip(reversed(tail), reversed(shape)):
                sizes[label] = axis
            if "..." in labels:
                sizes["..."] = int(np.prod(shape[len(head) : len(shape) - len(tail)], dtype=int))
        return math.prod(sizes.values())


class counting:
    """with counting() as counter: ...; counter.macs"""

    def __enter__(self):
        self.counter = Counter()
        self.rnn = backend.rnn
        self.masks = keras.layers.RNN._maybe_config_dropout_masks
        backend.rnn = self.without_its_rehearsal
        keras.layers.RNN._maybe_config_dropout_masks = lambda *given: self.without_its_masks(*given)
        op_callbacks.add_op_callback(self.counter)
        return self.counter

    def __exit__(self, *_):
        op_callbacks.remove_op_callback(self.counter)
        backend.rnn = self.rnn
        keras.layers.RNN._maybe_config_dropout_masks = self.masks

    def without_its_masks(self, *given):
        """Keras runs stacked cells once before the sequence, for the shapes of their dropouts."""
        before = self.counter.macs
        self.masks(*given)
        self.counter.macs = before

    def without_its_rehearsal(self, step, *args, unroll=False, **options):
        """Keras calls the step once before its loop, for the shapes."""
        calls = 0

        def counted(*inputs):
            nonlocal calls
            calls += 1
            before = self.counter.macs
            result = step(*inputs)
            if calls == 1 and not unroll:
                self.counter.macs = before
            return result

        return self.rnn(counted, *args, unroll=unroll, **options)
