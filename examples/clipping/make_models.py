"""Writes the demonstration's five models, which differ in their seed only: SimpleRNN(32) and Dense(1) over 30 steps of two numbers."""

import sys

import keras
from keras import layers

for seed in range(5):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((30, 2)), layers.SimpleRNN(32), layers.Dense(1)], name="adding")
    model.save(f"{sys.argv[1]}/adding_{seed}.keras")
