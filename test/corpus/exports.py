"""Runs what was exported here in the formats' own runtimes: python exports.py FOLDER

Reads FOLDER/exports.json, [{"path", "inputs", "outputs"}] with arrays of FOLDER/numbers.bin in the order of the file's inputs and outputs by name, and
writes FOLDER/ran.json: for each path {"differences"}, of each output from Keras' as a fraction of its largest number, or {"error"}.
"""

import json
import pathlib
import sys

import numpy as np

TYPES = {"tensor(float)": "float32", "tensor(bool)": "bool"}


def read(numbers, place):
    count = int(np.prod(place["shape"]))
    return np.frombuffer(numbers, "<f4", count, place["offset"]).reshape(place["shape"])


def run_onnx(path, feeds):
    """The outputs by name. The model has passed ONNX's own checker, with its inference of shapes."""
    import onnx
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    types = {given.name: TYPES.get(given.type, given.type[len("tensor(") : -1]) for given in session.get_inputs()}
    assert set(types) == set(feeds), f"inputs {sorted(types)}"
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {name: array.astype(types[name]) for name, array in feeds.items()})))


def run_tflite(path, feeds):
    """The outputs by name, of TensorFlow Lite's interpreter as it comes, with XNNPACK."""
    from tensorflow.lite.python.interpreter import Interpreter

    runner = Interpreter(path, num_threads=1).get_signature_runner()
    given = runner.get_input_details()
    assert set(given) == set(feeds), f"inputs {sorted(given)}"
    return runner(**{name: array.astype(given[name]["dtype"]) for name, array in feeds.items()})


def difference(actual, expected):
    assert actual.shape == expected.shape, f"shape {actual.shape}, in Keras {expected.shape}"
    if not expected.size:
        return 0.0
    largest = float(np.max(np.abs(actual.astype("float64") - expected)))
    return largest / max(1e-3, float(np.max(np.abs(expected))))


def main(folder):
    numbers = (folder / "numbers.bin").read_bytes()
    ran = {}
    for entry in json.loads((folder / "exports.json").read_text()):
        try:
            feeds = {name: read(numbers, place) for name, place in entry["inputs"].items()}
            run = run_onnx if entry["path"].endswith(".onnx") else run_tflite
            outputs = run(entry["path"], feeds)
            ran[entry["path"]] = {"differences": [difference(outputs[name], read(numbers, place)) for name, place in entry["outputs"].items()]}
        except Exception as error:
            ran[entry["path"]] = {"error": f"{type(error).__name__}: {error}"[:1000]}
    (folder / "ran.json").write_text(json.dumps(ran))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
