"""A workload trained by stock Keras' `fit`: python bench/training/keras_fit.py <order> [auto|on|off, whether XLA compiles the step]. Prints a `Measured`."""

import json
import resource
import sys
import time

import keras
import numpy

order = json.loads(sys.argv[1])
jit_compile = {"auto": "auto", "on": True, "off": False}[sys.argv[2]]
keras.utils.set_random_seed(order["seed"])
x = numpy.fromfile(order["files"]["x"], "uint8").reshape([-1, *order["shape"]]).astype("float32") / 255
y = numpy.fromfile(order["files"]["y"], "uint8").astype("int32")


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Meter(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 0:
            self.wall, self.cpu = time.perf_counter(), cpu_seconds()


model = keras.models.load_model(order["model"])
model.compile(
    optimizer=keras.optimizers.Adam(1e-3, global_clipnorm=1.0),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
    jit_compile=jit_compile,
)
batch, epochs = order["batch"], order["epochs"]
began = time.perf_counter()
weights = model.get_weights()
model.fit(x[:batch], y[:batch], batch_size=batch, epochs=1, verbose=0)
first_step = time.perf_counter() - began
model.set_weights(weights)
for variable in model.optimizer.variables:
    if variable is not model.optimizer._learning_rate:
        variable.assign(keras.ops.zeros_like(variable))
meter = Meter()
history = model.fit(x, y, batch_size=batch, epochs=1 + epochs, verbose=0, callbacks=[meter])
steps = len(x) // batch * epochs
print(
    json.dumps(
        {
            "first_step_ms": first_step * 1000,
            "wall_ms": (time.perf_counter() - meter.wall) * 1000 / steps,
            "cpu_ms": (cpu_seconds() - meter.cpu) * 1000 / steps,
            "loss": history.history["loss"][-1],
            "notes": "XLA" if model.jit_compile else "no XLA",
        }
    )
)
