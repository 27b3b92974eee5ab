"""Classes that few networks have."""

import keras
import numpy as np

from networks.network import L, Network, chain

IMAGE = np.random.default_rng(2).uniform(0, 255, (4, 6, 6, 3)).astype("float32")


def spectral():
    return chain((6,), L.SpectralNormalization(L.Dense(4)), L.Dense(2))


def categories(mode, **options):
    x = keras.Input((3,), dtype="int32")
    return keras.Model(x, L.CategoryEncoding(6, output_mode=mode, **options)(x))


def tied_embedding():
    x = keras.Input((5,), dtype="int32")
    table = L.ReversibleEmbedding(7, 4)
    return keras.Model(x, table(L.Dense(4)(table(x)), reverse=True))


def networks():
    for padding in ("valid", "same"):
        yield Network(f"conv_3d_transpose_{padding}", chain((3, 4, 3, 2), L.Conv3DTranspose(3, 2, strides=2, padding=padding)))
        yield Network(f"conv_3d_transpose_{padding}_unit_stride", chain((3, 4, 3, 2), L.Conv3DTranspose(2, 3, padding=padding, activation="relu")))
    yield Network("activity_regularization", chain((4,), L.Dense(3), L.ActivityRegularization(0.1)), step=False)
    for rank, shape in ((1, (6, 3)), (2, (6, 4, 3)), (3, (4, 4, 6, 3))):
        for kind in ("Average", "Max"):
            layer = getattr(L, f"Adaptive{kind}Pooling{rank}D")
            yield Network(f"adaptive_{kind.lower()}_{rank}d", chain(shape, layer(2)))
    yield Network("adaptive_average_uneven", chain((7, 5, 2), L.AdaptiveAveragePooling2D((3, 2))))
    for rank, shape in ((1, (4, 6, 2)), (2, (4, 5, 5, 2)), (3, (3, 4, 4, 4, 2))):
        layer = getattr(L, f"ConvLSTM{rank}D")
        yield Network(f"conv_lstm_{rank}d", chain(shape, layer(3, 3, padding="same")))
        yield Network(f"conv_lstm_{rank}d_sequences", chain(shape, layer(2, 2, return_sequences=True)))
    yield Network("spectral_normalization", spectral(), step=False)
    for mode in ("one_hot", "multi_hot", "count"):
        if mode == "one_hot":
            x = keras.Input((1,), dtype="int32")
            yield Network("category_one_hot", keras.Model(x, L.CategoryEncoding(6, output_mode=mode)(x)), step=False)
        else:
            yield Network(f"category_{mode}", categories(mode), step=False)
    yield Network("discretization", chain((5,), L.Discretization([-0.5, 0.0, 0.5])), step=False)
    yield Network("hashing", hashing(), step=False)
    yield Network("integer_lookup", integer_lookup(), step=False)
    yield Network("tied_embedding", tied_embedding())
    yield Network("bicubic", chain((5, 6, 2), L.Resizing(8, 8, interpolation="bicubic")), step=False)
    yield Network("resizing_cropped", chain((5, 8, 2), L.Resizing(4, 4, crop_to_aspect_ratio=True)))
    yield Network("resizing_padded", chain((5, 8, 2), L.Resizing(4, 4, pad_to_aspect_ratio=True)))
    for layer in (
        L.RandomFlip(),
        L.RandomRotation(0.2),
        L.RandomZoom(0.2),
        L.RandomTranslation(0.1, 0.1),
        L.RandomContrast(0.2),
        L.RandomBrightness(0.2),
        L.RandomCrop(4, 4),
        L.RandomErasing(),
        L.RandomHue(0.1),
        L.RandomSaturation(0.1),
        L.RandomSharpness(0.1),
        L.RandomShear(0.1, 0.1),
        L.RandomGrayscale(),
        L.RandomInvert(),
        L.RandomPosterization(4),
        L.RandomGaussianBlur(),
        L.RandomPerspective(),
        L.RandomElasticTransform(),
        L.RandomColorJitter(brightness_factor=0.1),
        L.RandomColorDegeneration(0.1),
        L.MixUp(),
        L.CutMix(),
        L.RandAugment(),
        L.AugMix(),
    ):
        name = type(layer).__name__
        yield Network(f"augmenting_{name}", chain((6, 6, 3), layer, L.Conv2D(2, 3), L.GlobalAveragePooling2D()), [IMAGE], step=False)
    yield Network("solarization", chain((6, 6, 3), L.Solarization()), [IMAGE], step=False)
    yield Network("auto_contrast", chain((6, 6, 3), L.AutoContrast()), [IMAGE], step=False)
    yield Network("channels_first_dense", chain((3, 5, 4), L.Flatten(data_format="channels_first"), L.Dense(2)))
    yield Network("channels_first_pool", chain((3, 6, 4), L.Permute((2, 3, 1)), L.MaxPooling2D()))
    yield Network("norm_first_axis", chain((3, 5), L.BatchNormalization(axis=1)))
    yield Network("group_norm_first_axis", chain((4, 5, 3), L.GroupNormalization(2, axis=1)))
    yield Network("softmax_axis", chain((4, 3), L.Softmax(axis=1)))
    yield Network("softmax_axes", chain((4, 3), L.Softmax(axis=[1, 2])))
    yield Network("stateful_lstm", keras.Sequential([keras.Input(batch_shape=(4, 5, 3)), L.LSTM(3, stateful=True)]), step=False)
    yield Network("embedding_lora", lora(), step=False)
    yield Network("dense_lora", dense_lora(), step=False)
    yield Network("time_distributed_model", chain((3, 4), L.TimeDistributed(chain((4,), L.Dense(3), L.ReLU()))))
    yield Network("time_distributed_norm", chain((3, 4), L.TimeDistributed(L.BatchNormalization())))
    yield Network("bidirectional_dropout", chain((5, 3), L.Bidirectional(L.LSTM(3, dropout=0.2))), step=False)


def hashing():
    x = keras.Input((3,), dtype="int32")
    return keras.Model(x, L.Hashing(5)(x))


def integer_lookup():
    x = keras.Input((3,), dtype="int32")
    return keras.Model(x, L.IntegerLookup(vocabulary=[1, 2, 5])(x))


def lora():
    layer = L.Embedding(7, 4)
    model = keras.Sequential([keras.Input((3,), dtype="int32"), layer])
    layer.enable_lora(2)
    return model


def dense_lora():
    layer = L.Dense(4)
    model = chain((6,), layer)
    layer.enable_lora(2)
    return model
