"""Keras' EarlyStopping fed with values: run([{"values", "mode", "patience", "min_delta", "start_from_epoch"}]) answers, in epochs that count from 1, after which
training ends (null: never) and whose weights are restored. A value may be null, which is a metric that is missing, or a string such as "inf"."""

import warnings

import keras


class Model:
    """What the callback asks of a model; its weights are the number of the epoch."""

    stop_training = False
    epoch = 0

    def get_weights(self):
        return self.epoch

    def set_weights(self, weights):
        self.epoch = weights


def run(cases):
    warnings.simplefilter("ignore")
    answers = []
    for case in cases:
        values = case.pop("values")
        model = Model()
        callback = keras.callbacks.EarlyStopping(monitor="metric", restore_best_weights=True, **case)
        callback.set_model(model)
        callback.on_train_begin()
        stopped = None
        for epoch, value in enumerate(values):
            model.epoch = epoch + 1
            callback.on_epoch_end(epoch, {} if value is None else {"metric": float(value)})
            if model.stop_training:
                stopped = epoch + 1
                break
        answers.append({"stopped": stopped, "best": callback.best_weights})
    return answers
