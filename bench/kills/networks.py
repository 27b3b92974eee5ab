"""Writes the two networks of bench/kills.ts: kills/networks.py <folder>."""

import sys

import keras
from keras import layers

keras.utils.set_random_seed(0)
keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(8, 5, strides=2, name="conv"),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Conv2D(12, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(32, activation="relu"),
        layers.Dense(10, activation="softmax", name="out"),
    ],
    name="convolutional",
).save(f"{sys.argv[1]}/convolutional.keras")
keras.Sequential(
    [keras.Input((28, 28)), layers.LSTM(16, dropout=0.1, recurrent_dropout=0.1), layers.Dense(10, activation="softmax")],
    name="recurrent",
).save(f"{sys.argv[1]}/recurrent.keras")
