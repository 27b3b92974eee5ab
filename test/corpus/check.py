"""Loads in stock Keras what was written here: python check.py FOLDER

Reads FOLDER/written.json, [{"name", "path", "format", "from"}], and writes FOLDER/checked.json: for each path null, what is not as in the file that Keras
saved, or {"unloadable"}: why Keras cannot load even that.
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


def unloadable(original):
    """Why Keras cannot load the file that it saved: null where it can."""
    try:
        load(original)
        return None
    except Exception as error:
        return {"unloadable": said(error)}


def said(error):
    return f"{type(error).__name__}: {error}"[:500]


def difference(facts, folder, path, format, source, numbers):
    original = folder / f"{facts['name']}.{format}"
    try:
        model, model_warnings = load(path)
    except Exception as error:
        return unloadable(original) or said(error)
    if source == format:
        lost = kept(original, path, format)
        if lost:
            return lost
        first, first_warnings = load(original)
        if model_warnings != first_warnings:
            return f"Keras warns: {model_warnings}"
        if description(model) != description(first):
            return "names, flags, policies or configs differ"
    if source == "tfjs":
        # Its converter leaves out states that are no weights, and policies become float32.
        named = [layer.name for layer in layers_of(model)]
        if named != [layer.name for layer in layers_of(load(folder / f"{facts['name']}.keras")[0])]:
            return "names of layers differ"
    elif make.digest(model) != facts["digest"]:
        return "weights differ"

    def array(place):
        size = int(np.prod(place["shape"], dtype=int))
        return np.frombuffer(numbers, "<f4", size, place["offset"]).reshape(place["shape"])

    answer = make.named_outputs(model, make.call(model, [array(place) for place in facts["inputs"]]))
    outputs = [np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(value, "float32"))) for _, value in answer]
    moved = make.distance(outputs, [array(place) for place in facts["outputs"]])
    # The same weights in the same operations: only the order of threads may show, and what another precision of policies loses.
    return None if moved <= (5e-6 if source == format else max(5e-6, facts["tolerance"])) else f"predictions differ by {moved}"


def main(folder):
    folder = pathlib.Path(folder)
    networks = {facts["name"]: facts for facts in json.loads((folder / "networks.json").read_text())}
    numbers = (folder / "numbers.bin").read_bytes()
    answers = {}
    for written in json.loads((folder / "written.json").read_text()):
        try:
            answers[written["path"]] = difference(networks[written["name"]], folder, written["path"], written["format"], written["from"], numbers)
        except Exception as error:
            answers[written["path"]] = said(error)
    (folder / "checked.json").write_text(json.dumps(answers))


if __name__ == "__main__":
    main(sys.argv[1])
