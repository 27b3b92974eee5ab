"""Loads exported models in stock Keras and says how far their predictions are from those they were exported with.

Run by keras-verification.ts as `python -I -B keras_verify.py`, in an empty folder and an environment without secrets. Standard input: one line of JSON,
{"files": [{"path", "probe"}], "original": path or null, "memory_bytes", "threads"}, and then nothing until the parent is gone, which ends this process.
Standard output: one line of JSON, {"version", "files": [...]}, each of
  {"status": "verified", "samples", "difference", "moved", "dtype"}: difference and moved relative to the largest output; null where not finite
  {"status": "failed", "detail"}: the file does not load, or not as the uploaded model does
  {"status": "not_verified", "code", "detail"}: nothing follows about the file
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
    """The arrays and the state of a file in the layout of safetensors."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        metadata = header.pop("__metadata__")
        arrays = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            file.seek(8 + length + begin)
            arrays[name] = np.frombuffer(file.read(end - begin), {"F32": "<f4", "U8": "u1"}[entry["dtype"]]).reshape(entry["shape"])
    return arrays, json.loads(metadata["state"])


def reraise_out_of_memory(error):
    if isinstance(error, MemoryError):
        raise error
    if "ResourceExhausted" in type(error).__name__ or "bad_alloc" in str(error):
        raise MemoryError from error


def load(path):
    """The model and whether it loads with what it was compiled with."""
    try:
        return keras.models.load_model(path, safe_mode=True), True
    except Exception as error:
        reraise_out_of_memory(error)
        try:
            return keras.models.load_model(path, safe_mode=True, compile=False), False
        except Exception as again:
            reraise_out_of_memory(again)
            raise error


def load_original(path):
    """The uploaded model and whether it loads with what it was compiled with, or why it does not load; None where Keras reads no such file."""
    with open(path, "rb") as file:
        head = file.read(8)
    ending = ".keras" if head.startswith(b"PK\x03\x04") else ".h5" if head == b"\x89HDF\r\n\x1a\n" else None
    if ending is None:
        return None
    link = os.path.abspath(f"original{ending}")
    if not os.path.lexists(link):
        os.symlink(path, link)
    try:
        model, compiled = load(link)
        return {"model": model, "compiled": compiled, "error": None}
    except Exception as error:
        reraise_out_of_memory(error)
        return {"model": None, "compiled": False, "error": error}


def predict(model, arrays):
    """The outputs for inputs in the model's order, a chunk of samples after the other."""
    by_name = dict(zip([tensor.name for tensor in model.inputs], arrays))
    struct_of = getattr(model, "_inputs_struct", None)

    def one(begin):
        chunk = {name: array[begin : begin + CHUNK] for name, array in by_name.items()}
        if isinstance(struct_of, dict):
            given = {key: chunk[tensor.name] for key, tensor in struct_of.items()}
        else:
            given = list(chunk.values()) if len(chunk) > 1 else next(iter(chunk.values()))
        return [np.asarray(keras.ops.convert_to_numpy(output), "float32") for output in keras.tree.flatten(model(given, training=False))]

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


def coarsest_dtype(model):
    dtypes = {layer.compute_dtype for layer in model._flatten_layers()}
    return next((dtype for dtype in ("bfloat16", "float16") if dtype in dtypes), "float32")


def not_verified(detail):
    return {"status": "not_verified", "code": "KERAS_CANNOT_RUN", "detail": f"Keras {keras.__version__}: {detail}"[:2000]}


def verify(path, probe, original):
    try:
        model, compiled = load(path)
        problem = None if compiled else "it loads with compile=False only"
    except Exception as error:
        reraise_out_of_memory(error)
        model, problem = None, f"{type(error).__name__}: {error}"
    if problem is not None:
        uploaded = load_original(original) if original else None
        if uploaded and uploaded["model"] is None:
            return not_verified(f"{problem}. The uploaded model does not load there either: {uploaded['error']}")
        if model is None or (uploaded and uploaded["compiled"]):
            return {"status": "failed", "detail": f"Keras {keras.__version__} does not load it: {problem}"[:2000]}
    arrays, _ = read_probe(probe)
    inputs = [arrays[f"x{index}"] for index in range(len(model.inputs))]
    expected = [arrays[f"y{index}"] for index in range(sum(name.startswith("y") for name in arrays))]
    try:
        outputs = predict(model, inputs)
    except Exception as error:
        reraise_out_of_memory(error)
        uploaded = load_original(original) if original else None
        try:
            if uploaded and uploaded["model"] is not None:
                predict(uploaded["model"], inputs)
            return {"status": "failed", "detail": f"Keras {keras.__version__} does not run it: {type(error).__name__}: {error}"[:2000]}
        except Exception as other:
            reraise_out_of_memory(other)
            return not_verified(f"{type(error).__name__}: {error}. The uploaded model does not run there either: {other}")
    if [a.shape for a in outputs] != [b.shape for b in expected]:
        return {"status": "failed", "detail": f"Its outputs have shapes {[a.shape for a in outputs]}, and {[b.shape for b in expected]} were exported"}
    random = np.random.default_rng(7)
    # Keras casts to whole numbers where a model takes them: a nudge would make another token of one.
    whole = [not keras.backend.is_float_dtype(tensor.dtype) for tensor in model.inputs]
    nudged = [x if skip else (x + NUDGE * random.uniform(-1, 1, x.shape)).astype("float32") for x, skip in zip(inputs, whole)]
    return {
        "status": "verified",
        "samples": len(inputs[0]),
        "difference": distance(outputs, expected),
        "moved": distance(predict(model, nudged), outputs),
        "dtype": coarsest_dtype(model),
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
    # Private memory, unlike the address space, which TensorFlow reserves far more of than it uses.
    resource.setrlimit(resource.RLIMIT_DATA, (request["memory_bytes"], request["memory_bytes"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    import keras
    import numpy as np

    results = []
    for file in request["files"]:
        try:
            results.append(verify(file["path"], file["probe"], request["original"]))
        except MemoryError:
            detail = f"Keras needed more than {request['memory_bytes']} bytes of memory"
            results.append({"status": "not_verified", "code": "KERAS_VERIFICATION_NOT_RUN", "detail": detail})
    answers.write(json.dumps({"version": keras.__version__, "files": results}) + "\n")
    answers.flush()
    os._exit(0)
