"""Small nets of the recurrent, attention and embedding classes: what stock Keras computes, and its gradients.

run({"folder"}) saves each as <name>.keras and answers, by name, input, direction, output and the gradients of sum(output · direction) with respect to
input and weights, outside training; in training a net computes the same unless it drops. run({"check": [{"path", "x"}]}) loads files and answers
predictions and the number of parameters.
"""

import pathlib

import keras
import numpy as np
import tensorflow as tf

L = keras.layers

CELLS = {"simple_rnn": L.SimpleRNN, "lstm": L.LSTM, "gru": L.GRU}
RECURRENT = {
    "plain": {},
    "sequences": {"return_sequences": True},
    "backwards": {"go_backwards": True},
    "backwards_sequences": {"go_backwards": True, "return_sequences": True},
    "no_bias": {"use_bias": False, "return_sequences": True},
    "relu": {"activation": "relu", "return_sequences": True},
    "relu_backwards": {"activation": "relu", "go_backwards": True},
    "softsign": {"activation": "softsign"},
    "no_activation": {"activation": None, "return_sequences": True},
    "unrolled": {"unroll": True},
}
GATED = {
    "relu_gates": {"recurrent_activation": "relu", "return_sequences": True},
    "hard_gates": {"recurrent_activation": "hard_sigmoid", "return_sequences": True},
    "hard_gates_backwards": {"recurrent_activation": "hard_sigmoid", "go_backwards": True, "return_sequences": True},
}
DROPPING = {"dropout": {"dropout": 0.4}, "recurrent_dropout": {"dropout": 0.3, "recurrent_dropout": 0.5, "return_sequences": True}}
RESET_BEFORE = {
    "reset_before": {},
    "reset_before_sequences": {"return_sequences": True, "go_backwards": True},
    "reset_before_no_bias": {"use_bias": False},
    "reset_before_hard": {"recurrent_activation": "hard_sigmoid", "activation": "relu"},
}


def chain(shape, *layers):
    return keras.Sequential([keras.Input(shape), *layers])


def attended(layer, names, **call):
    """A layer called on projections of one input, by position or by keyword."""
    x = keras.Input((4, 5))
    inputs = {name: L.Dense(6, name=name)(x) for name in ("query", "value", "key")}
    if names == "list":
        y = layer([inputs["query"], inputs["value"]], **call)
    elif names == "list of three":
        y = layer([inputs["query"], inputs["value"], inputs["key"]], **call)
    elif names == "self":
        y = layer(inputs["query"], inputs["query"], **call)
    elif names == "positions":
        y = layer(inputs["query"], inputs["value"], inputs["key"], **call)
    elif names == "value":
        y = layer(inputs["query"], inputs["value"], **call)
    else:
        y = layer(inputs["query"], key=inputs["key"], value=inputs["value"], **call)
    return keras.Model(x, y)


def shared_lstm():
    x = keras.Input((4, 3))
    shared = L.LSTM(3, return_sequences=True)
    return keras.Model(x, shared(shared(x)))


def tied_embedding(**options):
    x = keras.Input((4,))
    embedding = L.ReversibleEmbedding(7, 3, **options)
    return keras.Model(x, embedding(L.Dense(3)(embedding(x)), reverse=True))


def two_of_a_class():
    return chain((5, 3), L.LSTM(4, return_sequences=True), L.LSTM(3))


