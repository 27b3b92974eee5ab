"""Every class with its options crossed: the networks whose gradients are compared in test/keras."""

import layers
import recurrent_attention

from networks.network import Network

# Training draws numbers in these, and others than ours.
DRAWS = ("random_", "dropout")

# The scores of 4 queries for 4 keys, each a weighted sum over 6 channels.
SUMS = {"additive": 4 * 4 * 6}


def networks():
    stepped = set()
    for module in (layers, recurrent_attention):
        for name, model, x in module.nets():
            # Gradients of all of them are compared elsewhere; here the first of each class takes a step.
            classes = {type(layer).__name__ for layer in model._flatten_layers() if layer.trainable_weights and layer.__class__.__module__ != "keras"}
            draws = any(part in name for part in DRAWS) or name == "residual"
            step = not draws and not classes <= stepped
            if step:
                stepped |= classes
            yield Network(name, model, None if x is None else [x], step=step, more_macs=SUMS.get(name, 0))
