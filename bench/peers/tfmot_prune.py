"""Prunes one dense network with TFMOT: tfmot_prune.py '{network, data, weights, seed, sparsity, epochs, end}'. Runs in the tfmot environment.

The recipe is TFMOT's own guide: every prunable layer by PolynomialDecay from 0, every 100 steps, to `end` of all steps; Adam 1e-3, batch 128.
Prints {selection, test, zeros, seconds}: errors from 0 to 1, the fraction of zeros among kernel weights, and the seconds of `fit` alone.
"""

import json
import os
import sys
import time

os.environ["TF_USE_LEGACY_KERAS"] = "1"
import numpy as np  # noqa: E402
import tensorflow_model_optimization as tfmot  # noqa: E402
import tf_keras as keras  # noqa: E402
from data import load  # noqa: E402

layers = keras.layers
NETWORKS = {
    "lenet_300_100": lambda: [layers.Flatten(), layers.Dense(300, "relu"), layers.Dense(100, "relu"), layers.Dense(10, "softmax")],
    "lenet_5": lambda: [
        layers.Conv2D(20, 5, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(50, 5, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(500, "relu"),
        layers.Dense(10, "softmax"),
    ],
}

order = json.loads(sys.argv[1])
splits = load(order["data"])
keras.utils.set_random_seed(order["seed"])
model = keras.Sequential([layers.InputLayer((28, 28, 1)), *NETWORKS[order["network"]]()])
with np.load(order["weights"]) as weights:
    model.set_weights([weights[f"arr_{index}"] for index in range(len(weights.files))])
steps = -(-len(splits["train"][0]) // 128) * order["epochs"]
schedule = tfmot.sparsity.keras.PolynomialDecay(0.0, order["sparsity"], 0, int(order["end"] * steps), frequency=100)
pruned = tfmot.sparsity.keras.prune_low_magnitude(model, pruning_schedule=schedule)
pruned.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
began = time.perf_counter()
pruned.fit(*splits["train"], batch_size=128, epochs=order["epochs"], verbose=0, callbacks=[tfmot.sparsity.keras.UpdatePruningStep()])
seconds = time.perf_counter() - began
result = tfmot.sparsity.keras.strip_pruning(pruned)
result.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
kernels = [weight for weight in result.get_weights() if weight.ndim > 1]
zeros = sum(int((kernel == 0).sum()) for kernel in kernels) / sum(kernel.size for kernel in kernels)
errors = {split: 1 - result.evaluate(*splits[split], batch_size=1000, verbose=0)[1] for split in ("selection", "test")}
print(json.dumps({**errors, "zeros": zeros, "seconds": seconds}))
