"""A residual network, untrained: residual.py '{widths, shape, seed, file}'. Two blocks of each width."""

import json
import os
import sys

import keras

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "training"))
from networks import residual  # noqa: E402

order = json.loads(sys.argv[1])
keras.utils.set_random_seed(order["seed"])
residual(tuple(order["widths"]), tuple(order["shape"])).save(order["file"])
print(json.dumps({"file": order["file"]}))
