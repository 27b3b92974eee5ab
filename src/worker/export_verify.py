"""Runs exports in their own runtimes and says how far their predictions are from those they were exported with.

Run by keras-verification.ts as keras_verify.py is, whose input and answers it has: `python -I -B export_verify.py onnxruntime` (or `tflite`), one line of
JSON in, one line out. A Python without the runtime answers RUNTIME_NOT_INSTALLED for every file.
"""

import json
import os
import resource
import struct
import sys
import threading

CHUNK = 16
NUDGE = 1e-7
THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))


def read_probe(path):
    """The arrays of a file in the layout of safetensors."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        arrays = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            file.seek(8 + length + begin)
            arrays[name] = np.frombuffer(file.read(end - begin), {"F32": "<f4", "U8": "u1"}[entry["dtype"]]).reshape(entry["shape"])
    return arrays


class OnnxRuntime:
    title = "onnxruntime"
    missing = "This Python has not what runs ONNX (pip install onnx onnxruntime)"

    def __init__(self):
        import onnx
        import onnxruntime

        self.checker, self.library, self.version = onnx.checker, onnxruntime, onnxruntime.__version__
        onnxruntime.set_default_logger_severity(3)

    def load(self, path):
        """The types of the inputs, that in which the file computes, and what predicts."""
        self.checker.check_model(path, full_check=True)
        options = self.library.SessionOptions()
        options.intra_op_num_threads = THREADS
        session = self.library.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        given = session.get_inputs()
        names = [output.name for output in session.get_outputs()]
        kinds = [tensor.type[len("tensor(") : -1] for tensor in given]
        types = [{"float": "float32", "double": "float64"}.get(kind, kind) for kind in kinds]
        return types, "float32", lambda arrays: session.run(names, {tensor.name: array for tensor, array in zip(given, arrays)})


class TensorFlowLite:
    title = "TensorFlow Lite"
    missing = "This Python has not what runs TensorFlow Lite (pip install tensorflow)"

    def __init__(self):
        import tensorflow
        from tensorflow.lite.python.interpreter import Interpreter

        self.interpreter, self.version = Interpreter, tensorflow.__version__

    def load(self, path):
        """The types of the inputs, that in which the file computes, and what predicts."""
        interpreter = self.interpreter(path, num_threads=THREADS)
        runner = interpreter.get_signature_runner()
        # Those of the signature are in no order.
        given, names = interpreter.get_input_details(), [output["name"] for output in interpreter.get_output_details()]
        types = [np.dtype(tensor["dtype"]).name for tensor in given]
        tensors = interpreter.get_tensor_details()
        scaled = any(tensor["quantization_parameters"]["scales"].size for tensor in tensors)
        halves = any(tensor["dtype"] == np.float16 for tensor in tensors)
        coarsest = "int8_weights" if scaled else "float16_weights" if halves else "float32"

        def run(arrays):
            outputs = runner(**{tensor["name"]: array for tensor, array in zip(given, arrays)})
            return [outputs[name] for name in names]

        return types, coarsest, run


def predict(run, types, arrays):
    def one(begin):
        return run([array[begin : begin + CHUNK].astype(kind) for array, kind in zip(arrays, types)])

    chunks = [one(begin) for begin in range(0, len(arrays[0]), CHUNK)]
    return [np.concatenate(parts) for parts in zip(*chunks)]


def distance(actual, expected):
    """max|a - b| / max|b| of the worst output; None where there is no finite one."""
    worst = 0.0
    for a, b in zip(actual, expected):
        difference = float(np.max(np.abs(a.astype("float64") - b))) if a.size else 0.0
        scale = float(np.max(np.abs(b))) if b.size else 0.0
        if not np.isfinite(difference) or not np.isfinite(scale):
            return None
        worst = max(worst, 0.0 if difference == 0 else difference / scale if scale > 0 else float("inf"))
    return worst if np.isfinite(worst) else None


def failed(runtime, what, error):
    return {"status": "failed", "detail": f"{runtime.title} {runtime.version} {what}: {type(error).__name__}: {error}"[:2000]}


def verify(runtime, path, probe):
    try:
        types, dtype, run = runtime.load(path)
    except Exception as error:
        return failed(runtime, "does not load it", error)
    arrays = read_probe(probe)
    inputs = [arrays[f"x{index}"] for index in range(len(types))]
    expected = [arrays[f"y{index}"] for index in range(sum(name.startswith("y") for name in arrays))]
    try:
        outputs = predict(run, types, inputs)
    except Exception as error:
        return failed(runtime, "does not run it", error)
    if [a.shape for a in outputs] != [b.shape for b in expected]:
        return {"status": "failed", "detail": f"Its outputs have shapes {[a.shape for a in outputs]}, and {[b.shape for b in expected]} were exported"}
    random = np.random.default_rng(7)
    whole = [not kind.startswith("float") for kind in types]
    nudged = [x if skip else (x + NUDGE * random.uniform(-1, 1, x.shape)).astype("float32") for x, skip in zip(inputs, whole)]
    return {
        "status": "verified",
        "samples": len(inputs[0]),
        "difference": distance(outputs, expected),
        "moved": distance(predict(run, types, nudged), outputs),
        "dtype": dtype,
    }


def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    # What libraries print goes to standard error; the answer keeps standard output for itself.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.nice(10)
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=end_with_parent, daemon=True).start()
    resource.setrlimit(resource.RLIMIT_DATA, (request["memory_bytes"], request["memory_bytes"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    kind = {"onnxruntime": OnnxRuntime, "tflite": TensorFlowLite}[sys.argv[1]]
    runtime, missing = None, None
    try:
        import numpy as np

        runtime = kind()
    except ImportError as error:
        missing = f"{kind.missing}: {error}"
    results = []
    for file in request["files"]:
        if missing:
            results.append({"status": "not_verified", "code": "RUNTIME_NOT_INSTALLED", "detail": missing[:2000]})
            continue
        try:
            results.append(verify(runtime, file["path"], file["probe"]))
        except MemoryError:
            detail = f"{runtime.title} needed more than {request['memory_bytes']} bytes of memory"
            results.append({"status": "not_verified", "code": "KERAS_VERIFICATION_NOT_RUN", "detail": detail})
    answers.write(json.dumps({"version": runtime.version if runtime else "", "files": results}) + "\n")
    answers.flush()
    os._exit(0)
