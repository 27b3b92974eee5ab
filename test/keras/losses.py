"""Keras' losses on given predictions: run([{"name", "prediction", "y", "config"}]) answers value and gradient of each; config is optional."""

import keras
import tensorflow as tf

CLASSES = {
    "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
    "categorical_crossentropy": keras.losses.CategoricalCrossentropy,
    "binary_crossentropy": keras.losses.BinaryCrossentropy,
    "mean_squared_error": keras.losses.MeanSquaredError,
    "mean_absolute_error": keras.losses.MeanAbsoluteError,
    "huber": keras.losses.Huber,
    "cosine_similarity": keras.losses.CosineSimilarity,
    "kl_divergence": keras.losses.KLDivergence,
}


def value_of(case, prediction):
    name, y, config = case["name"], case["y"], dict(case.get("config", {}))
    if name.endswith("crossentropy"):
        config["from_logits"] = True
    if name == "sparse_categorical_crossentropy" and "label_smoothing" in config:
        # Keras smooths one-hot rows only.
        name, y = "categorical_crossentropy", tf.one_hot(tf.cast(y, "int32"), prediction.shape[-1])
    return CLASSES[name](**config)(y, prediction)


def run(cases):
    answers = []
    for case in cases:
        prediction = tf.constant(case["prediction"])
        with tf.GradientTape() as tape:
            tape.watch(prediction)
            value = value_of(case, prediction)
        answers.append({"value": float(value), "gradient": tape.gradient(value, prediction)})
    return answers
