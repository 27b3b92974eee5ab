"""What the scripts that verify exported models share: their process and its answer, the probe of a file, and how predictions are compared.

Run by keras-verification.ts as `python -I -B <script> <runtime>`, in an empty folder and an environment without secrets. Standard input: one line of JSON,
{"files": [{"path", "probe"}], "original": path or null, "memory_bytes"}, and then nothing until the parent is gone, which ends this process.
Standard output: one line of JSON, {"version", "files": [...]}, each of
  {"status": "verified", "samples", "difference", "moved", "dtype"}: difference and moved relative to the largest output; null where not finite
  {"status": "failed", "detail"}: the file does not load, or not as the uploaded model does
  {"status": "not_verified", "code", "detail"}: nothing follows about the file

NumPy is imported where it is used: memory is bounded before any library is loaded.
"""

import json
import os
import resource
import struct
import sys
import threading

CHUNK = 16
NUDGE = 1e-7


def contained(title, work):
    """Bounds this process, answers with the version and the findings that `work` makes of the request, and ends."""
    # What libraries print goes to standard error; the answer keeps standard output for itself.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.nice(10)
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Private memory, unlike the address space, which TensorFlow reserves far more of than it uses.
    resource.setrlimit(resource.RLIMIT_DATA, (request["memory_bytes"], request["memory_bytes"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    version, finding = work(request)
    results = []
    for file in request["files"]:
        try:
            results.append(finding(file["path"], file["probe"]))
        except MemoryError:
            detail = f"{title} needed more than {request['memory_bytes']} bytes of memory"
            results.append({"status": "not_verified", "code": "KERAS_VERIFICATION_NOT_RUN", "detail": detail})
    answers.write(json.dumps({"version": version, "files": results}) + "\n")
    answers.flush()
    os._exit(0)


def _end_with_parent():
    sys.stdin.buffer.read()
    os._exit(1)


def reraise_out_of_memory(error):
    """Says nothing about a file, however a library words it."""
    if isinstance(error, MemoryError):
        raise error
    if "ResourceExhausted" in type(error).__name__ or "bad_alloc" in str(error):
        raise MemoryError from error


def read_probe(path, inputs):
    """So many inputs, and the outputs that belong to them, of a file in the layout of safetensors."""
    import numpy as np

    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        arrays = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            file.seek(8 + length + begin)
            arrays[name] = np.frombuffer(file.read(end - begin), {"F32": "<f4", "U8": "u1"}[entry["dtype"]]).reshape(entry["shape"])
    outputs = sum(name.startswith("y") for name in arrays)
    return [arrays[f"x{index}"] for index in range(inputs)], [arrays[f"y{index}"] for index in range(outputs)]


def in_chunks(predict, arrays):
    """The outputs of `predict`, which is given a chunk of samples after the other."""
    import numpy as np

    chunks = [predict([array[begin : begin + CHUNK] for array in arrays]) for begin in range(0, len(arrays[0]), CHUNK)]
    return [np.concatenate(parts) for parts in zip(*chunks)]


def compared(predict, inputs, outputs, expected, whole, dtype):
    """The finding of outputs that were predicted. Inputs are nudged too, but for those of whole numbers: a nudge would make another token of one."""
    import numpy as np

    if [a.shape for a in outputs] != [b.shape for b in expected]:
        return {"status": "failed", "detail": f"Its outputs have shapes {[a.shape for a in outputs]}, and {[b.shape for b in expected]} were exported"}
    random = np.random.default_rng(7)
    nudged = [x if skip else (x + NUDGE * random.uniform(-1, 1, x.shape)).astype("float32") for x, skip in zip(inputs, whole)]
    return {
        "status": "verified",
        "samples": len(inputs[0]),
        "difference": _distance(outputs, expected),
        "moved": _distance(predict(nudged), outputs),
        "dtype": dtype,
    }


def _distance(actual, expected):
    """max|a - b| / max|b| of the worst output; None where there is no finite one."""
    import numpy as np

    worst = 0.0
    for a, b in zip(actual, expected):
        difference = float(np.max(np.abs(a.astype("float64") - b))) if a.size else 0.0
        scale = float(np.max(np.abs(b))) if b.size else 0.0
        if not np.isfinite(difference) or not np.isfinite(scale):
            return None
        worst = max(worst, 0.0 if difference == 0 else difference / scale if scale > 0 else float("inf"))
    return worst if np.isfinite(worst) else None
