"""Files that must be refused: python refused.py FOLDER

Writes FOLDER/<name> for every case and FOLDER/cases.json: the names with the code that the service must answer.
"""

import copy
import io
import json
import os
import pathlib
import pickle
import struct
import sys
import warnings
import zipfile

os.environ["KERAS_BACKEND"] = "tensorflow"
warnings.filterwarnings("ignore")

import h5py
import keras
import numpy as np

L = keras.layers


def saved(model, extension="keras"):
    path = f"{FOLDER}/scratch.{extension}"
    model.save(path)
    content = pathlib.Path(path).read_bytes()
    os.unlink(path)
    return content


def dense():
    return keras.Sequential([keras.Input((4,)), L.Dense(3, name="first"), L.Dense(2, name="second")])


def parts(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(entries, compression=zipfile.ZIP_DEFLATED):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, data in entries.items() if isinstance(entries, dict) else entries:
            archive.writestr(name, data)
    return content.getvalue()


def with_config(content, change):
    """The file with its config changed: `change` edits it in place, or returns another."""
    entries = parts(content)
    config = json.loads(entries["config.json"])
    config = change(config) or config
    entries["config.json"] = json.dumps(config)
    return packed(entries)


def with_weights(content, change):
    """The file with its weights file changed: `change` edits the open h5py file."""
    entries = parts(content)
    path = f"{FOLDER}/scratch.h5"
    pathlib.Path(path).write_bytes(entries["model.weights.h5"])
    with h5py.File(path, "r+") as file:
        change(file)
    entries["model.weights.h5"] = pathlib.Path(path).read_bytes()
    os.unlink(path)
    return packed(entries)


def replace(file, path, value, **options):
    del file[path]
    file.create_dataset(path, data=value, **options)


FIRST = "layers/dense/vars/0"


def layer(config, index):
    return config["config"]["layers"][index]


def option(content, index, **options):
    return with_config(content, lambda config: layer(config, index)["config"].update(options))


def no_models(plain):
    """What is no model at all, or a model of somebody else."""
    yield "empty.keras", b"", "UNSUPPORTED_FORMAT"
    yield "one_byte.keras", b"P", "UNSUPPORTED_FORMAT"
    yield "zeros.keras", bytes(4096), "UNSUPPORTED_FORMAT"
    yield "noise.keras", np.random.default_rng(0).bytes(4096), "UNSUPPORTED_FORMAT"
    yield "text.keras", b"this is not a model\n", "UNSUPPORTED_FORMAT"
    yield "html.keras", b"<!doctype html><title>404</title>", "UNSUPPORTED_FORMAT"
    yield "pickle.keras", pickle.dumps({"weights": [1, 2]}), "UNSUPPORTED_FORMAT"
    yield "hostile_pickle.keras", b"cos\nsystem\n(S'echo refused'\ntR.", "UNSUPPORTED_FORMAT"
    # A zip of PyTorch: archive/data.pkl and tensors beside it.
    yield "pytorch.pt", packed({"archive/data.pkl": pickle.dumps({"a": 1}, 2), "archive/version": "3", "archive/data/0": bytes(16)}, 0), "UNSUPPORTED_FORMAT"
    # ONNX begins with its version and producer, TFLite with an offset and its name, a saved_model.pb with its schema version.
    yield "model.onnx", b"\x08\x07\x12\x07pytorch\x1a\x052.1.0" + bytes(64), "UNSUPPORTED_FORMAT"
    yield "model.tflite", b"\x1c\x00\x00\x00TFL3" + bytes(128), "UNSUPPORTED_FORMAT"
    yield "saved_model.pb", b"\x08\x01\x12\xd4\x0e" + bytes(64), "UNSUPPORTED_FORMAT"
    yield "saved_model.zip", packed({"saved_model.pb": b"\x08\x01", "variables/variables.index": b"", "fingerprint.pb": b""}), "UNSUPPORTED_FORMAT"
    yield "array.npy", npy(np.zeros(3)), "UNSUPPORTED_FORMAT"
    yield "arrays.npz", npz(a=np.zeros(3)), "UNSUPPORTED_FORMAT"
    yield "gzip.keras", b"\x1f\x8b\x08" + bytes(64), "UNSUPPORTED_FORMAT"
    yield "tar.keras", b"config.json".ljust(257, b"\0") + b"ustar\x0000" + bytes(256), "UNSUPPORTED_FORMAT"
    yield "png.keras", b"\x89PNG\r\n\x1a\n" + bytes(64), "UNSUPPORTED_FORMAT"
    yield "nearly_hdf5.h5", b"\x89HDF\r\n\x1a\x00" + bytes(64), "UNSUPPORTED_FORMAT"
    yield "git_lfs_pointer.keras", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 132735373\n", "UNSUPPORTED_FORMAT"


def npy(array):
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def npz(**arrays):
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def archives(plain):
    """Zip archives that are damaged, incomplete or hostile."""
    entries = parts(plain)
    yield "empty_zip.keras", packed({}), "UNSUPPORTED_FORMAT"
    yield "zip_of_text.keras", packed({"readme.txt": "hello"}), "UNSUPPORTED_FORMAT"
    for name in ("config.json", "metadata.json", "model.weights.h5"):
        rest = {key: value for key, value in entries.items() if key != name}
        yield f"without_{name}.keras", packed(rest), "UNSUPPORTED_FORMAT"
    yield "cut_in_half.keras", plain[: len(plain) // 2], "MODEL_UNREADABLE"
    yield "without_its_directory.keras", plain[:-40], "MODEL_UNREADABLE"
    yield "only_the_magic.keras", b"PK\x03\x04", "MODEL_UNREADABLE"
    yield "flipped_bytes.keras", flipped(packed(entries)), "MODEL_UNREADABLE"
    yield "config_twice.keras", packed([*entries.items(), ("config.json", entries["config.json"])]), "MODEL_UNREADABLE"
    yield "encrypted.keras", encrypted(plain), "MODEL_UNREADABLE"
    yield "unknown_method.keras", method(plain, 99), "MODEL_UNREADABLE"
    yield "bomb.keras", packed({**entries, "model.weights.h5": bytes(300 * 2**20)}), "MODEL_UNREADABLE"
    yield "config_bomb.keras", packed({**entries, "config.json": b" " * (65 * 2**20)}), "MODEL_UNREADABLE"
    yield "declares_little.keras", declares(packed({**entries, "config.json": b" " * 2**20}), 10), "MODEL_UNREADABLE"
    yield "many_entries.keras", packed({**entries, **{f"assets/{index}": b"" for index in range(10_001)}}), "MODEL_UNREADABLE"
    yield "path_traversal.keras", packed({**entries, "../../../../tmp/espalier-was-here": b"x"}), "MODEL_UNREADABLE"
    yield "absolute_path.keras", packed({**entries, "/tmp/espalier-was-here": b"x"}), "MODEL_UNREADABLE"
    yield "other_folder.keras", packed({f"model/{key}": value for key, value in entries.items()}), "UNSUPPORTED_FORMAT"


def flipped(content):
    """Damaged inside the compressed config."""
    at = content.index(b"config.json") + 40
    return content[:at] + bytes(255 - byte for byte in content[at : at + 60]) + content[at + 60 :]


def patched(content, signature, offset, value):
    out = bytearray(content)
    at = out.find(signature)
    while at >= 0:
        out[at + offset : at + offset + len(value)] = value
        at = out.find(signature, at + 4)
    return bytes(out)


def encrypted(content):
    return patched(patched(content, b"PK\x03\x04", 6, b"\x01\x00"), b"PK\x01\x02", 8, b"\x01\x00")


def method(content, number):
    value = struct.pack("<H", number)
    return patched(patched(content, b"PK\x03\x04", 8, value), b"PK\x01\x02", 10, value)


def declares(content, size):
    value = struct.pack("<I", size)
    return patched(patched(content, b"PK\x03\x04", 22, value), b"PK\x01\x02", 24, value)


def configs(plain):
    """Config files that are no models, or models that make no sense."""
    entries = parts(plain)

    def of(text):
        return packed({**entries, "config.json": text})

    yield "config_not_json.keras", of("{"), "MODEL_UNREADABLE"
    yield "config_empty.keras", of(""), "MODEL_UNREADABLE"
    yield "config_a_list.keras", of("[]"), "MODEL_UNREADABLE"
    yield "config_null.keras", of("null"), "MODEL_UNREADABLE"
    yield "config_without_class.keras", of("{}"), "MODEL_UNREADABLE"
    yield "config_nan.keras", of(entries["config.json"].decode().replace('"units": 3', '"units": NaN')), "MODEL_UNREADABLE"
    yield "config_deep.keras", of('{"a":' * 100_000 + "1" + "}" * 100_000), "MODEL_UNREADABLE"
    yield "metadata_not_json.keras", packed({**entries, "metadata.json": "?"}), "MODEL_UNREADABLE"
    yield "no_layers.keras", with_config(plain, lambda config: config["config"].update(layers=[])), "MODEL_UNREADABLE"
    yield "layers_not_a_list.keras", with_config(plain, lambda config: config["config"].update(layers="Dense")), "MODEL_UNREADABLE"
    yield "layer_null.keras", with_config(plain, lambda config: config["config"]["layers"].append(None)), "MODEL_UNREADABLE"
    yield "layer_without_name.keras", option(plain, 1, name=None), "MODEL_UNREADABLE"
    yield "two_of_a_name.keras", option(plain, 2, name="first"), "MODEL_UNREADABLE"
    yield "name_of_a_prototype.keras", option(plain, 1, name="__proto__", units=[]), "MODEL_UNREADABLE"
    yield "units_negative.keras", option(plain, 1, units=-3), "MODEL_UNREADABLE"
    yield "units_text.keras", option(plain, 1, units="three"), "MODEL_UNREADABLE"
    yield "units_fraction.keras", option(plain, 1, units=2.5), "MODEL_UNREADABLE"
    yield "units_zero.keras", option(plain, 1, units=0), "MODEL_UNREADABLE"
    yield "units_huge.keras", option(plain, 1, units=2**40), "MODEL_UNREADABLE"
    yield "units_beyond_numbers.keras", option(plain, 1, units=10**300), "MODEL_UNREADABLE"
    yield "input_huge.keras", option(plain, 0, batch_shape=[None, 2**40]), "MODEL_UNREADABLE"
    yield "input_negative.keras", option(plain, 0, batch_shape=[None, -4]), "MODEL_UNREADABLE"
    yield "input_missing.keras", option(plain, 0, batch_shape=None), "MODEL_UNREADABLE"
    yield "input_of_many_axes.keras", option(plain, 0, batch_shape=[None] + [1] * 10_000), "WEIGHTS_MISMATCH"
    yield "input_of_strings.keras", option(plain, 0, dtype="string"), "UNSUPPORTED_LAYER_OPTION"
    yield "input_in_the_middle.keras", with_config(plain, lambda config: config["config"]["layers"].append(copy.deepcopy(layer(config, 0)))), "MODEL_UNREADABLE"


def functional_configs():
    x = keras.Input((4,), name="x")
    plain = saved(keras.Model(x, L.Dense(4, name="b")(L.Dense(4, name="a")(x))))

    def history(config, index, source):
        layer(config, index)["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = source

    yield "cycle.keras", with_config(plain, lambda config: history(config, 1, ["b", 0, 0])), "MODEL_UNREADABLE"
    yield "calls_itself.keras", with_config(plain, lambda config: history(config, 1, ["a", 0, 0])), "MODEL_UNREADABLE"
    yield "calls_nobody.keras", with_config(plain, lambda config: history(config, 1, ["nobody", 0, 0])), "MODEL_UNREADABLE"
    yield "calls_a_later_node.keras", with_config(plain, lambda config: history(config, 2, ["a", 7, 0])), "MODEL_UNREADABLE"
    yield "history_of_text.keras", with_config(plain, lambda config: history(config, 1, "x")), "MODEL_UNREADABLE"
    yield "output_of_nobody.keras", with_config(plain, lambda config: config["config"].update(output_layers=["nobody", 0, 0])), "MODEL_UNREADABLE"
    yield "outputs_missing.keras", with_config(plain, lambda config: config["config"].update(output_layers=[])), "MODEL_UNREADABLE"
    yield "input_of_nobody.keras", with_config(plain, lambda config: config["config"].update(input_layers=["nobody", 0, 0])), "MODEL_UNREADABLE"
    yield "nodes_not_a_list.keras", with_config(plain, lambda config: layer(config, 1).update(inbound_nodes={"a": 1})), "MODEL_UNREADABLE"
    yield "tensor_of_text.keras", with_config(plain, lambda config: layer(config, 1).update(inbound_nodes=[{"args": ["x"], "kwargs": {}}])), "MODEL_UNREADABLE"

    def deep(config):
        inner = copy.deepcopy(config)
        for depth in range(200):
            inner = {
                "module": "keras",
                "class_name": "Sequential",
                "config": {"name": f"depth_{depth}", "layers": [inner], "build_input_shape": [None, 4]},
                "registered_name": None,
            }
        return inner

    yield "models_in_models.keras", with_config(plain, deep), "MODEL_UNREADABLE"

    def doubling(config):
        """Each of twenty models calls the one within twice: a million calls from a small file."""
        model = {
            "module": "keras",
            "class_name": "Sequential",
            "config": {"name": "m", "layers": [copy.deepcopy(layer(plain_config, 0)), copy.deepcopy(layer(plain_config, 1))]},
            "registered_name": None,
        }
        for depth in range(14):
            first = {"args": [tensor("x", 0)], "kwargs": {}}
            calls = [first] + [{"args": [tensor(model["config"]["name"], call)], "kwargs": {}} for call in range(3)]
            inner = {**model, "name": model["config"]["name"], "inbound_nodes": calls}
            model = {
                "module": "keras",
                "class_name": "Functional",
                "config": {
                    "name": f"d{depth}",
                    "layers": [{**copy.deepcopy(layer(plain_functional, 0)), "inbound_nodes": []}, inner],
                    "input_layers": ["x", 0, 0],
                    "output_layers": [inner["name"], 3, 0],
                },
                "registered_name": "Functional",
            }
        return model

    plain_config = json.loads(parts(saved(keras.Sequential([keras.Input((4,), name="x"), L.Dense(4)])))["config.json"])
    plain_functional = json.loads(parts(plain)["config.json"])
    yield "doubling_models.keras", with_config(plain, doubling), "MODEL_UNREADABLE"

    merging = saved(merged())
    yield "shapes_do_not_merge.keras", option(merging, 1, units=3), "MODEL_UNREADABLE"
    image = saved(keras.Sequential([keras.Input((8, 8, 3)), L.Conv2D(4, 3, name="conv"), L.Flatten(), L.Dense(2)]))
    yield "kernel_larger_than_image.keras", option(image, 1, kernel_size=[9, 9]), "MODEL_UNREADABLE"
    yield "strides_zero.keras", option(image, 1, strides=[0, 1]), "MODEL_UNREADABLE"
    yield "kernel_huge.keras", option(image, 1, kernel_size=[2**31, 2**31]), "MODEL_UNREADABLE"
    yield "groups_that_do_not_divide.keras", option(image, 1, groups=2), "MODEL_UNREADABLE"
    yield "padding_unknown.keras", option(image, 1, padding="reflect"), "UNSUPPORTED_LAYER_OPTION"
    yield "channels_first.keras", option(image, 1, data_format="channels_first"), "UNSUPPORTED_LAYER_OPTION"


def tensor(source, call):
    return {"class_name": "__keras_tensor__", "config": {"shape": [None, 4], "dtype": "float32", "keras_history": [source, call, 0]}}


def merged():
    x = keras.Input((4,))
    return keras.Model(x, L.Add()([L.Dense(4)(x), x]))


def weights(plain):
    """Weights that are not what the config needs."""
    entries = parts(plain)
    h5 = entries["model.weights.h5"]

    def of(content):
        return packed({**entries, "model.weights.h5": content})

    yield "weights_empty.keras", of(b""), "MODEL_UNREADABLE"
    yield "weights_of_text.keras", of(b"not HDF5" * 100), "MODEL_UNREADABLE"
    yield "weights_cut.keras", of(h5[: len(h5) // 2]), "MODEL_UNREADABLE"
    yield "weights_head_only.keras", of(h5[:64]), "MODEL_UNREADABLE"
    yield "weight_missing.keras", with_weights(plain, lambda file: file.__delitem__(FIRST)), "WEIGHTS_MISMATCH"
    yield "layer_missing.keras", with_weights(plain, lambda file: file.__delitem__("layers/dense_1")), "WEIGHTS_MISMATCH"
    yield "weight_of_another_shape.keras", with_weights(plain, lambda file: replace(file, FIRST, np.zeros((4, 5), "f4"))), "WEIGHTS_MISMATCH"
    yield "weight_transposed.keras", with_weights(plain, lambda file: replace(file, FIRST, np.zeros((3, 4), "f4"))), "WEIGHTS_MISMATCH"
    yield "weight_of_another_rank.keras", with_weights(plain, lambda file: replace(file, FIRST, np.zeros(12, "f4"))), "WEIGHTS_MISMATCH"
    yield "weight_left_over.keras", with_weights(plain, lambda file: file.create_dataset("layers/dense/vars/2", data=np.zeros(3, "f4"))), "WEIGHTS_MISMATCH"
    for name, value in (("nan", np.nan), ("infinity", np.inf), ("minus_infinity", -np.inf)):
        yield f"weight_{name}.keras", with_weights(plain, lambda file: file[FIRST].__setitem__((0, 0), value)), "NON_FINITE_WEIGHTS"
    yield "weight_int8.keras", with_weights(plain, lambda file: replace(file, FIRST, np.zeros((4, 3), "i1"))), "WEIGHTS_MISMATCH"
    yield "weight_complex.keras", with_weights(plain, lambda file: replace(file, FIRST, np.zeros((4, 3), "c8"))), "MODEL_UNREADABLE"
    yield "weight_strings.keras", with_weights(plain, lambda file: replace(file, FIRST, np.array([[b"a"] * 3] * 4))), "MODEL_UNREADABLE"
    yield "weight_compound.keras", with_weights(plain, lambda file: replace(file, FIRST, np.zeros((4, 3), [("a", "f4"), ("b", "f4")]))), "MODEL_UNREADABLE"

    def external_link(file):
        del file[FIRST]
        file[FIRST] = h5py.ExternalLink("/etc/passwd", "/data")

    def soft_link(file):
        del file[FIRST]
        file[FIRST] = h5py.SoftLink("/layers/dense_1/vars/0")

    def external_storage(file):
        del file[FIRST]
        file.create_dataset(FIRST, (4, 3), "f4", external=[("/etc/hostname", 0, 48)])

    def circle(file):
        file["layers/dense/again"] = file["layers"]

    def declared(file):
        del file[FIRST]
        file.create_dataset(FIRST, (2**20, 2**20), "f4", chunks=(64, 64))

    def deep(file):
        file.create_group("layers/dense/" + "/".join(["g"] * 200))

    yield "external_link.keras", with_weights(plain, external_link), "MODEL_UNREADABLE"
    yield "soft_link.keras", with_weights(plain, soft_link), "WEIGHTS_MISMATCH"
    yield "external_storage.keras", with_weights(plain, external_storage), "MODEL_UNREADABLE"
    yield "hard_link_circle.keras", with_weights(plain, circle), "MODEL_UNREADABLE"
    yield "declares_terabytes.keras", with_weights(plain, declared), "MODEL_UNREADABLE"
    yield "deep_groups.keras", with_weights(plain, deep), "MODEL_UNREADABLE"


@keras.saving.register_keras_serializable(package="corpus")
class Own(L.Layer):
    def call(self, x):
        return 2 * x


@keras.saving.register_keras_serializable(package="corpus")
class OwnModel(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.inner = L.Dense(2)

    def call(self, x):
        return self.inner(x)


@keras.saving.register_keras_serializable(package="corpus")
def own_activation(x):
    return keras.ops.relu(x) ** 2


def code(plain):
    """What needs code of the file's own, or code that is not here."""
    yield "lambda.keras", saved(keras.Sequential([keras.Input((4,)), L.Lambda(lambda x: x * 2), L.Dense(2)])), "CUSTOM_CODE_IN_MODEL"
    yield "own_layer.keras", saved(keras.Sequential([keras.Input((4,)), Own(), L.Dense(2)])), "CUSTOM_CODE_IN_MODEL"
    subclassed = OwnModel()
    subclassed(np.zeros((1, 4), "f4"))
    yield "subclassed.keras", saved(subclassed), "CUSTOM_CODE_IN_MODEL"
    yield "own_activation.keras", saved(keras.Sequential([keras.Input((4,)), L.Dense(2, activation=own_activation)])), "UNSUPPORTED_LAYER_OPTION"
    yield "unknown_activation.keras", option(plain, 1, activation="swishish"), "UNSUPPORTED_LAYER_OPTION"
    yield "unknown_class.keras", with_config(plain, lambda config: layer(config, 1).update(class_name="Quantum")), "UNSUPPORTED_LAYER"
    yield "prototype_class.keras", with_config(plain, lambda config: layer(config, 1).update(class_name="constructor")), "UNSUPPORTED_LAYER"
    yield "module_os.keras", with_config(plain, lambda config: layer(config, 1).update(module="os", class_name="system")), "CUSTOM_CODE_IN_MODEL"
    yield "module_keras_utils.keras", with_config(plain, lambda config: layer(config, 1).update(module="keras.utils", class_name="get_file")), "UNSUPPORTED_LAYER"
    yield "model_of_another_module.keras", with_config(plain, lambda config: config.update(module="builtins", class_name="eval")), "CUSTOM_CODE_IN_MODEL"
    yield "no_model_but_a_layer.keras", with_config(plain, lambda config: layer(config, 1)), "CUSTOM_CODE_IN_MODEL"
    yield "registered_name.keras", with_config(plain, lambda config: layer(config, 1).update(registered_name="other>Dense")), "CUSTOM_CODE_IN_MODEL"
    for mode in ("int8", "float8"):
        model = keras.Sequential([keras.Input((4,)), L.Dense(3), L.Dense(2)])
        model.quantize(mode)
        yield f"quantised_{mode}.keras", saved(model), "UNSUPPORTED_LAYER_OPTION"
    unbuilt = keras.Sequential([L.Dense(3)])
    yield "never_built.keras", saved(unbuilt), "MODEL_UNREADABLE"
    words = keras.Sequential([keras.Input((1,), dtype="string"), L.StringLookup(vocabulary=["a", "b"])])
    yield "strings.keras", saved(words), "UNSUPPORTED_LAYER"


def h5_files():
    """Whole-model HDF5 files of Keras."""
    whole = saved(dense(), "h5")

    def changed(change):
        path = f"{FOLDER}/scratch.h5"
        pathlib.Path(path).write_bytes(whole)
        with h5py.File(path, "r+") as file:
            change(file)
        content = pathlib.Path(path).read_bytes()
        os.unlink(path)
        return content

    def config(file, change):
        value = json.loads(file.attrs["model_config"])
        change(value)
        file.attrs["model_config"] = json.dumps(value)

    kernel = next(name for name in walked(whole) if "first" in name and name.endswith("kernel"))
    path = f"{FOLDER}/only.weights.h5"
    dense().save_weights(path)
    only_weights = pathlib.Path(path).read_bytes()
    os.unlink(path)
    yield "h5_cut.h5", whole[: len(whole) // 2]
    yield "h5_head_only.h5", whole[:96]
    yield "h5_weights_only.h5", only_weights
    yield "h5_without_config.h5", changed(lambda file: file.attrs.__delitem__("model_config"))
    yield "h5_config_not_json.h5", changed(lambda file: file.attrs.__setitem__("model_config", "{"))
    yield "h5_without_weights.h5", changed(lambda file: file.__delitem__("model_weights"))
    yield "h5_weight_missing.h5", changed(lambda file: file.__delitem__(kernel))
    yield "h5_weight_of_another_shape.h5", changed(lambda file: replace(file, kernel, np.zeros((4, 5), "f4")))
    yield "h5_weight_nan.h5", changed(lambda file: file[kernel].__setitem__((0, 0), np.nan))
    yield "h5_unknown_class.h5", changed(lambda file: config(file, lambda value: layer(value, 1).update(class_name="Quantum")))
    yield "h5_lambda.h5", changed(lambda file: config(file, lambda value: layer(value, 1).update(class_name="Lambda")))
    yield "h5_not_a_model.h5", changed(lambda file: [file.__delitem__(key) for key in list(file)] and [file.attrs.__delitem__(key) for key in list(file.attrs)])


def walked(content):
    names = []
    with h5py.File(io.BytesIO(content), "r") as file:
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return names


# Of whole-model HDF5 files.
H5_CODES = {
    "h5_cut.h5": "MODEL_UNREADABLE",
    "h5_head_only.h5": "MODEL_UNREADABLE",
    "h5_weights_only.h5": "UNSUPPORTED_FORMAT",
    "h5_without_config.h5": "UNSUPPORTED_FORMAT",
    "h5_config_not_json.h5": "MODEL_UNREADABLE",
    "h5_without_weights.h5": "WEIGHTS_MISMATCH",
    "h5_weight_missing.h5": "WEIGHTS_MISMATCH",
    "h5_weight_of_another_shape.h5": "WEIGHTS_MISMATCH",
    "h5_weight_nan.h5": "NON_FINITE_WEIGHTS",
    "h5_unknown_class.h5": "UNSUPPORTED_LAYER",
    "h5_lambda.h5": "CUSTOM_CODE_IN_MODEL",
    "h5_not_a_model.h5": "UNSUPPORTED_FORMAT",
}


def cases():
    plain = saved(dense())
    for make in (no_models, archives, configs, weights, code):
        yield from make(plain)
    yield from functional_configs()
    for name, content in h5_files():
        yield name, content, H5_CODES[name]


def main():
    codes = {}
    for name, content, expected in cases():
        pathlib.Path(FOLDER, name).write_bytes(content)
        assert name not in codes, name
        codes[name] = expected
    pathlib.Path(FOLDER, "cases.json").write_text(json.dumps(codes))


if __name__ == "__main__":
    FOLDER = sys.argv[1]
    main()
