"""A student's loss under a teacher, and its gradients, of networks of a hidden ReLU layer h and an output layer out, by Keras' own losses.

run([{"loss", "x", "y", "student", "teacher", "temperature", "weight", "feature"}]) answers {"loss", "lesson", "gradients"} of each; weights are by name.
"""

import keras
import tensorflow as tf


def outputs(weights, x):
    hidden = tf.nn.relu(x @ weights["h/kernel"] + weights["h/bias"])
    return hidden, hidden @ weights["out/kernel"] + weights["out/bias"]


def lesson_of(loss, student, teacher, temperature):
    s, t = student / temperature, teacher / temperature
    if loss == "sparse_categorical_crossentropy":
        return temperature**2 * keras.losses.KLDivergence()(tf.nn.softmax(t), tf.nn.softmax(s))
    if loss == "binary_crossentropy":
        # The divergence of two coins is the cross-entropy less the entropy.
        p = tf.sigmoid(t)
        entropy = keras.losses.BinaryCrossentropy()(p, p)
        return temperature**2 * (keras.losses.BinaryCrossentropy(from_logits=True)(p, s) - entropy)
    return keras.losses.MeanSquaredError()(teacher, student)


def hard_of(loss, student, y):
    if loss == "sparse_categorical_crossentropy":
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, student)
    if loss == "binary_crossentropy":
        return keras.losses.BinaryCrossentropy(from_logits=True)(y, student)
    return keras.losses.MeanAbsoluteError()(y, student)


def run(cases):
    answers = []
    for case in cases:
        student = {name: tf.Variable(value) for name, value in case["student"].items()}
        teacher = {name: tf.constant(value) for name, value in case["teacher"].items()}
        x = tf.constant(case["x"])
        with tf.GradientTape() as tape:
            hidden, output = outputs(student, x)
            taught_hidden, taught = outputs(teacher, x)
            lesson = lesson_of(case["loss"], output, taught, case["temperature"])
            loss = (1 - case["weight"]) * hard_of(case["loss"], output, case["y"]) + case["weight"] * lesson
            loss += case["feature"] * tf.reduce_mean((hidden - taught_hidden) ** 2)
        gradients = tape.gradient(loss, student)
        answers.append({"loss": float(loss), "lesson": float(lesson), "gradients": gradients})
    return answers
