"""What a graph can be: nested, shared, several inputs and outputs, dictionaries, masks, recurrent states."""

import graphs
import keras
import numpy as np

from networks.network import L, Network, chain

ops = keras.ops


def several_inputs():
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    return keras.Model([a, b], L.Dense(2)(L.Concatenate()([L.Dense(3)(a), b])))


def inputs_in_another_order():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    return keras.Model([b, a], L.Dense(2)(L.Subtract()([a, b])))


def several_outputs():
    x = keras.Input((6,))
    y = L.Dense(5, activation="relu")(x)
    return keras.Model(x, [L.Dense(3, activation="softmax", name="kind")(y), L.Dense(1, name="size")(y)])


def outputs_of_inner_layers():
    x = keras.Input((5, 5, 2))
    a = L.Conv2D(3, 3, activation="relu")(x)
    b = L.Flatten()(a)
    return keras.Model(x, [b, a, L.Dense(2)(b)])


def an_input_as_output():
    x = keras.Input((4,), name="x")
    return keras.Model(x, [x, L.Dense(3)(x)])


def the_same_output_twice():
    x = keras.Input((4,))
    y = L.Dense(3)(x)
    return keras.Model(x, [y, y])


def both_ways():
    a, b = keras.Input((4,)), keras.Input((5, 2))
    y = L.Add()([L.Dense(3)(a), L.LSTM(3)(b)])
    return keras.Model([a, b], [L.Dense(2)(y), L.Dense(1, activation="sigmoid")(y)])


def dictionary_of_inputs():
    inputs = {"right": keras.Input((4,), name="right"), "left": keras.Input((4,), name="left")}
    return keras.Model(inputs, L.Dense(3)(L.Subtract()([inputs["left"], inputs["right"]])))


def dictionary_of_outputs():
    x = keras.Input((4,))
    return keras.Model(x, {"second": L.Dense(2, name="b")(x), "first": L.Dense(3, name="a")(x)})


def dictionaries():
    inputs = {"zebra": keras.Input((3,), name="zebra"), "ape": keras.Input((2,), name="ape")}
    y = L.Concatenate()([inputs["zebra"], inputs["ape"]])
    return keras.Model(inputs, {"out": L.Dense(2)(y), "also": L.Dense(1)(y)})


def dictionary_with_other_names():
    inputs = {"first": keras.Input((3,), name="x_of_one"), "second": keras.Input((3,), name="x_of_two")}
    return keras.Model(inputs, L.Dense(2)(L.Subtract()([inputs["first"], inputs["second"]])))


def nested_structure():
    a, b, c = (keras.Input((3,), name=name) for name in "abc")
    y = L.Concatenate()([a, b, c])
    return keras.Model({"pair": [a, b], "one": c}, [L.Dense(2)(y), {"deep": L.Dense(1)(y)}])


def nested_functional():
    x = keras.Input((4,))
    inner = keras.Model(x, L.Dense(3, activation="tanh")(L.Dense(5)(x)), name="inner")
    y = keras.Input((4,))
    return keras.Model(y, L.Dense(2)(inner(y)))


def nested_deep():
    model = chain((4,), L.Dense(4, activation="tanh"))
    for depth in range(6):
        x = keras.Input((4,))
        model = keras.Model(x, L.Dense(4)(model(x)), name=f"depth_{depth}")
    return model


def nested_shared():
    tower = chain((6,), L.Dense(5, activation="relu"), L.Dense(3), name="tower")
    a, b = keras.Input((6,)), keras.Input((6,))
    return keras.Model([a, b], L.Dense(1)(L.Subtract()([tower(a), tower(b)])))


def nested_called_three_times():
    inner = chain((4,), L.Dense(4, activation="tanh"), L.LayerNormalization(), name="inner")
    x = keras.Input((4,))
    return keras.Model(x, inner(inner(inner(x))))


def nested_with_several_ends():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    inner = keras.Model([a, b], [L.Add()([a, b]), L.Dense(2)(a)], name="inner")
    x = keras.Input((3,))
    total, small = inner([L.Dense(3)(x), x])
    return keras.Model(x, L.Concatenate()([small, total]))


def nested_dictionaries():
    inputs = {"a": keras.Input((3,), name="a"), "b": keras.Input((3,), name="b")}
    inner = keras.Model(inputs, {"sum": L.Add()([inputs["a"], inputs["b"]]), "a": L.Dense(2)(inputs["a"])}, name="inner")
    x = keras.Input((3,))
    made = inner({"b": L.Dense(3)(x), "a": x})
    return keras.Model(x, L.Concatenate()([made["sum"], made["a"]]))


