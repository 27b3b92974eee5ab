"""The names under which the layer classes of stock Keras are saved: run({}) answers those of keras.layers, and the operations of keras.ops."""

import importlib
import inspect

import keras
from keras.src.ops.operation import Operation


def run(args):
    layers = {value.__name__ for value in vars(keras.layers).values() if inspect.isclass(value) and issubclass(value, keras.Layer)}
    operations = set()
    for name in ("numpy", "nn", "math", "core", "image", "linalg"):
        module = importlib.import_module(f"keras.src.ops.{name}")
        found = vars(module).values()
        operations |= {value.__name__ for value in found if inspect.isclass(value) and issubclass(value, Operation) and value is not Operation}
    return {"layers": sorted(layers), "operations": sorted(operations)}
