"""{out}: writes an untrained model. {file, x, y, epochs, out}: goes on training a saved one where its optimizer stopped, by full batches."""

import keras
from keras import layers


def run(args):
    if "file" not in args:
        keras.utils.set_random_seed(3)
        frozen = layers.Dense(8, trainable=False)
        model = keras.Sequential(
            [keras.Input((6,)), layers.Dense(8, "tanh"), layers.BatchNormalization(), frozen, layers.Dense(2)]
        )
        model.save(args["out"])
        return {}
    model = keras.models.load_model(args["file"])
    model.fit(args["x"], args["y"], batch_size=len(args["x"]), epochs=int(args["epochs"]), shuffle=False, verbose=0)
    model.save(args["out"])
    return {"iterations": int(model.optimizer.iterations.numpy())}
