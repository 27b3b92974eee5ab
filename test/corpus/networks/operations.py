"""Operations of `keras.ops` as nodes of a functional model."""

import keras
import numpy as np
import operations

from networks.network import L, Network

ops = keras.ops


def of(shape, make, dtype="float32"):
    x = keras.Input(shape, dtype=dtype)
    return keras.Model(x, make(x))


def networks():
    # Those whose gradients are compared in test/keras.
    for name, shape, make in operations.functions():
        yield Network(f"op_{name}", of(shape, make), step=False)
    image, steps, row = (4, 5, 3), (5, 4), (6,)
    yield Network("ops_add_number", of(row, lambda x: x + 2))
    yield Network("ops_subtract_from", of(row, lambda x: 1.5 - x))
    yield Network("ops_divide", of(row, lambda x: x / 3))
    yield Network("ops_tensors", of(row, lambda x: (x + L.Dense(6)(x)) * x - x / 2))
    yield Network("ops_broadcast", of(image, lambda x: x * ops.mean(x, axis=(1, 2), keepdims=True)))
    yield Network("ops_power", of(row, lambda x: x**2))
    yield Network("ops_negative", of(row, lambda x: -x))
    yield Network("ops_matmul", of(steps, lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1)))))
    yield Network("ops_matmul_operator", of(steps, lambda x: x @ L.Permute((2, 1))(x)))
    yield Network("ops_dot_products", of(steps, lambda x: ops.einsum("abc,adc->abd", x, x)))
    for name in ("relu", "relu6", "sigmoid", "tanh", "softmax", "gelu", "silu", "softplus", "elu", "leaky_relu", "log_softmax", "hard_sigmoid", "selu"):
        yield Network(f"ops_{name}", of(row, getattr(ops, name)))
    for name in ("abs", "exp", "square", "sign", "floor", "round", "sin", "cos", "erf", "log1p_abs", "sqrt_abs", "rsqrt_square"):
        made = {
            "log1p_abs": lambda x: ops.log1p(ops.abs(x)),
            "sqrt_abs": lambda x: ops.sqrt(ops.abs(x)),
            "rsqrt_square": lambda x: ops.rsqrt(ops.square(x) + 1),
        }
        yield Network(f"ops_{name}", of(row, made[name] if name in made else getattr(ops, name)), step=name not in ("sign", "floor", "round"))
    for name in ("mean", "sum", "max", "min", "prod", "var", "std"):
        reduce = getattr(ops, name)
        yield Network(f"ops_{name}_axis", of(steps, lambda x: reduce(x, axis=1)))
        yield Network(f"ops_{name}_axes_kept", of(image, lambda x: reduce(x, axis=(1, 2), keepdims=True)))
    yield Network("ops_maximum", of(row, lambda x: ops.maximum(x, 0.5)))
    yield Network("ops_minimum", of(row, lambda x: ops.minimum(x, L.Dense(6)(x))))
    yield Network("ops_clip", of(row, lambda x: ops.clip(x, -0.5, 0.5)))
    yield Network("ops_reshape", of(image, lambda x: ops.reshape(x, (-1, 20, 3))))
    yield Network("ops_transpose", of(image, lambda x: ops.transpose(x, (0, 3, 1, 2))))
    yield Network("ops_concatenate", of(steps, lambda x: ops.concatenate([x, 2 * x], axis=-1)))
    yield Network("ops_stack", of(row, lambda x: ops.stack([x, 2 * x], axis=1)))
    yield Network("ops_expand_dims", of(row, lambda x: ops.expand_dims(x, 1)))
    yield Network("ops_squeeze", of((1, 6), lambda x: ops.squeeze(x, 1)))
    yield Network("ops_slice", of(steps, lambda x: x[:, 1:4]))
    yield Network("ops_last_step", of(steps, lambda x: x[:, -1]))
    yield Network("ops_strided_slice", of(steps, lambda x: x[:, ::2, 1:]))
    yield Network("ops_ellipsis", of(image, lambda x: x[..., :2]))
    yield Network("ops_new_axis", of(row, lambda x: x[:, None]))
    yield Network("ops_split", of(row, lambda x: ops.split(x, 2, axis=-1)[1] + 0))
    yield Network("ops_pad", of(steps, lambda x: ops.pad(x, ((0, 0), (1, 2), (0, 0)))))
    yield Network("ops_cast", of(row, lambda x: L.Embedding(7, 3)(ops.cast(x, "int32")), dtype="float32"), [np.arange(24, dtype="float32").reshape(4, 6) % 7])
    yield Network("ops_where", of(row, lambda x: ops.where(x > 0, x, 0.1 * x)))
    yield Network("ops_flip", of(steps, lambda x: ops.flip(x, axis=1)))
    yield Network("ops_repeat", of(steps, lambda x: ops.repeat(x, 2, axis=1)))
    yield Network("ops_tile", of(steps, lambda x: ops.tile(x, (1, 2, 1))))
    yield Network("ops_normalize", of(row, lambda x: ops.normalize(x)))
    yield Network("ops_average_pool", of(image, lambda x: ops.average_pool(x, 2)))
    yield Network("ops_max_pool", of(image, lambda x: ops.max_pool(x, 2)))
    yield Network("ops_resize", of(image, lambda x: ops.image.resize(x, (8, 10))))
    yield Network("ops_argmax", of(row, lambda x: ops.argmax(x, axis=-1)), step=False)
