"""Loads exported models in stock Keras and says how far their predictions are from those they were exported with.

What it reads and answers is in contained_verify.py. `original` is the uploaded model: what Keras cannot do with that says nothing about a file.
"""

import os
import sys

# An isolated Python looks for modules in its own folders alone.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from contained_verify import compared, contained, in_chunks, read_probe, reraise_out_of_memory  # noqa: E402


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
    names = [tensor.name for tensor in model.inputs]
    struct_of = getattr(model, "_inputs_struct", None)

    def one(arrays):
        chunk = dict(zip(names, arrays))
        if isinstance(struct_of, dict):
            given = {key: chunk[tensor.name] for key, tensor in struct_of.items()}
        else:
            given = list(chunk.values()) if len(chunk) > 1 else next(iter(chunk.values()))
        return [np.asarray(keras.ops.convert_to_numpy(output), "float32") for output in keras.tree.flatten(model(given, training=False))]

    return in_chunks(one, arrays)


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
    inputs, expected = read_probe(probe, len(model.inputs))
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
    # Keras casts to whole numbers where a model takes them.
    whole = [not keras.backend.is_float_dtype(tensor.dtype) for tensor in model.inputs]
    return compared(lambda arrays: predict(model, arrays), inputs, outputs, expected, whole, coarsest_dtype(model))


def work(request):
    global keras, np
    import keras
    import numpy as np

    return keras.__version__, lambda path, probe: verify(path, probe, request["original"])


if __name__ == "__main__":
    contained("Keras", work)
