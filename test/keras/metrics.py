"""Keras' metrics on given predictions: run([{"metric", "y", "prediction", "config"}]) answers the value of each, fed in batches of 70 samples."""

import keras


def run(cases):
    answers = []
    for case in cases:
        metric = getattr(keras.metrics, case["metric"])(**case["config"])
        for start in range(0, len(case["y"]), 70):
            metric.update_state(case["y"][start : start + 70], case["prediction"][start : start + 70])
        answers.append(float(metric.result()))
    return answers
