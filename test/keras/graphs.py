"""Models of several inputs and outputs, with masks and with states: what stock Keras computes, and its gradients.

run({"folder"}) saves each as <name>.keras and answers, by name, the inputs in the model's order, and in inference and in training mode outputs and the
gradients of the sum of outputs · directions with respect to every floating-point input and every trainable weight, and the weights after the call in
training mode.
"""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from recurrent_attention import named

L = keras.layers
ops = keras.ops

NUMBERS = np.array([[1, 2, 3, 0, 0], [4, 0, 2, 5, 0], [6, 5, 4, 3, 2], [0, 0, 0, 1, 0]], "float32")


def text(width=3):
    x = keras.Input((5,), name="words")
    return x, L.Embedding(7, width, mask_zero=True)(x)


def words(*layers):
    return keras.Sequential([keras.Input((5,), name="words"), L.Embedding(7, 3, mask_zero=True), *layers])


def two_ends():
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    c = L.Dense(5, activation="tanh", name="c")(L.Concatenate()([a, b]))
    return keras.Model([b, a], [L.Dense(2, name="first")(c), L.Add(name="second")([c, L.Dense(5, name="d")(a)])])


def dictionaries():
    a, b = keras.Input((4,), name="late"), keras.Input((4,), name="early")
    inner_a, inner_b = keras.Input((4,), name="y"), keras.Input((4,), name="x")
    inner = keras.Model({"y": inner_a, "x": inner_b}, {"sum": L.Dense(3)(inner_a), "other": L.Subtract()([inner_a, inner_b])}, name="inner")
    made = inner({"x": a, "y": L.Dense(4)(b)})
    return keras.Model({"late": a, "early": b}, {"z": L.Dense(2)(made["sum"]), "a": made["other"]})


def by_keyword():
    x, y = keras.Input((4, 5), name="x"), keras.Input((4, 5), name="y")
    z = L.MultiHeadAttention(2, 3, name="mha")(value=y, query=x)
    return keras.Model([x, y], L.Dense(2)(inputs=z))


def encoder_decoder(cell=L.LSTM):
    source, target = keras.Input((5, 3), name="source"), keras.Input((4, 2), name="target")
    made = cell(6, return_state=True, name="encoder")(source)
    y = cell(6, return_sequences=True, return_state=True, name="decoder")(target, initial_state=made[1:])
    return keras.Model([source, target], [L.Dense(3)(y[0]), y[-1]])


def bidirectional_states():
    source, target = keras.Input((5, 3), name="source"), keras.Input((4, 2), name="target")
    made = L.Bidirectional(L.LSTM(3, return_state=True))(source)
    y = L.Bidirectional(L.LSTM(3, return_sequences=True))(target, initial_state=made[1:])
    return keras.Model([source, target], y)


def bidirectional_two():
    x = keras.Input((5, 3), name="x")
    a, b = L.Bidirectional(L.GRU(3, return_sequences=True), merge_mode=None)(x)
    return keras.Model(x, [a, L.Subtract()([a, b])])


def stacked_states():
    x = keras.Input((5, 3), name="x")
    made = L.RNN([L.LSTMCell(3), L.GRUCell(2)], return_state=True)(x)
    flat = [made[0], *keras.tree.flatten(made[1:])]
    return keras.Model(x, flat)


def given_mask():
    x, m = keras.Input((5, 3), name="x"), keras.Input((5,), dtype="bool", name="m")
    y = L.LSTM(3, return_sequences=True)(x, mask=m)
    return keras.Model([x, m], [L.GRU(2)(y), L.GlobalAveragePooling1D()(y, mask=m)])


def mask_from_numbers():
    x = keras.Input((5,), name="words")
    e = L.Embedding(7, 3)(x)
    return keras.Model(x, L.LSTM(4)(e, mask=ops.not_equal(x, 0)))


def masked_attention(layer, names=("query", "value"), **call):
    x, e = text(6)
    y, f = keras.Input((4,), name="other"), L.Embedding(7, 6, mask_zero=True)
    f = f(y)
    if isinstance(layer, (L.Attention, L.AdditiveAttention)):
        z = layer([e, f], **call)
    else:
        z = layer(e, f, **call)
    outputs = z if isinstance(z, (list, tuple)) else [z]
    return keras.Model([x, y], [*outputs, L.GlobalAveragePooling1D()(outputs[0])])


def attention_drops_masks():
    x, e = text(4)
    a = L.MultiHeadAttention(2, 3)(e, e)
    y = L.LayerNormalization()(L.Add()([e, a]))
    return keras.Model(x, [L.GlobalAveragePooling1D()(y), L.GlobalAveragePooling1D()(a)])


def branches():
    x, e = text(4)
    before = L.GlobalAveragePooling1D()(L.Dense(4)(L.Dense(3)(e)))
    a = L.MultiHeadAttention(1, 3)(e, e)
    after = L.LSTM(3)(L.Dense(4)(e))
    return keras.Model(x, [before, L.GlobalAveragePooling1D()(a), after])


