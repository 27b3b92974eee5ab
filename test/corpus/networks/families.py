"""One network for each family of classes: what the ordinary tests run of the corpus."""

import keras
import numpy as np

from networks.network import L, Network, chain

TOKENS = np.array([[1, 2, 3, 0], [4, 5, 0, 0], [6, 0, 0, 0], [1, 3, 5, 6]], "float32")


def embedding():
    x = keras.Input((4,), dtype="int32")
    y = L.Embedding(7, 3, mask_zero=True)(x)
    return keras.Model(x, L.Dense(2)(L.Bidirectional(L.GRU(3))(L.LSTM(4, return_sequences=True)(y))))


def attention():
    x = keras.Input((4, 6))
    y = L.LayerNormalization()(x + L.MultiHeadAttention(2, 3)(x, x))
    return keras.Model(x, L.GlobalAveragePooling1D()(L.GroupQueryAttention(3, 4, 2)(y, y)))


def merging():
    x = keras.Input((5,))
    a, b = L.Dense(4, activation="tanh")(x), L.Dense(4)(x)
    return keras.Model(x, L.Dense(2)(L.Concatenate()([L.Add()([a, b]), L.Multiply()([a, b]), L.Subtract()([a, b]), L.Dot(1)([a, b])])))


def nested():
    inner = keras.Sequential([keras.Input((4,)), L.Dense(4, activation="relu"), L.Dense(4)])
    x = keras.Input((4,))
    return keras.Model(x, L.Dense(2)(L.Add()([inner(x), inner(inner(x))])))


def operations():
    ops = keras.ops
    x = keras.Input((4, 3))
    y = ops.silu(x @ ops.transpose(x, (0, 2, 1)))
    first, *_ = ops.unstack(y, axis=1)
    weights = ops.cast(ops.greater(first, 0.1), "float32")
    summed = ops.concatenate([ops.cumsum(y, 1)[:, -1], ops.logsumexp(y, 1), ops.prod(y, 1), weights * first], -1)
    return keras.Model(x, ops.stop_gradient(ops.erf(summed)) + L.Dense(16)(summed))


def networks():
    yield Network("family_dense", chain((6,), L.Dense(5, activation="gelu"), L.PReLU(), L.Dense(4, use_bias=False), L.ELU(), L.Dense(3), L.Softmax()))
    yield Network(
        "family_images",
        chain(
            (8, 8, 3),
            L.ZeroPadding2D(1),
            L.Conv2D(4, 3, strides=2, use_bias=False),
            L.BatchNormalization(),
            L.ReLU(6.0),
            L.DepthwiseConv2D(3, padding="same"),
            L.SeparableConv2D(5, 2, padding="same", activation="silu"),
            L.AveragePooling2D(2, padding="same"),
            L.Conv2DTranspose(2, 3, strides=2, padding="same"),
            L.MaxPooling2D(2),
            L.Flatten(),
            L.Dense(2),
        ),
    )
    yield Network(
        "family_sequences",
        chain((9, 3), L.Conv1D(4, 3, padding="causal", dilation_rate=2), L.UpSampling1D(2), L.Conv1DTranspose(3, 2), L.Cropping1D(1), L.GlobalMaxPooling1D()),
    )
    yield Network("family_volumes", chain((4, 4, 4, 2), L.Conv3D(3, 2, activation="relu"), L.MaxPooling3D(2), L.Flatten(), L.Dense(2)))
    yield Network("family_recurrent", chain((5, 3), L.LSTM(3, return_sequences=True), L.RNN([L.GRUCell(3), L.SimpleRNNCell(2)], return_sequences=True), L.SimpleRNN(2)))
    yield Network("family_image_sequences", chain((3, 4, 4, 2), L.ConvLSTM2D(2, 2, padding="same"), L.GlobalAveragePooling2D()))
    yield Network("family_embedding", embedding(), [TOKENS])
    yield Network("family_attention", attention())
    yield Network(
        "family_normalisations",
        chain((4, 6), L.LayerNormalization(), L.Dense(6), L.GroupNormalization(3), L.RMSNormalization(), L.Dense(4), L.UnitNormalization()),
    )
    yield Network("family_merging", merging())
    yield Network(
        "family_shapes",
        chain((12,), L.Reshape((4, 3)), L.Permute((2, 1)), L.TimeDistributed(L.Dense(4)), L.EinsumDense("abc,cd->abd", (3, 2), bias_axes="d"), L.Flatten(), L.RepeatVector(2)),
    )
    yield Network("family_preparation", chain((8, 8, 3), L.Rescaling(1 / 255), L.RandomFlip(), L.CenterCrop(6, 6), L.Resizing(4, 4), L.Conv2D(2, 3)), step=False)
    yield Network("family_nested", nested())
    yield Network("family_operations", operations(), step=False)
