"""Reads `.esp` files (docs/esp.md): `text, weights = read("model.esp")`. Needs nothing but NumPy.

`text` has the model's Keras `config` and its `metadata`; `weights` are float32, bit for bit those that were written, as Keras orders them:
`model = keras.saving.deserialize_keras_object(text["config"]); model.set_weights(weights)`.
"""

import struct
import zlib

import numpy as np

from .esp_text import read_text

SQUASH = [
    1, 2, 3, 5, 8, 13, 22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565, 62428,
    63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514, 65523, 65528, 65531, 65533, 65534, 65535,
]  # fmt: skip
TOP, EVEN, LIMIT = 2815, 32768, 255
RATES = [131072 // (2 * seen + 3) for seen in range(LIMIT + 1)]
TRUST = [256 * (2 * seen + 1) // (2 * seen + 4) for seen in range(LIMIT + 1)]


def squash(logit):
    place, rest = divmod(min(TOP, max(-TOP, logit)) + 2816, 128)
    return SQUASH[place] + ((SQUASH[place + 1] - SQUASH[place]) * rest >> 7)


STRETCH = []
for _logit in range(-TOP, TOP + 1):
    STRETCH += [_logit] * (squash(_logit) + 1 - len(STRETCH))
STRETCH += [TOP] * (65536 - len(STRETCH))


class Decoder:
    def __init__(self, data):
        self.data, self.at = data, 4
        self.low, self.high, self.value = 0, 0xFFFFFFFF, int.from_bytes((data + bytes(4))[:4], "big")

    def bit(self, probability):
        middle = self.low + (self.high - self.low) // 65536 * probability + (self.high - self.low) % 65536 * probability // 65536
        made = self.value <= middle
        if made:
            self.high = middle
        else:
            self.low = middle + 1
        self.shift()
        return int(made)

    def shift(self):
        while not (self.low ^ self.high) & 0xFF000000:
            self.low = self.low << 8 & 0xFFFFFFFF
            self.high = (self.high << 8 | 0xFF) & 0xFFFFFFFF
            following = self.data[self.at] if self.at < len(self.data) else 0
            self.value = (self.value << 8 | following) & 0xFFFFFFFF
            self.at += 1

    def bits(self, count):
        if count > 16:
            return self.bits(count - 16) << 16 | self.bits(16)
        made = 0
        if self.high - self.low < 2**24:
            for _ in range(count):
                made = made * 2 + self.bit(EVEN)
            return made
        part = (self.high - self.low + 1) >> count
        made = min(2**count - 1, (self.value - self.low) // part)
        self.low += part * made
        self.high = self.low + part - 1
        self.shift()
        return made

    def count(self, largest):
        digits = 0
        while self.bit(EVEN) and 2**digits <= largest:
            digits += 1
        made = 2**digits + self.bits(digits) - 1
        if made > largest:
            raise ValueError(f"a count is above {largest}")
        return made


class Predictor:
    def __init__(self, decoder, sizes, sets):
        self.decoder, self.inputs = decoder, len(sizes)
        self.offsets = [sum(sizes[:index]) for index in range(len(sizes))]
        self.probabilities, self.seen = [32768] * sum(sizes), [0] * sum(sizes)
        self.weights = [65536 // len(sizes)] * (len(sizes) * sets)

    def bit(self, contexts, chosen=0):
        first = chosen * self.inputs
        slots = [offset + context for offset, context in zip(self.offsets, contexts)]
        logits = [STRETCH[self.probabilities[slot]] * TRUST[self.seen[slot]] >> 8 for slot in slots]
        predicted = squash(sum(self.weights[first + index] * logit for index, logit in enumerate(logits)) // 65536)
        made = self.decoder.bit(predicted)
        target = 65535 if made else 0
        for index, slot in enumerate(slots):
            weight = self.weights[first + index] + (logits[index] * (target - predicted) >> 16)
            self.weights[first + index] = min(2**23, max(-(2**23), weight))
            was, seen = self.probabilities[slot], self.seen[slot]
            self.probabilities[slot] = min(65535, max(1, was + (target - was) * RATES[seen] // 65536))
            self.seen[slot] = min(LIMIT, seen + 1)
        return made

    def tree(self, count, start=0):
        node = 1
        for _ in range(count):
            node = node * 2 + self.bit((start + node,))
        return node - 2**count


def marks(decoder, length):
    made = [0] * length
    if decoder.bit(EVEN):
        predictor = Predictor(decoder, [1, 4], 1)
        for index in range(length):
            one, two = made[index - 1] if index > 0 else 0, made[index - 2] if index > 1 else 0
            made[index] = predictor.bit((0, 2 * one + two))
    return made


def level(value):
    return min(abs(value), 3)


def sign(value):
    return 0 if value == 0 else 1 if value < 0 else 2


def steps(count):
    if count < 4:
        return count
    digits = count.bit_length() - 1
    return min(11, 2 * digits + (count >> (digits - 1) & 1))


def matrix(decoder, inputs, units):
    """Whole numbers [inputs · units]."""
    both = inputs > 1 and units > 1
    dead_inputs = marks(decoder, inputs) if both else [0] * inputs
    dead_units = marks(decoder, units) if both else [0] * units
    place, row = decoder.count(inputs), decoder.count(inputs)
    zero = Predictor(decoder, [1, 144, 144, 256, 144, 256, 64], 3)
    signs = Predictor(decoder, [1, 27, 9], 1)
    sizes = Predictor(decoder, [24, 24 * 16, 24 * 12, 24 * 12], 1)
    values, columns, above = [0] * (inputs * units), [0] * units, 0
    alive = [unit for unit in range(units) if not dead_units[unit]]
    for index in range(inputs):
        if dead_inputs[index]:
            continue
        start = index * units
        position = min(63, index // place) if place > 0 else 0
        in_row = before = 0
        for unit in alive:
            at = start + unit
            left = values[at - 1] if unit > 0 else 0
            up = values[at - units] if index > 0 else 0
            by_place = values[at - place * units] if 0 < place <= index else 0
            by_row = values[at - row * units] if 0 < row <= index else 0
            near = level(left), level(up), level(by_place), level(by_row)
            rows, cols, before_, above_ = steps(in_row), steps(columns[unit]), steps(before), steps(above)
            beside = ((near[0] * 4 + near[1]) * 4 + near[2]) * 4 + near[3]
            by_column = (min(3, cols >> 2) * 4 + near[2]) * 4 + near[3]
            contexts = (0, rows * 12 + before_, cols * 12 + above_, beside, rows * 12 + cols, position * 4 + near[1], by_column)
            total = sum(near)
            before += 1
            if zero.bit(contexts, 0 if total == 0 else 1 if total < 3 else 2):
                continue
            negative = signs.bit((0, (sign(left) * 3 + sign(up)) * 3 + sign(by_place), sign(by_row) * 3 + sign(by_place)))
            pair = near[0] * 4 + max(near[1], near[2])
            size = 1
            while size <= 24 and sizes.bit((size - 1, (size - 1) * 16 + pair, (size - 1) * 12 + rows, (size - 1) * 12 + cols)):
                size += 1
            if size > 24:
                digits = decoder.bits(5)
                size += 2**digits + decoder.bits(digits) - 1
            values[at] = -size if negative else size
            in_row += 1
            columns[unit] += 1
        above += 1
    return np.array(values, np.int64)


def float32(bits):
    return struct.unpack(">f", struct.pack(">I", bits))[0]


def floats(decoder):
    exponents, digits = Predictor(decoder, [256], 1), decoder.bits(5)
    while True:
        negative, exponent = decoder.bit(EVEN), exponents.tree(8)
        yield float32(negative << 31 | exponent << 23 | decoder.bits(digits) << (23 - digits))


class Heads:
    """What stands before a tensor's numbers."""

    def __init__(self, decoder):
        self.decoder, self.last = decoder, 0
        self.axes, self.same, self.kinds, self.digits, self.exponents = (Predictor(decoder, [size], 1) for size in (32, 3, 32, 32, 256))

    def shape(self):
        axes = self.axes.tree(5)
        contexts = [0] if axes == 1 else [1] * (axes - 1) + [2]
        made = [self.last if self.same.bit((context,)) else self.decoder.count(2**28) for context in contexts[:axes]]
        self.last = made[-1] if made else 0
        return made

    def step(self):
        digits, exponent = self.digits.tree(5), self.exponents.tree(8)
        return float32(exponent << 23 | self.decoder.bits(digits) << (23 - digits))


def tensor(decoder, heads):
    shape = heads.shape()
    kind = heads.kinds.tree(4, 16 if len(shape) == 1 else 0) & 3  # the other two bits: float32, float16, bfloat16
    count = int(np.prod(shape, dtype=object)) if shape else 1
    if count > 1.5 * 2**28:
        raise ValueError(f"a tensor of shape {shape} does not fit")
    if count == 0:
        return np.zeros(shape, np.float32)
    units = shape[-1] if shape else 1
    if kind == 0:
        lives = matrix(decoder, count // units, units) if decoder.bit(EVEN) else [1] * count
        numbers = floats(decoder)
        made = np.array([next(numbers) if alive else 0.0 for alive in lives], np.float32)
    elif kind == 2:
        length, numbers = decoder.bits(8) + 1, floats(decoder)
        values = [next(numbers) for _ in range(length)]
        below = sum(value < 0 for value in values)
        made = np.array([*values[:below], 0.0, *values[below:]], np.float32)[matrix(decoder, count // units, units) + below]
    else:
        numbers = floats(decoder) if kind == 3 else None
        own = np.array([next(numbers) for _ in range(units)] if numbers else heads.step(), np.float32)
        made = (matrix(decoder, count // units, units).reshape(-1, units) * own.astype(np.float64)).astype(np.float32) + np.float32(0)
    return made.reshape(shape)


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    if data[:4] != b"ESP\x02":
        raise ValueError("this is no .esp file of version 2")
    if zlib.crc32(data[:-4]) != int.from_bytes(data[-4:], "little"):
        raise ValueError("the checksum is wrong: the file was damaged or cut off")
    at = next(index for index in range(4, len(data)) if data[index] < 128) + 1
    length = sum((byte & 127) << 7 * index for index, byte in enumerate(data[4:at]))
    decoder = Decoder(data[at + length : -4])
    tensors, heads = decoder.count(2**20), Heads(decoder)
    return read_text(data[at : at + length]), [tensor(decoder, heads) for _ in range(tensors)]
