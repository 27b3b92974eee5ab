"""Runs ONNX files in onnxruntime and says how far their predictions are from those they were exported with.

Run by keras-verification.ts as keras_verify.py is, whose input and answers it has: `python -I -B onnx_verify.py`, one line of JSON in, one line out. A Python
without ONNX and onnxruntime answers RUNTIME_NOT_INSTALLED for every file.
"""

import json
import os
import resource
import struct
import sys
import threading

CHUNK = 16
NUDGE = 1e-7


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


def dtype_of(kind):
    name = kind[len("tensor(") : -1]
    return {"float": "float32", "double": "float64"}.get(name, name)


def predict(session, arrays):
    given = session.get_inputs()
    names = [output.name for output in session.get_outputs()]

    def one(begin):
        feeds = {tensor.name: array[begin : begin + CHUNK].astype(dtype_of(tensor.type)) for tensor, array in zip(given, arrays)}
        return session.run(names, feeds)

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


def verify(path, probe):
    try:
        onnx.checker.check_model(path, full_check=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        return {"status": "failed", "detail": f"onnxruntime {onnxruntime.__version__} does not load it: {type(error).__name__}: {error}"[:2000]}
    arrays = read_probe(probe)
    inputs = [arrays[f"x{index}"] for index in range(len(session.get_inputs()))]
    expected = [arrays[f"y{index}"] for index in range(sum(name.startswith("y") for name in arrays))]
    try:
        outputs = predict(session, inputs)
    except Exception as error:
        return {"status": "failed", "detail": f"onnxruntime {onnxruntime.__version__} does not run it: {type(error).__name__}: {error}"[:2000]}
    if [a.shape for a in outputs] != [b.shape for b in expected]:
        return {"status": "failed", "detail": f"Its outputs have shapes {[a.shape for a in outputs]}, and {[b.shape for b in expected]} were exported"}
    random = np.random.default_rng(7)
    whole = [not dtype_of(tensor.type).startswith("float") for tensor in session.get_inputs()]
    nudged = [x if skip else (x + NUDGE * random.uniform(-1, 1, x.shape)).astype("float32") for x, skip in zip(inputs, whole)]
    return {
        "status": "verified",
        "samples": len(inputs[0]),
        "difference": distance(outputs, expected),
        "moved": distance(predict(session, nudged), outputs),
        "dtype": "float32",
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

    version = ""
    try:
        import numpy as np
        import onnx
        import onnxruntime

        version = onnxruntime.__version__
        onnxruntime.set_default_logger_severity(3)
        missing = None
    except ImportError as error:
        missing = f"This Python has not what runs ONNX (pip install onnx onnxruntime): {error}"
    results = []
    for file in request["files"]:
        if missing:
            results.append({"status": "not_verified", "code": "RUNTIME_NOT_INSTALLED", "detail": missing[:2000]})
            continue
        try:
            results.append(verify(file["path"], file["probe"]))
        except MemoryError:
            detail = f"onnxruntime needed more than {request['memory_bytes']} bytes of memory"
            results.append({"status": "not_verified", "code": "KERAS_VERIFICATION_NOT_RUN", "detail": detail})
    answers.write(json.dumps({"version": version, "files": results}) + "\n")
    answers.flush()
    os._exit(0)
