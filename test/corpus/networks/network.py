"""A network of the corpus: a model, what it is given, and what may be asked of it."""

import dataclasses

import keras
import numpy as np

L = keras.layers

SAMPLES = 4


@dataclasses.dataclass
class Network:
    name: str
    model: keras.Model
    # One array an input, in the order of `model.inputs`; drawn where it is None.
    x: list | None = None
    # Whether its weights are drawn anew: initial ones are zeros and ones, which hide mistakes.
    draw: bool = True
    # Largest relative difference of outputs.
    tolerance: float = 1e-5
    # Whether a training step is compared: one input, one output, and nothing drawn in it.
    step: bool = True
    # Multiply-accumulates that Keras runs as a multiplication and a sum.
    more_macs: int = 0
    # Whether Keras itself moves when its input moves by 1e-7: compared against that.
    ill_conditioned: bool = False


def chain(shape, *layers, **options):
    return keras.Sequential([keras.Input(shape), *layers], **options)


def randomise(model, random):
    """Weights as training leaves them: of both signs, variances and scales positive. The states of random generators stay."""
    for variable in model.variables:
        if "seed" in variable.path or variable.name == "count" or "int" in variable.dtype:
            continue
        value = 0.5 * random.standard_normal(variable.shape)
        if variable.name in ("moving_variance", "variance", "gamma"):
            value = 0.5 + random.random(variable.shape)
        variable.assign(value)
    for layer in model._flatten_layers():
        if isinstance(layer, L.Normalization):
            layer.finalize_state()


def drawn_inputs(model, random):
    """Inputs of the model's shapes; a free dimension is 5 long, and whole numbers are below 6."""
    arrays = []
    for tensor in model.inputs:
        shape = (SAMPLES, *(5 if axis is None else axis for axis in tensor.shape[1:]))
        if "int" in tensor.dtype:
            arrays.append(random.integers(0, 6, shape).astype("float32"))
        else:
            arrays.append(random.standard_normal(shape).astype("float32"))
    return arrays
