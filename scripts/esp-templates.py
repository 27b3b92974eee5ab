"""Prints what Keras' objects are like where nothing is said of them, by class: esp-templates.py > src/model/formats/esp/templates.json, with stock Keras.

The text of an `.esp` file says of such an object in what it differs. What has no default is null. Files of version 2 need these very texts: they never change.
"""

import inspect
import json

import keras

layers = keras.layers
MADE = {
    "InputLayer": lambda: layers.InputLayer((1,)),
    "RNN": lambda: layers.RNN(layers.LSTMCell(1)),
    "StackedRNNCells": lambda: layers.StackedRNNCells([layers.LSTMCell(1)]),
    "Bidirectional": lambda: layers.Bidirectional(layers.LSTM(1)),
    "TimeDistributed": lambda: layers.TimeDistributed(layers.Dense(1)),
    "SpectralNormalization": lambda: layers.SpectralNormalization(layers.Dense(1)),
}
OPEN = ("batch_shape", "layer", "backward_layer", "cell", "cells")
# Abstract, or of no model that loads.
LEFT_OUT = ("Layer", "InputSpec", "Pipeline", "MaxNumBoundingBoxes", "MelSpectrogram", "Initializer", "Constraint", "Loss", "Metric", "MultiOptimizer")
GUESSES = (1, (1,), (1, 1), 0.5, "relu")


def made(kind):
    """An object of the class with a guess for each argument that has no default, and those arguments."""
    if kind.__name__ in MADE:
        return MADE[kind.__name__](), OPEN
    needed = [
        name
        for name, parameter in list(inspect.signature(kind.__init__).parameters.items())[1:]
        if parameter.default is inspect.Parameter.empty and parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    for guess in GUESSES:
        try:
            return kind(**{name: guess for name in needed}), needed
        except Exception:  # noqa: BLE001
            continue
    return None, needed


def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key not in ("build_config", "compile_config", "shared_object_id")}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


templates = {}
rooms = [keras.layers, keras.initializers, keras.regularizers, keras.constraints, keras.optimizers, keras.optimizers.schedules, keras.losses, keras.metrics]
for room in rooms:
    for name in sorted(vars(room)):
        kind = getattr(room, name)
        if not inspect.isclass(kind) or kind.__name__ != name or name in LEFT_OUT or name in templates:
            continue
        if any(parent.__name__ == "BaseImagePreprocessingLayer" for parent in kind.__mro__):
            continue
        example, needed = made(kind)
        if example is None:
            continue
        try:
            text = plain(json.loads(json.dumps(keras.saving.serialize_keras_object(example))))
        except Exception:  # noqa: BLE001
            continue
        if not isinstance(text, dict) or text.get("class_name") != name or not isinstance(text.get("config"), dict):
            continue
        config = text["config"]
        for key in config:
            if key == "name" or key in needed:
                config[key] = None
        templates[name] = text
templates["DTypePolicy"] = plain(keras.saving.serialize_keras_object(keras.DTypePolicy("float32")))
x = keras.Input((1,))
functional = json.loads(keras.Model(x, layers.ReLU()(x)).to_json())
tensor = functional["config"]["layers"][1]["inbound_nodes"][0]["args"][0]
templates["__keras_tensor__"] = {**tensor, "config": {**tensor["config"], "shape": None, "keras_history": None}}
for name, model in (("Functional", functional), ("Sequential", json.loads(keras.Sequential([x, layers.ReLU()]).to_json()))):
    model = plain(model)
    for key in ("name", "layers", "input_layers", "output_layers", "build_input_shape"):
        if key in model["config"]:
            model["config"][key] = None
    templates[name] = model
print(json.dumps(templates, separators=(",", ":")))