def nested_frozen():
    base = chain((6, 6, 2), L.Conv2D(3, 3), L.BatchNormalization(), L.ReLU(), name="base")
    base.trainable = False
    return chain((6, 6, 2), base, L.GlobalAveragePooling2D(), L.Dense(3))


def nested_half_frozen():
    base = chain((6,), L.Dense(5), L.BatchNormalization(), L.Dense(4), name="base")
    base.layers[0].trainable = False
    return chain((6,), base, L.Dense(3))


def sequential_in_sequential():
    return chain((6,), keras.Sequential([keras.Sequential([L.Dense(5), L.ReLU()]), L.Dense(4)]), L.Dense(2))


def model_called_anew():
    """A model made of another's graph: its layers have nodes that belong to the first."""
    first = chain((5,), L.Dense(4, name="one"), L.Dense(3, name="two"))
    x = keras.Input((5,))
    return keras.Model(x, first.get_layer("two")(L.Activation("relu")(first.get_layer("one")(x))))


def part_of_a_model():
    x = keras.Input((6,))
    y = L.Dense(5, name="kept")(x)
    keras.Model(x, L.Dense(2)(y))
    z = L.Dense(4, name="also_kept")(y)
    return keras.Model(x, z)


def shared_over_inputs():
    a, b = keras.Input((5, 4)), keras.Input((5, 4))
    shared = L.LSTM(3)
    return keras.Model([a, b], L.Concatenate()([shared(a), shared(b)]))


def shared_norm():
    x = keras.Input((5, 4))
    norm = L.LayerNormalization()
    attention = L.MultiHeadAttention(2, 3)
    y = norm(x + attention(norm(x), norm(x)))
    return keras.Model(x, L.GlobalAveragePooling1D()(y))


def masked(*layers, **embedding):
    x = keras.Input((6,), dtype="int32")
    y = L.Embedding(7, 4, mask_zero=True, **embedding)(x)
    for layer in layers:
        y = layer(y)
    return keras.Model(x, y)


TOKENS = np.array([[1, 2, 3, 0, 0, 0], [4, 5, 6, 1, 2, 3], [2, 0, 3, 0, 1, 0], [6, 0, 0, 0, 0, 0]], "float32")
STEPS = np.where(TOKENS[..., None] == 0, 0, np.random.default_rng(5).standard_normal((4, 6, 3))).astype("float32")


def masked_encoder():
    x = keras.Input((6,), dtype="int32")
    y = L.Embedding(7, 4, mask_zero=True)(x)
    y = L.LayerNormalization()(y + L.MultiHeadAttention(2, 3)(y, y))
    return keras.Model(x, L.Dense(2)(L.GlobalAveragePooling1D()(y)))


def masked_two():
    a, b = keras.Input((6,), dtype="int32"), keras.Input((6,), dtype="int32")
    table = L.Embedding(7, 4, mask_zero=True)
    return keras.Model([a, b], L.LSTM(3)(L.Add()([table(a), table(b)])))


def masked_concatenation(axis):
    a, b = keras.Input((6,), dtype="int32"), keras.Input((6,), dtype="int32")
    y = L.Concatenate(axis=axis)([L.Embedding(7, 4, mask_zero=True)(a), L.Embedding(5 + 2, 4, mask_zero=True)(b)])
    return keras.Model([a, b], L.GRU(3)(y))


def masked_attention(kind):
    x = keras.Input((6,), dtype="int32")
    y = L.Embedding(7, 4, mask_zero=True)(x)
    return keras.Model(x, L.GlobalMaxPooling1D()(kind([y, y])))


def mask_given():
    x, mask = keras.Input((6, 3)), keras.Input((6,), dtype="bool")
    return keras.Model([x, mask], L.LSTM(4)(x, mask=mask))


def attention_mask_given():
    x, mask = keras.Input((5, 4)), keras.Input((5, 5), dtype="bool")
    return keras.Model([x, mask], L.MultiHeadAttention(2, 3)(x, x, attention_mask=mask))


def states(cell, **options):
    x = keras.Input((5, 3))
    return keras.Model(x, cell(4, return_state=True, **options)(x))


def state_passed_on(cell):
    x, y = keras.Input((5, 3)), keras.Input((6, 2))
    _, *state = cell(4, return_state=True)(x)
    return keras.Model([x, y], cell(4, return_sequences=True)(y, initial_state=state))


def encoder_decoder():
    source, target = keras.Input((6,), dtype="int32", name="source"), keras.Input((6,), dtype="int32", name="target")
    _, h, c = L.LSTM(4, return_state=True)(L.Embedding(7, 3, mask_zero=True)(source))
    sequence, _, _ = L.LSTM(4, return_sequences=True, return_state=True)(L.Embedding(7, 3, mask_zero=True)(target), initial_state=[h, c])
    return keras.Model([source, target], L.TimeDistributed(L.Dense(7, activation="softmax"))(sequence))


