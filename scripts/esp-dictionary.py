"""Prints configs of common layers, the commonest last: esp-dictionary.py | node scripts/esp-dictionary.ts > src/model/formats/esp/dictionary.txt, with stock Keras."""

import json

import keras

layers = keras.layers



def functional(call, *shapes):
    keras.utils.clear_session()
    inputs = [keras.Input(shape) for shape in shapes]
    return keras.Model(inputs, call(*inputs))


MODELS = [
    functional(lambda x: layers.Bidirectional(layers.LSTM(64, return_sequences=True))(layers.Embedding(10000, 64)(x)), (None,)),
    functional(lambda x: layers.TimeDistributed(layers.Dense(8))(layers.GRU(32, return_sequences=True)(layers.SimpleRNN(32, return_sequences=True)(x))), (16, 8)),
    functional(lambda x: layers.LayerNormalization(epsilon=1e-6)(layers.MultiHeadAttention(4, 16)(x, x) + x), (16, 64)),
    functional(lambda x: layers.Conv1D(32, 3, activation="relu")(x), (64, 8)),
    functional(lambda x: layers.GroupNormalization(8)(layers.Conv2DTranspose(32, 3, strides=2, padding="same")(layers.UpSampling2D()(x))), (8, 8, 32)),
    functional(lambda x: layers.SeparableConv2D(32, 3)(layers.Rescaling(1 / 255)(x)), (8, 8, 32)),
    functional(lambda x, y: layers.Concatenate()([layers.Multiply()([x, y]), layers.Reshape((8, 8, 32))(y)]), (8, 8, 32), (8, 8, 32)),
    functional(lambda x: layers.AveragePooling2D(2)(layers.DepthwiseConv2D(3, use_bias=False)(layers.ZeroPadding2D()(x))), (8, 8, 32)),
]


def block(x):
    y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(16, 3, padding="same", use_bias=False)(x)))
    y = layers.BatchNormalization()(layers.Conv2D(16, 3, padding="same", use_bias=False)(y))
    y = layers.Activation("relu")(layers.Add()([x, y]))
    return layers.Dense(10)(layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(y)))


residual = functional(block, (32, 32, 16))
keras.utils.clear_session()
sequential = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(20, 5, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(500, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
)


def without_builds(value):
    if isinstance(value, dict):
        return {key: without_builds(item) for key, item in value.items() if key not in ("build_config", "compile_config")}
    return [without_builds(item) for item in value] if isinstance(value, list) else value


parts = [without_builds(json.loads(model.to_json())) for model in [*MODELS, residual, sequential]]
for optimizer, loss in (("sgd", "mse"), ("adam", "sparse_categorical_crossentropy")):
    sequential.compile(optimizer, loss, metrics=["accuracy"])
    parts.insert(-2, {**parts[-1], "compile_config": json.loads(json.dumps(sequential.get_compile_config(), default=str))})
print(json.dumps({"configs": parts, "keras_version": keras.__version__}))
