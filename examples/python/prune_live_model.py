"""A live Keras model, trained with clipped gradients, pruned and compared. Cells begin with # %%, so that an editor can run them one by one.

PYTHONPATH=clients/python python examples/python/prune_live_model.py
"""

# %% A network and data. Any Keras 3 model of one input and output does; samples are given as the model takes them.
import pathlib

import keras
import numpy as np

import espalier

SEED = pathlib.Path(__file__).parent.parent / "seed"
data = np.load(SEED / "data.npz")
x, y = data["x"][:800], data["y"][:800]
x_test, y_test = data["x"][800:], data["y"][800:]
model = keras.saving.load_model(SEED / "seed.keras")
model.compile(keras.optimizers.Adam(0.01), "mean_squared_error")
print(f"{model.count_params()} parameters, test error {model.evaluate(x_test, y_test, verbose=0):.3f}")

# %% Train it. The gradients' global norm is clipped to 1; the job's report has the norm before and after, at every step.
trained = espalier.train(
    model, x, y, test_data=(x_test, y_test), epochs=20, batch_size=32, clipping={"type": "global_norm", "max_norm": 1.0}
)
print(f"trained: test error {trained.evaluate(x_test, y_test, verbose=0):.3f}")

# %% Ask for what cannot be: it is said before anything runs.
try:
    espalier.prune(trained, x, y, target={"macs": 1e-6})
except espalier.ProblemError as error:
    print(f"refused with {error.code}")

# %% Remove half of the multiply-accumulates, as whole units, and fine-tune.
smaller, job = espalier.prune(
    trained,
    x,
    y,
    test_data=(x_test, y_test),
    target={"macs": 0.5},
    fine_tuning={"epochs": 10, "batch_size": 32, "clipping": {"type": "global_norm", "max_norm": 1.0}},
    return_job=True,
)
print(f"{smaller.count_params()} parameters, test error {smaller.evaluate(x_test, y_test, verbose=0):.3f}")
for claim, said in job["result"]["receipt"]["claims"].items():
    print(f"{claim}: {said['verdict']} ({said['reason']})")

# %% It is a model like any other.
assert smaller.predict(x_test, verbose=0).shape == y_test.shape
