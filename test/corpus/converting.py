"""Layers models of TensorFlow.js as its own converter writes them, of a whole-model HDF5 file or of a `.keras` file, zipped.

Of the package only the part for Keras is loaded: the rest wants TensorFlow Hub, JAX and decision forests.
"""

import contextlib
import importlib.util
import io
import json
import os
import pathlib
import sys
import tempfile
import types
import zipfile

import h5py


def _package(name, folder):
    module = types.ModuleType(name)
    module.__path__ = [str(folder)]
    sys.modules[name] = module


_folder = pathlib.Path(importlib.util.find_spec("tensorflowjs").submodule_search_locations[0])
_package("tensorflowjs", _folder)
_package("tensorflowjs.converters", _folder / "converters")

from tensorflowjs.converters import keras_h5_conversion as conversion


def convert(source, target):
    """The file `source` as a zip at `target`, in shards of 2 KiB so that most have several."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        if source.suffix == ".h5":
            with h5py.File(source, "r") as file:
                model, groups = conversion.h5_merged_saved_model_to_tfjs_format(file)
        else:
            with zipfile.ZipFile(source) as archive:
                config, metadata = (json.loads(archive.read(name)) for name in ("config.json", "metadata.json"))
                weights = io.BytesIO(archive.read("model.weights.h5"))
            with h5py.File(weights, "r") as file:
                model, groups = conversion.h5_v3_merged_saved_model_to_tfjs_format(file, metadata, config)
        conversion.write_artifacts(model, groups, folder, weight_shard_size_bytes=2048)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(os.listdir(folder)):
                archive.write(os.path.join(folder, name), name)
