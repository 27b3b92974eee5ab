"""Loads in stock Keras what was written here: python check.py FOLDER

Reads FOLDER/written.json, [{"name", "path", "format", "from"}], and writes FOLDER/checked.json: for each path null, or what is not as in the file that Keras
saved.
"""

import io
import json
import pathlib
import sys
import warnings
import zipfile

import make
import h5py
import keras
import numpy as np


def load(path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = keras.models.load_model(path)
    return model, sorted(str(warning.message) for warning in caught if "optimizer" in str(warning.message))


def layers_of(model):
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from layers_of(layer)


def description(model):
    """Everything of a model but numbers: names, flags, policies, structure, and how it was compiled."""
    layers = [[layer.name, layer.trainable, layer.dtype_policy.name] for layer in layers_of(model)]
    compiled = model.get_compile_config() if model.compiled else None
    return json.loads(json.dumps([model.name, layers, model.get_config(), compiled], default=str))


def datasets(path, format):
    """Every data set of a file by its path, as dtype, shape and bits."""
    if format == "keras":
        with zipfile.ZipFile(path) as archive:
            content = io.BytesIO(archive.read("model.weights.h5"))
    else:
        content = path
    found = {}
    with h5py.File(content, "r") as file:
        file.visititems(lambda name, item: found.update({name: (str(item.dtype), item.shape, item[()].tobytes())}) if isinstance(item, h5py.Dataset) else None)
    return found


def kept(original, path, format):
    """What of a file is not in the other of its format: null, or its first difference."""
    before, after = datasets(original, format), datasets(path, format)
    for name in before.keys() ^ after.keys():
        return f"{name} is in one of the files only"
    for name, (dtype, shape, bits) in before.items():
        # Numbers of two bytes are written in four; the variables' bits are compared below.
        if dtype not in ("float16", "bfloat16", "|V2") and after[name] != (dtype, shape, bits):
            return f"{name} differs"
    return None


def loaded(original):
    """What Keras makes of a file that it saved: the model with its warnings; None where it cannot load it."""
    try:
        return load(original)
    except Exception:
        return None


def said(error):
    return f"{type(error).__name__}: {error}"[:500]


def predictions(model, facts, numbers):
    answer = make.named_outputs(model, make.call(model, [numbers.array(place) for place in facts["inputs"]]))
    return [np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(value, "float32"))) for _, value in answer]


class Saved:
    """A network as stock Keras saved it, with what the `.keras` file predicts in this process."""

    def __init__(self, facts, folder, numbers):
        self.facts, self.folder, self.numbers = facts, folder, numbers
        self.files = {}
        keras_file = self.file("keras")
        recorded = [numbers.array(place) for place in facts["outputs"]]
        self.outputs = predictions(keras_file[0], facts, numbers) if keras_file else recorded
        # The same weights in the same operations of one process give the same bits; what was recorded is of another process.
        self.allowed = 0 if keras_file else facts["tolerance"]

    def file(self, format):
        if format not in self.files:
            self.files[format] = loaded(self.folder / f"{self.facts['name']}.{format}")
        return self.files[format]


def difference(saved, path, format, source):
    facts = saved.facts
    own = saved.file(format)
    try:
        model, model_warnings = load(path)
    except Exception as error:
        return said(error)
    if source == format:
        lost = kept(saved.folder / f"{facts['name']}.{format}", path, format)
        if lost:
            return lost
        if own and model_warnings != own[1]:
            return f"Keras warns: {model_warnings}"
        if own and description(model) != description(own[0]):
            return "names, flags, policies or configs differ"
    original = saved.file("keras")
    if source == format and original and not own:
        # Keras cannot load the file that it saved (a loss by its short name in .h5, say); the network can be told from its other one.
        if description(model)[:3] != description(original[0])[:3]:
            return "names, flags, policies or structure differ"
        if model.compiled and model.optimizer.get_config() != original[0].optimizer.get_config():
            return "optimizers differ"
    if source == "tfjs":
        # Its converter leaves out states that are no weights, and policies become float32.
        if original and [layer.name for layer in layers_of(model)] != [layer.name for layer in layers_of(original[0])]:
            return "names of layers differ"
    elif make.digest(model) != facts["digest"]:
        return "weights differ"
    moved = make.distance(predictions(model, facts, saved.numbers), saved.outputs)
    allowed = facts["tolerance"] if source == "tfjs" and facts["group"] == "Precision" else saved.allowed
    return None if moved <= allowed else f"predictions differ by {moved}"


class Numbers:
    def __init__(self, path):
        self.bytes = path.read_bytes()

    def array(self, place):
        size = int(np.prod(place["shape"], dtype=int))
        return np.frombuffer(self.bytes, "<f4", size, place["offset"]).reshape(place["shape"])


def main(folder):
    # It is started while the files are still being made, and told when they are there.
    if not sys.stdin.readline():
        return
    folder = pathlib.Path(folder)
    networks = {facts["name"]: facts for facts in json.loads((folder / "networks.json").read_text())}
    numbers = Numbers(folder / "numbers.bin")
    answers = {}
    saved = None
    for written in json.loads((folder / "written.json").read_text()):
        try:
            if saved is None or saved.facts["name"] != written["name"]:
                saved = Saved(networks[written["name"]], folder, numbers)
            answers[written["path"]] = difference(saved, written["path"], written["format"], written["from"])
        except Exception as error:
            answers[written["path"]] = said(error)
    (folder / "checked.json").write_text(json.dumps(answers))


if __name__ == "__main__":
    main(sys.argv[1])