def merged(layer, lengths=(5, 5)):
    inputs = [keras.Input((length,), name=f"words_{index}") for index, length in enumerate(lengths)]
    e = L.Embedding(7, 3, mask_zero=True)
    parts = [e(x) for x in inputs]
    return keras.Model(inputs, L.LSTM(2)(layer(parts)))


def half_masked(layer):
    x, e = text()
    y = keras.Input((5, 3), name="y")
    return keras.Model([x, y], L.LSTM(2)(layer([e, y])))


def hierarchical():
    x = keras.Input((3, 5), name="words")
    e = L.Embedding(7, 3, mask_zero=True)(x)
    y = L.TimeDistributed(L.LSTM(4))(e)
    return keras.Model(x, L.TimeDistributed(L.Dense(2))(y))


def nested_masked():
    inner_x = keras.Input((5, 3), name="steps")
    inner = keras.Model(inner_x, L.LSTM(3, return_sequences=True)(L.Dense(3)(inner_x)), name="inner")
    x, e = text()
    y = inner(e)
    return keras.Model(x, [L.GlobalAveragePooling1D()(y), L.GRU(2)(inner(y))])


def normalised_in_training():
    return words(L.BatchNormalization(momentum=0.7), L.Dense(3), L.LSTM(2))


def softmaxed():
    x, m = keras.Input((4, 5), name="x"), keras.Input((4, 5), dtype="bool", name="m")
    return keras.Model([x, m], L.Softmax()(x, mask=m))


def attention_masks():
    x, m = keras.Input((4, 6), name="x"), keras.Input((4, 4), dtype="bool", name="m")
    fixed = np.tril(np.ones((1, 4, 4), "bool"))
    y = L.MultiHeadAttention(2, 3)(x, x, attention_mask=m)
    z = L.MultiHeadAttention(2, 3)(y, y, attention_mask=ops.convert_to_tensor(fixed))
    return keras.Model([x, m], L.MultiHeadAttention(2, 3, dropout=0.1)(z, x, attention_mask=m, return_attention_scores=True))


def shared_normalisation():
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    norm = L.BatchNormalization(momentum=0.5)
    deep = norm(L.Dense(4)(L.Dense(4)(x)))
    return keras.Model([x, y], [norm(y), deep])


def frozen_call():
    inner = keras.Sequential([keras.Input((4,)), L.Dense(4), L.BatchNormalization(momentum=0.5)], name="inner")
    x = keras.Input((4,), name="x")
    return keras.Model(x, L.Dense(2)(inner(x, training=False)))


def models():
    yield "two_ends", two_ends()
    yield "dictionaries", dictionaries()
    yield "by_keyword", by_keyword()
    for cell in (L.LSTM, L.GRU, L.SimpleRNN):
        name = cell.__name__.lower()
        yield f"states_{name}", encoder_decoder(cell)
        for masked, options in {
            "last": {},
            "sequences": {"return_sequences": True},
            "backwards": {"go_backwards": True, "return_sequences": True},
            "backwards_last": {"go_backwards": True},
            "zeros": {"return_sequences": True, "zero_output_for_mask": True},
            "zeros_last": {"zero_output_for_mask": True},
            "unrolled": {"unroll": True},
            "relu": {"activation": "relu", "return_sequences": True},
        }.items():
            yield f"masked_{name}_{masked}", words(cell(4, **options))
        yield f"masked_bidirectional_{name}", words(L.Bidirectional(cell(4)))
        yield f"masked_bidirectional_{name}_sequences", words(L.Bidirectional(cell(4, return_sequences=True), merge_mode="sum"), cell(2))
    yield "bidirectional_states", bidirectional_states()
    yield "bidirectional_two", bidirectional_two()
    yield "stacked_states", stacked_states()
    yield "masked_stacked", words(L.RNN([L.LSTMCell(3), L.GRUCell(2)], go_backwards=True, return_sequences=True))
    yield "given_mask", given_mask()
    yield "mask_from_numbers", mask_from_numbers()
    yield "masking", keras.Sequential([keras.Input((5, 3), name="masked"), L.Masking(0.0), L.Dense(3), L.LSTM(4)])
    yield "masking_value", keras.Sequential([keras.Input((5, 3), name="masked"), L.Masking(2.0), L.LSTM(4, return_sequences=True)])
    carriers = [L.Activation("tanh"), L.ReLU(), L.LeakyReLU(), L.ELU(), L.PReLU(), L.Dropout(0.0), L.SpatialDropout1D(0.0), L.GaussianNoise(0.0)]
    carriers += [L.GaussianDropout(0.0), L.AlphaDropout(0.0), L.LayerNormalization(), L.GroupNormalization(3), L.UnitNormalization()]
    carriers += [L.Identity(), L.Rescaling(2.0), L.Dense(3), L.TimeDistributed(L.Dense(3))]
    yield "carried", words(*carriers, L.LSTM(3))
    dropping = [L.RMSNormalization(), L.Conv1D(3, 1), L.Reshape((5, 3)), L.Permute((1, 2)), L.MaxPooling1D(1), L.EinsumDense("abc,cd->abd", (5, 3))]
    for layer in dropping:
        yield f"dropped_{layer.name}", words(layer, L.LSTM(3))
    yield "pooled", words(L.Dense(4), L.GlobalAveragePooling1D())
    yield "pooled_keepdims", words(L.GlobalAveragePooling1D(keepdims=True))
    yield "pooled_maximum", words(L.GlobalMaxPooling1D())
    yield "normalised", normalised_in_training()
    for name, layer in (("mha", L.MultiHeadAttention(2, 3)), ("gqa", L.GroupQueryAttention(3, 4, 2)), ("attention", L.Attention()), ("additive", L.AdditiveAttention())):
        yield f"masked_{name}", masked_attention(layer)
        again = layer.__class__.from_config(layer.get_config())
        yield f"masked_{name}_causal", masked_attention(again, use_causal_mask=True)
    yield "masked_mha_scores", masked_attention(L.MultiHeadAttention(2, 3), return_attention_scores=True)
    yield "masked_attention_scores", masked_attention(L.Attention(use_scale=True), return_attention_scores=True)
    yield "masked_mha_dropout", masked_attention(L.MultiHeadAttention(2, 3, dropout=0.3))
    yield "attention_drops_masks", attention_drops_masks()
    yield "branches", branches()
    for layer in (L.Add(), L.Multiply(), L.Average(), L.Maximum(), L.Subtract(), L.Concatenate()):
        yield f"merged_{layer.name}", merged(layer)
        yield f"half_masked_{layer.name}", half_masked(layer.__class__())
    yield "merged_steps", merged(L.Concatenate(axis=1), (5, 3))
    yield "hierarchical", hierarchical()
    yield "nested_masked", nested_masked()
    yield "softmaxed", softmaxed()
    yield "attention_masks", attention_masks()
    yield "shared_normalisation", shared_normalisation()
    yield "frozen_call", frozen_call()


