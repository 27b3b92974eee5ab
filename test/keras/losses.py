"""Keras' losses on given predictions: run([{"name", "logits", "y"}]) answers value and gradient of each."""

import keras
import tensorflow as tf

LOSSES = {
    "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "categorical_crossentropy": keras.losses.CategoricalCrossentropy(from_logits=True),
    "binary_crossentropy": keras.losses.BinaryCrossentropy(from_logits=True),
    "mean_squared_error": keras.losses.MeanSquaredError(),
    "mean_absolute_error": keras.losses.MeanAbsoluteError(),
    "huber": keras.losses.Huber(),
}


def run(cases):
    answers = []
    for case in cases:
        prediction = tf.constant(case["prediction"])
        with tf.GradientTape() as tape:
            tape.watch(prediction)
            value = LOSSES[case["name"]](case["y"], prediction)
        answers.append({"value": float(value), "gradient": tape.gradient(value, prediction)})
    return answers