def nets():
    random = np.random.default_rng(7)
    for cell, make in CELLS.items():
        options = {**RECURRENT, **(GATED if cell != "simple_rnn" else {}), **DROPPING}
        for name, given in options.items():
            yield f"{cell}_{name}", chain((5, 3), make(4, **given)), None
        # As many samples as are run in parts.
        for name in ("plain", "backwards_sequences", "relu"):
            yield f"{cell}_{name}_batch", chain((5, 3), make(4, **RECURRENT[name])), random.standard_normal((36, 5, 3)).astype("float32")
        yield f"{cell}_odd_batch", chain((5, 3), make(4)), random.standard_normal((35, 5, 3)).astype("float32")
        yield f"{cell}_one_step", chain((1, 3), make(4)), None
        for mode in ("concat", "sum", "mul", "ave"):
            yield f"bidirectional_{cell}_{mode}", chain((5, 3), L.Bidirectional(make(4), merge_mode=mode)), None
        yield f"bidirectional_{cell}_sequences", chain((5, 3), L.Bidirectional(make(4, return_sequences=True))), None
    for name, given in RESET_BEFORE.items():
        yield f"gru_{name}", chain((5, 3), L.GRU(4, reset_after=False, **given)), None
    yield "gru_after_activations", chain((5, 3), L.GRU(4, activation="relu", recurrent_activation="relu", return_sequences=True)), None
    pair = L.Bidirectional(
        L.LSTM(4, return_sequences=True), backward_layer=L.GRU(3, go_backwards=True, return_sequences=True), merge_mode="concat"
    )
    yield "bidirectional_two_classes", chain((5, 3), pair), None
    yield "bidirectional_twice", chain((5, 3), L.Bidirectional(L.LSTM(2, return_sequences=True)), L.Bidirectional(L.GRU(2))), None
    yield "lstm_shared", shared_lstm(), None
    yield "lstm_twice", two_of_a_class(), None
    yield "lstm_frozen", chain((5, 3), L.Dense(3), L.LSTM(4, trainable=False)), None
    for cell in (L.SimpleRNNCell, L.LSTMCell, L.GRUCell):
        yield f"rnn_{cell.__name__}", chain((5, 3), L.RNN(cell(4), return_sequences=True)), None
    yield "rnn_reset_before", chain((5, 3), L.RNN(L.GRUCell(4, reset_after=False), go_backwards=True)), None
    stacked = [L.LSTMCell(4), L.GRUCell(3), L.LSTMCell(2, activation="relu"), L.SimpleRNNCell(5)]
    yield "rnn_stacked", chain((5, 3), L.RNN(stacked)), None
    yield "rnn_stacked_backwards", chain((5, 3), L.RNN([L.GRUCell(4), L.LSTMCell(3)], go_backwards=True, return_sequences=True)), None
    yield "rnn_stacked_bidirectional", chain((5, 3), L.Bidirectional(L.RNN([L.GRUCell(4), L.LSTMCell(3)]))), None
    yield "time_distributed_dense", chain((4, 3), L.TimeDistributed(L.Dense(5, activation="relu"))), None
    yield "time_distributed_conv", chain((3, 5, 5, 2), L.TimeDistributed(L.Conv2D(3, 3))), None
    yield "time_distributed_flatten", chain((3, 2, 2), L.TimeDistributed(L.Flatten())), None
    yield "time_distributed_lstm", chain((3, 4, 2), L.TimeDistributed(L.LSTM(3))), None
    yield "time_distributed_softmax", chain((3, 4), L.TimeDistributed(L.Softmax())), None
    yield "time_distributed_twice", chain((2, 3, 4, 5), L.TimeDistributed(L.TimeDistributed(L.Dense(2)))), None
    numbers = np.array([[0, 1, 2, 6], [6, 6, 6, 5], [3, 0, 0, 1]], "float32")
    yield "embedding", chain((4,), L.Embedding(7, 3)), numbers
    yield "embedding_lstm", chain((4,), L.Embedding(7, 3), L.LSTM(2)), numbers
    yield "embedding_of_one", chain((), L.Embedding(7, 3)), np.array([3, 6, 0], "float32")
    for cell, make in CELLS.items():
        yield f"masked_{cell}", chain((4,), L.Embedding(7, 3, mask_zero=True), make(4, return_sequences=True), L.Bidirectional(make(2))), numbers
    yield "masked_normalised", chain((4,), L.Embedding(7, 3, mask_zero=True), L.Dense(4), L.LayerNormalization(), L.GlobalAveragePooling1D()), numbers
    padded = random.standard_normal((4, 5, 3)).astype("float32")
    padded[0, 3:] = padded[2, 1] = 0
    yield "masking", chain((5, 3), L.Masking(), L.Dense(3), L.GRU(4)), padded
    integers = keras.Sequential([keras.Input((4,), dtype="int32"), L.Embedding(7, 3), L.Flatten(), L.Dense(2)])
    yield "embedding_integers", integers, numbers
    for equation, shape, output, bias in (
        ("ab,bc->ac", (4,), 3, "c"),
        ("abc,cd->abd", (4, 5), (None, 3), None),
        ("abc,cd->abd", (4, 5), (None, 3), "d"),
        ("abc,cde->abde", (4, 5), (None, 2, 3), "de"),
        ("abcd,cde->abe", (4, 2, 3), (None, 5), "e"),
        ("...x,xy->...y", (2, 3, 4), 5, "y"),
        ("abc...,cd->abd...", (3, 4, 2, 3), (None, 5), "d"),
        ("abc,bd->adc", (4, 5), (3, 5), "dc"),
        ("abc,bcd->abd", (4, 5), (4, 3), "bd"),
        ("abc,bc->ab", (4, 5), (4,), "b"),
        ("abc,cd->adb", (4, 5), (3, None), "d"),
        ("abc,dc->abd", (4, 5), (None, 3), "d"),
        ("abc,b->ac", (4, 5), (5,), "c"),
    ):
        name = f"einsum_{equation}_{bias}".replace(",", "_").replace("->", "_").replace("...", "dots")
        yield name, chain(shape, L.EinsumDense(equation, output_shape=output, bias_axes=bias)), None
    yield "einsum_relu", chain((4, 5), L.EinsumDense("abc,cd->abd", output_shape=(None, 3), activation="relu")), None
    mha = L.MultiHeadAttention
    yield "mha_self", attended(mha(2, 3), "self"), None
    yield "mha_positions", attended(mha(3, 2), "positions"), None
    yield "mha_keywords", attended(mha(2, 3), "keywords"), None
    yield "mha_value", attended(mha(2, 3), "value"), None
    yield "mha_causal", attended(mha(2, 3), "keywords", use_causal_mask=True), None
    yield "mha_dims", attended(mha(2, 3, value_dim=4, use_bias=False, output_shape=5), "positions"), None
    yield "mha_output_axes", attended(mha(2, 3, output_shape=(2, 3)), "self"), None
    yield "mha_gate", attended(mha(2, 3, value_dim=5, use_gate=True), "positions"), None
    yield "mha_dropout", attended(mha(2, 3, dropout=0.4), "self", use_causal_mask=True), None
    gqa = L.GroupQueryAttention
    yield "gqa_self", attended(gqa(3, 4, 2), "self"), None
    yield "gqa_keywords", attended(gqa(3, 6, 2, use_bias=False), "keywords", use_causal_mask=True), None
    yield "gqa_gate", attended(gqa(3, 4, 1, use_gate=True), "positions"), None
    yield "attention", attended(L.Attention(), "list"), None
    yield "attention_three", attended(L.Attention(use_scale=True), "list of three"), None
    yield "attention_causal", attended(L.Attention(), "list of three", use_causal_mask=True), None
    yield "attention_concat", attended(L.Attention(use_scale=True, score_mode="concat"), "list of three"), None
    yield "attention_concat_unscaled", attended(L.Attention(score_mode="concat"), "list"), None
    yield "attention_dropout", attended(L.Attention(dropout=0.5), "list"), None
    yield "additive", attended(L.AdditiveAttention(), "list"), None
    yield "additive_three", attended(L.AdditiveAttention(use_scale=False), "list of three", use_causal_mask=True), None
    for rank, shape in ((1, (5, 2)), (2, (5, 4, 2)), (3, (3, 4, 2, 2))):
        make = getattr(L, f"ConvLSTM{rank}D")
        yield f"conv_lstm_{rank}d", chain((3, *shape), make(3, 2)), None
        yield f"conv_lstm_{rank}d_sequences", chain((3, *shape), make(3, 2, padding="same", return_sequences=True, go_backwards=True, use_bias=False)), None
    yield "conv_lstm_strides", chain((3, 6, 5, 2), L.ConvLSTM2D(3, 3, strides=2, activation="relu", recurrent_activation="hard_sigmoid")), None
    yield "conv_lstm_dilated", chain((3, 6, 5, 2), L.ConvLSTM2D(3, 2, dilation_rate=2)), None
    yield "conv_lstm_dropout", chain((3, 6, 5, 2), L.ConvLSTM2D(3, 2, dropout=0.3, recurrent_dropout=0.2)), None
    yield "embedding_back", tied_embedding(), numbers
    yield "embedding_back_of_its_own", tied_embedding(tie_weights=False, logit_soft_cap=2.0), numbers
    yield "mha_window", attended(mha(2, 3, sliding_window=2), "self"), None
    yield "mha_window_causal", attended(mha(2, 3, sliding_window=2), "self", use_causal_mask=True), None