def by_key(model, prefix=""):
    found = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found |= by_key(layer, f"{prefix}{layer.name}/")
        elif not isinstance(layer, keras.src.ops.Operation) or isinstance(layer, keras.Layer):
            found |= {f"{prefix}{layer.name}/{key}": weight for key, weight in named(layer).items() if weight.name != "count"}
    return found


def inputs_of(model, random):
    for x in model.inputs:
        shape = (4, *x.shape[1:])
        if x.dtype == "bool":
            value = (random.random(shape) < 0.7).astype("float32")
            value[:, 0] = 1
            yield value
        elif "words" in x.name or x.name == "other":
            yield np.resize(NUMBERS, shape).astype("float32")
        else:
            value = random.standard_normal(shape).astype("float32")
            if x.name == "masked":
                value[0, 3:] = 0
                value[1, 1] = 2
                value[3, :2] = 0
            yield value


def gradients(model, inputs, directions, training):
    weights = {key: weight for key, weight in by_key(model).items() if weight.trainable}
    xs = [tf.constant(x) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch(xs)
        given = [tf.cast(x, "bool") if spec.dtype == "bool" else x for x, spec in zip(xs, model.inputs)]
        ys = keras.tree.flatten(model(keras.tree.pack_sequence_as(model._inputs_struct, given), training=training))
        if directions is None:
            random = np.random.default_rng(3)
            directions = [random.standard_normal(y.shape).astype("float32") for y in ys]
        total = sum(tf.reduce_sum(y * direction) for y, direction in zip(ys, directions))
    found = tape.gradient(total, xs + [weight.value for weight in weights.values()])
    zero = [tf.zeros_like(x) if g is None else tf.convert_to_tensor(g) for x, g in zip(xs + list(weights.values()), found)]
    return directions, {"y": ys, "dx": zero[: len(xs)], "weights": dict(zip(weights, zero[len(xs) :]))}


def run(args):
    folder = pathlib.Path(args["folder"])
    answers = {}
    for seed, (name, model) in enumerate(models()):
        random = np.random.default_rng(seed)
        for variable in model.variables:
            if "seed" in variable.path:
                continue
            value = 0.5 * random.standard_normal(variable.shape)
            variable.assign(0.5 + np.abs(value) if "variance" in variable.path or "gamma" in variable.path else value)
        model.save(folder / f"{name}.keras")
        functional = model._functional if isinstance(model, keras.Sequential) else model
        inputs = list(inputs_of(functional, random))
        directions, inference = gradients(functional, inputs, None, False)
        answer = {"x": inputs, "directions": directions, "inference": inference}
        if "dropout" not in name and name != "attention_masks":
            _, answer["training"] = gradients(functional, inputs, directions, True)
            answer["after"] = {key: np.asarray(weight.numpy()) for key, weight in by_key(functional).items()}
        answers[name] = answer
    return answers