def attention_scores():
    x = keras.Input((5, 4))
    y, scores = L.MultiHeadAttention(2, 3)(x, x, return_attention_scores=True)
    return keras.Model(x, [y, scores])


def bidirectional_states():
    x = keras.Input((5, 3))
    return keras.Model(x, L.Bidirectional(L.LSTM(4, return_state=True))(x))


def transformer():
    x = keras.Input((6,), dtype="int32")
    y = L.Embedding(7, 8)(x)
    for _ in range(2):
        attended = L.MultiHeadAttention(2, 4)(y, y, use_causal_mask=True)
        y = L.LayerNormalization(epsilon=1e-6)(L.Add()([y, attended]))
        y = L.LayerNormalization(epsilon=1e-6)(y + L.Dense(8)(L.Dense(16, activation="gelu")(y)))
    return keras.Model(x, L.Dense(7)(y))


def u_net():
    x = keras.Input((8, 8, 2))
    down = L.Conv2D(3, 3, padding="same", activation="relu")(x)
    low = L.Conv2D(4, 3, padding="same", activation="relu")(L.MaxPooling2D()(down))
    up = L.Conv2DTranspose(3, 2, strides=2)(low)
    return keras.Model(x, L.Conv2D(1, 1, activation="sigmoid")(L.Concatenate()([down, up])))


def squeeze_and_excite():
    x = keras.Input((6, 6, 4))
    y = L.Conv2D(4, 3, padding="same")(x)
    gate = L.Dense(4, activation="sigmoid")(L.Dense(2, activation="relu")(L.GlobalAveragePooling2D()(y)))
    return keras.Model(x, L.Multiply()([y, L.Reshape((1, 1, 4))(gate)]))


def free_dimensions(shape, *layers):
    return chain(shape, *layers)


# The scores of 4 queries for 5 keys, each a weighted sum over 6 channels.
SUMS = {"masked_additive": 4 * 5 * 6, "masked_additive_causal": 4 * 5 * 6}


def compared_elsewhere():
    """The networks whose gradients are compared in test/keras."""
    for seed, (name, model) in enumerate(graphs.models()):
        functional = model._functional if isinstance(model, keras.Sequential) else model
        yield Network(f"graph_{name}", model, list(graphs.inputs_of(functional, np.random.default_rng(seed))), step=False, more_macs=SUMS.get(name, 0))