def named(layer, prefix=""):
    """The weights of a layer under the names that a document gives them."""
    if isinstance(layer, L.Bidirectional):
        return {**named(layer.forward_layer, f"{prefix}forward_layer/"), **named(layer.backward_layer, f"{prefix}backward_layer/")}
    if isinstance(layer, L.TimeDistributed):
        return named(layer.layer, f"{prefix}layer/")
    if isinstance(layer, L.RNN) and isinstance(layer.cell, L.StackedRNNCells):
        cells = [named(cell, f"{prefix}cell_{index}/") for index, cell in enumerate(layer.cell.cells)]
        return {key: weight for cell in cells for key, weight in cell.items()}
    parts = ("_query_dense", "_key_dense", "_value_dense", "_gate_dense", "_output_dense")
    if isinstance(layer, (L.MultiHeadAttention, L.GroupQueryAttention)):
        projections = [getattr(layer, part) for part in parts if hasattr(layer, part)]
        return {f"{prefix}{part.name}/{weight.name}": weight for part in projections for weight in part.weights}
    return {prefix + weight.name: weight for weight in layer.weights if "seed" not in weight.name}


def by_key(model):
    return {f"{layer.name}/{key}": weight for layer in model.layers for key, weight in named(layer).items()}


def gradients(model, x, random):
    weights = {key: weight for key, weight in by_key(model).items() if weight.trainable}
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(x, training=False)
        direction = random.standard_normal(y.shape).astype("float32")
        total = tf.reduce_sum(y * direction)
    found = tape.gradient(total, [x] + [weight.value for weight in weights.values()])
    # Nothing flows back to class numbers.
    dx = tf.zeros_like(x) if found[0] is None else found[0]
    dense = [tf.convert_to_tensor(gradient) for gradient in found[1:]]
    return {"direction": direction, "y": y, "dx": dx, "weights": dict(zip(weights, dense))}


def make(folder):
    answers = {}
    for seed, (name, model, x) in enumerate(nets()):
        random = np.random.default_rng(seed)
        for variable in model.variables:
            if "seed" not in variable.path:
                variable.assign(0.5 * random.standard_normal(variable.shape))
        model.save(folder / f"{name}.keras")
        if x is None:
            x = random.standard_normal((4, *model.input_shape[1:])).astype("float32")
        answers[name] = {"x": x, "parameters": model.count_params(), "drops": "dropout" in name, **gradients(model, x, random)}
    return answers


def check(case):
    model = keras.models.load_model(case["path"])
    return {"predictions": model(case["x"], training=False), "parameters": model.count_params()}


def run(args):
    if "folder" in args:
        return make(pathlib.Path(args["folder"]))
    return [check(case) for case in args["check"]]
