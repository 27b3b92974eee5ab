"""Builds the 20-10-10-1 dense network in stock Keras 3, untrained, and saves it.

    python examples/seed/make_model.py [file to write]
"""

import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras

OUT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "seed.keras")


def main():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((20,), name="features"),
            keras.layers.Dense(10, activation="relu", name="hidden_1"),
            keras.layers.Dense(10, activation="relu", name="hidden_2"),
            keras.layers.Dense(1, activation="linear", name="target"),
        ],
        name="seed",
    )
    model.compile(optimizer="adam", loss="mean_squared_error")
    model.save(OUT)


if __name__ == "__main__":
    main()