def networks():
    yield from compared_elsewhere()
    yield Network("several_inputs", several_inputs())
    yield Network("inputs_in_another_order", inputs_in_another_order())
    yield Network("several_outputs", several_outputs())
    yield Network("outputs_of_inner_layers", outputs_of_inner_layers())
    yield Network("an_input_as_output", an_input_as_output())
    yield Network("the_same_output_twice", the_same_output_twice())
    yield Network("several_inputs_and_outputs", both_ways())
    yield Network("dictionary_of_inputs", dictionary_of_inputs())
    yield Network("dictionary_of_outputs", dictionary_of_outputs())
    yield Network("dictionaries", dictionaries())
    yield Network("dictionary_with_other_names", dictionary_with_other_names())
    yield Network("nested_structure", nested_structure())
    yield Network("nested_functional", nested_functional())
    yield Network("nested_deep", nested_deep())
    yield Network("nested_shared", nested_shared())
    yield Network("nested_called_three_times", nested_called_three_times())
    yield Network("nested_with_several_ends", nested_with_several_ends())
    yield Network("nested_dictionaries", nested_dictionaries())
    yield Network("nested_frozen", nested_frozen())
    yield Network("nested_half_frozen", nested_half_frozen())
    yield Network("sequential_in_sequential", sequential_in_sequential())
    yield Network("model_called_anew", model_called_anew())
    yield Network("part_of_a_model", part_of_a_model())
    yield Network("shared_over_inputs", shared_over_inputs())
    yield Network("shared_norm", shared_norm())
    yield Network("transformer", transformer())
    yield Network("u_net", u_net())
    yield Network("squeeze_and_excite", squeeze_and_excite())
    yield Network("free_steps_lstm", free_dimensions((None, 3), L.LSTM(4), L.Dense(2)))
    yield Network("free_steps_conv", free_dimensions((None, 3), L.Conv1D(4, 2), L.GlobalMaxPooling1D()))
    yield Network("free_image", free_dimensions((None, None, 3), L.Conv2D(4, 2), L.GlobalAveragePooling2D(), L.Dense(2)))
    yield Network("free_steps_attention", free_attention())
    # Masks.
    yield Network("mask_unused", masked(L.GlobalMaxPooling1D()), [TOKENS])
    for cell in (L.SimpleRNN, L.LSTM, L.GRU):
        name = cell.__name__.lower()
        yield Network(f"mask_{name}", masked(cell(3)), [TOKENS])
        yield Network(f"mask_{name}_sequences", masked(cell(3, return_sequences=True)), [TOKENS])
        yield Network(f"mask_{name}_backwards", masked(cell(3, go_backwards=True)), [TOKENS])
        yield Network(f"mask_{name}_zero_output", masked(cell(3, return_sequences=True, zero_output_for_mask=True)), [TOKENS])
        yield Network(f"mask_{name}_bidirectional", masked(L.Bidirectional(cell(3))), [TOKENS])
        yield Network(f"mask_{name}_bidirectional_sequences", masked(L.Bidirectional(cell(3, return_sequences=True))), [TOKENS])
    yield Network("mask_stacked", masked(L.LSTM(3, return_sequences=True), L.GRU(2)), [TOKENS])
    yield Network("mask_average", masked(L.GlobalAveragePooling1D()), [TOKENS])
    yield Network("mask_average_keepdims", masked(L.GlobalAveragePooling1D(keepdims=True)), [TOKENS])
    yield Network("mask_dense_average", masked(L.Dense(3), L.GlobalAveragePooling1D()), [TOKENS])
    yield Network("mask_stopped_by_flatten", masked(L.Flatten(), L.Dense(3)), [TOKENS])
    yield Network("mask_stopped_by_conv", masked(L.Conv1D(3, 2), L.GlobalAveragePooling1D()), [TOKENS])
    yield Network("mask_through_dropout", masked(L.Dropout(0.3), L.LSTM(3)), [TOKENS], step=False)
    yield Network("mask_through_activation", masked(L.Activation("relu"), L.LayerNormalization(), L.GlobalAveragePooling1D()), [TOKENS])
    yield Network("mask_time_distributed", masked(L.TimeDistributed(L.Dense(3)), L.LSTM(2)), [TOKENS])
    yield Network("mask_batch_norm", masked(L.BatchNormalization(), L.GlobalAveragePooling1D()), [TOKENS])
    yield Network("mask_time_distributed_last", masked(L.TimeDistributed(L.Dense(3))), [TOKENS])
    yield Network("mask_rnn_cells", masked(L.RNN([L.LSTMCell(3), L.GRUCell(2)])), [TOKENS])
    yield Network("masking_lstm", chain((6, 3), L.Masking(0.0), L.LSTM(4)), [STEPS])
    yield Network("masking_value", chain((6, 3), L.Masking(1.0), L.GRU(4, return_sequences=True)), [STEPS + (STEPS == 0)])
    yield Network("masking_average", chain((6, 3), L.Masking(), L.Dense(2), L.GlobalAveragePooling1D()), [STEPS])
    yield Network("mask_encoder", masked_encoder(), [TOKENS])
    yield Network("mask_two", masked_two(), [TOKENS, TOKENS[::-1]])
    yield Network("mask_concatenate_steps", masked_concatenation(1), [TOKENS, TOKENS[::-1]])
    yield Network("mask_concatenate_channels", masked_concatenation(-1), [TOKENS, TOKENS[::-1]])
    yield Network("mask_attention", masked_attention(L.Attention()), [TOKENS])
    yield Network("mask_additive_attention", masked_attention(L.AdditiveAttention()), [TOKENS], more_macs=6 * 6 * 4)
    yield Network("mask_given", mask_given(), [np.random.default_rng(1).standard_normal((4, 6, 3)).astype("float32"), (TOKENS > 0).astype("float32")])
    yield Network("attention_mask_given", attention_mask_given(), [np.random.default_rng(1).standard_normal((4, 5, 4)).astype("float32"), np.tril(np.ones((4, 5, 5), "float32"))])
    # States.
    for cell in (L.SimpleRNN, L.LSTM, L.GRU):
        name = cell.__name__.lower()
        yield Network(f"state_{name}", states(cell))
        yield Network(f"state_{name}_sequences", states(cell, return_sequences=True))
        yield Network(f"state_{name}_passed_on", state_passed_on(cell))
    yield Network("state_bidirectional", bidirectional_states())
    yield Network("state_encoder_decoder", encoder_decoder(), [TOKENS, TOKENS[::-1]])
    yield Network("attention_scores", attention_scores())


def free_attention():
    x = keras.Input((None, 4))
    return keras.Model(x, L.GlobalAveragePooling1D()(L.MultiHeadAttention(2, 3)(x, x)))
