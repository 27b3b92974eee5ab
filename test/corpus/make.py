"""Writes the corpus: python make.py FOLDER [PATTERN [GROUPS]]

Saves every network whose name fits as FOLDER/<name>.keras, as .h5, and as .tfjs.zip by the converter of TensorFlow.js (and as .trained.keras after one step of
SGD), and beside them `networks.json`, what stock Keras says of each, with inputs and outputs in `numbers.bin` (float32, by offset and shape). Networks of other
groups than those that fit GROUPS are not built.
"""

import hashlib
import json
import os
import pathlib
import re
import sys
import time
import warnings

os.environ["KERAS_BACKEND"] = "tensorflow"
here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent / "keras")]
warnings.filterwarnings("ignore")

import absl.logging

absl.logging.set_verbosity("error")

import keras
import numpy as np
import tensorflow as tf

import converting
from counting import counting
from networks import applications, families, files, graphs, operations, options, precision, random_graphs, rare
from networks.network import drawn_inputs, randomise

GROUPS = {
    "Families of classes": families,
    "Classes and options": options,
    "Graphs, masks and states": graphs,
    "Operations": operations,
    "Rare classes": rare,
    "Precision": precision,
    "Contents of files": files,
    "Random graphs": random_graphs,
    "keras.applications": applications,
}


class Numbers:
    """Arrays one after the other in a file."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.at = 0

    def add(self, array):
        data = np.ascontiguousarray(np.asarray(array, "float32"))
        place = {"offset": self.at, "shape": list(data.shape)}
        self.file.write(data.tobytes())
        self.at += data.nbytes
        return place


def classes(model):
    """Of its layers and operations, those of nested models too."""
    found = set()
    for layer in getattr(model, "operations", model.layers):
        if isinstance(layer, keras.Model):
            found |= classes(layer)
        else:
            kind = type(layer)
            found.add(f"ops.{kind.__name__}" if kind.__module__.startswith("keras.src.ops") else kind.__name__)
    return found


def digest(model):
    """Of every variable's dtype, shape, flag and bits. Random generators begin anew where the file does not hold their states."""
    total = hashlib.sha256()
    for variable in model.variables:
        if "seed_generator" in variable.path:
            continue
        value = np.ascontiguousarray(keras.ops.convert_to_numpy(variable))
        total.update(f"{variable.dtype} {value.shape} {variable.trainable};".encode())
        total.update(value.tobytes())
    return total.hexdigest()


def named_outputs(model, value):
    """Outputs flattened as Keras flattens them, under a dictionary's keys where it is one."""
    if isinstance(value, dict) and not any(isinstance(item, (dict, list, tuple)) for item in value.values()):
        return [(key, value[key]) for key in sorted(value)]
    return [(None, item) for item in keras.tree.flatten(value)]


def call(model, x, training=False):
    """The model on arrays in the order of `model.inputs`, whatever the structure of its inputs is."""
    tensors = [tf.cast(array, tensor.dtype) for array, tensor in zip(x, model.inputs)]
    if isinstance(model, keras.Sequential):
        return model(tensors[0], training=training)
    return model(keras.tree.pack_sequence_as(model._inputs_struct, tensors), training=training)


def output_shapes(model, outputs):
    """Of each layer of the model itself that is called once. Where Keras' static shape is not what it computes (an ellipsis in EinsumDense, two layers of
    other units in Bidirectional), the last one's is left out."""
    shapes = {}
    for layer in model.layers:
        nodes = [node for node in layer._inbound_nodes if len(node.output_tensors) == 1]
        if len(nodes) == 1 and not isinstance(layer, keras.Model):
            shapes[layer.name] = list(nodes[0].output_tensors[0].shape)
    static = [tensor.shape for tensor in model.outputs]
    if any(None not in shape[1:] and shape[1:] != value.shape[1:] for shape, value in zip(static, outputs)):
        shapes.pop(model.layers[-1].name, None)
    return shapes


def distance(actual, expected):
    scale = max((float(np.max(np.abs(item))) for item in expected if item.size), default=0) or 1
    return max((float(np.max(np.abs(a - b))) for a, b in zip(actual, expected) if b.size), default=0) / scale


def step(model, x, shape, random, path, numbers):
    """One step of SGD at a rate of 0.1 on the mean squared distance from random targets; saves what it leaves."""
    y = random.standard_normal(shape).astype("float32")
    # By its own weights: compiled models hold an optimizer's too.
    variables = model.trainable_variables
    if not variables:
        return None
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(call(model, x, training=True) - y))
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    keras.optimizers.SGD(0.1).apply(gradients, variables)
    model.save(path)
    return {"y": numbers.add(y), "loss": float(loss)}


def write(network, group, seed, folder, numbers):
    random = np.random.default_rng(seed)
    model = network.model
    if network.draw:
        randomise(model, random)
    x = drawn_inputs(model, random) if network.x is None else network.x
    base = folder / network.name
    saved = {}
    for name in ("keras", "h5"):
        try:
            model.save(f"{base}.{name}")
            saved[name] = None
        except Exception as error:
            saved[name] = f"{type(error).__name__}: {error}"[:300]
    source = pathlib.Path(f"{base}.h5" if saved["h5"] is None else f"{base}.keras")
    try:
        converting.convert(source, f"{base}.tfjs.zip")
        saved["tfjs"] = None
    except Exception as error:
        saved["tfjs"] = f"{type(error).__name__}: {error}"[:300]
    with counting() as counter:
        answer = call(model, x)
    outputs = [(name, np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(value, "float32")))) for name, value in named_outputs(model, answer)]
    moved = 0.0
    if network.ill_conditioned:
        nudged = [(array * (1 + 1e-7 * random.choice([-1, 1], array.shape))).astype("float32") for array in x]
        moved = distance([np.asarray(value) for _, value in named_outputs(model, call(model, nudged))], [value for _, value in outputs])
    facts = {
        "name": network.name,
        "group": group,
        "classes": sorted(classes(model)),
        "saved": saved,
        "inputs": [{"name": tensor._keras_history.operation.name, **numbers.add(array)} for tensor, array in zip(model.inputs, x)],
        "outputs": [{"name": name, **numbers.add(value)} for name, value in outputs],
        "tolerance": network.tolerance,
        "moved": moved,
        "parameters": model.count_params(),
        "trainable": int(sum(np.prod(weight.shape) for weight in model.trainable_weights)),
        # Of one sample; a free dimension has a length here that static inference does not know.
        "macs": None if any(None in tensor.shape[1:] for tensor in model.inputs) else counter.macs / len(x[0]) + network.more_macs,
        "shapes": output_shapes(model, [value for _, value in outputs]),
        "digest": digest(model),
        "step": None,
    }
    if network.step and len(x) == 1 and len(outputs) == 1:
        facts["step"] = step(model, x, outputs[0][1].shape, random, f"{base}.trained.keras", numbers)
    return facts


def main(folder, pattern="", groups=""):
    folder = pathlib.Path(folder)
    numbers = Numbers(folder / "numbers.bin")
    made = []
    seconds = {}
    for group, module in GROUPS.items():
        if not re.search(groups, group):
            continue
        started = time.monotonic()
        for seed, network in enumerate(module.networks(pattern) if module in (applications, random_graphs) else module.networks()):
            if re.search(pattern, network.name):
                while any(facts["name"] == network.name for facts in made):
                    network.name += "_too"
                made.append(write(network, group, seed, folder, numbers))
        seconds[group] = round(time.monotonic() - started, 1)
    numbers.file.close()
    (folder / "networks.json").write_text(json.dumps(made, default=str))
    print(json.dumps(seconds), file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
