"""Answers requests of test/helpers/keras.ts, one line of JSON each: {"script": ..., "args": ...} -> {"result": ...} or {"error": ...}.

One process, since starting Keras takes seconds. A script is a module beside this one with a function run(args). Arrays travel as {"shape", "data"}, float32
in base64.
"""

import base64
import importlib
import json
import os
import sys
import traceback

os.environ["KERAS_BACKEND"] = "tensorflow"

# What libraries print goes to standard error; answers keep standard output for themselves.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import numpy as np


def encode(value):
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, (np.floating, np.integer)):
        return value.item()
    if hasattr(value, "numpy"):
        value = np.asarray(value.numpy())
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "data": base64.b64encode(value.astype("<f4").tobytes()).decode()}
    return value


def decode(value):
    if isinstance(value, list):
        return [decode(item) for item in value]
    if isinstance(value, dict) and set(value) == {"shape", "data"}:
        return np.frombuffer(base64.b64decode(value["data"]), "<f4").reshape(value["shape"]).copy()
    if isinstance(value, dict):
        return {key: decode(item) for key, item in value.items()}
    return value


for line in sys.stdin:
    request = json.loads(line)
    try:
        result = importlib.import_module(request["script"]).run(decode(request["args"]))
        answer = {"result": encode(result)}
    except Exception:
        answer = {"error": traceback.format_exc()}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
