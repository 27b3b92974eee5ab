"""Reads `.esp` files (docs/esp.md): `text, weights = read("model.esp")`. Needs nothing but NumPy.

`text` has the model's Keras `config` and its `metadata`; `weights` are float32, bit for bit those that were written, as Keras orders them:
`model = keras.saving.deserialize_keras_object(text["config"]); model.set_weights(weights)`.
"""

import json
import math
import re
import zlib
from collections import Counter
from itertools import chain, islice, repeat
from pathlib import Path

import numpy as np

SQUASH = [min(65535, max(1, round(65536 / (1 + math.exp(11 - index / 2))))) for index in range(45)]  # None is at half a unit.
TOP, EVEN, LIMIT = 2815, 32768, 255
RATES = [131072 // (2 * seen + 3) for seen in range(LIMIT + 1)]
TRUST = [256 * (2 * seen + 1) // (2 * seen + 4) for seen in range(LIMIT + 1)]


def squash(logit):
    place, rest = divmod(min(TOP, max(-TOP, logit)) + 2816, 128)
    return SQUASH[place] + ((SQUASH[place + 1] - SQUASH[place]) * rest >> 7)


STRETCH = (np.searchsorted([squash(logit) for logit in range(-TOP, TOP)], range(65536)) - TOP).tolist()


class Decoder:
    def __init__(self, data):
        self.bytes = chain(data, repeat(0))
        self.low, self.high, self.value = 0, 0xFFFFFFFF, int.from_bytes(islice(self.bytes, 4), "big")

    def bit(self, probability):
        middle = self.low + (self.high - self.low) // 65536 * probability + (self.high - self.low) % 65536 * probability // 65536
        made = self.value <= middle
        self.low, self.high = (self.low, middle) if made else (middle + 1, self.high)
        self.shift()
        return int(made)

    def shift(self):
        while not (self.low ^ self.high) & 0xFF000000:
            self.low, self.high = self.low << 8 & 0xFFFFFFFF, (self.high << 8 | 0xFF) & 0xFFFFFFFF
            self.value = (self.value << 8 | next(self.bytes)) & 0xFFFFFFFF

    def bits(self, count):
        if count > 16:
            return self.bits(count - 16) << 16 | self.bits(16)
        if self.high - self.low < 2**24:
            return sum(self.bit(EVEN) << place for place in reversed(range(count)))
        part = (self.high - self.low + 1) >> count
        made = min(2**count - 1, (self.value - self.low) // part)
        self.low, self.high = self.low + part * made, self.low + part * made + part - 1
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
    def __init__(self, decoder, sizes, sets=1):
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


def living(decoder, length):
    """The places that are not marked as zeros."""
    if not decoder.bit(EVEN):
        return range(length)
    predictor, made, one, two = Predictor(decoder, [1, 4]), [], 0, 0
    for index in range(length):
        one, two = predictor.bit((0, 2 * one + two)), one
        made += [] if one else [index]
    return made


def steps(count):
    digits = count.bit_length() - 1
    return count if count < 4 else min(11, 2 * digits + (count >> (digits - 1) & 1))


def matrix(decoder, inputs, units):
    """Whole numbers [inputs · units]."""
    alive_inputs, alive_units = (living(decoder, length) if min(inputs, units) > 1 else range(length) for length in (inputs, units))
    place, row = decoder.count(inputs), decoder.count(inputs)
    zero = Predictor(decoder, [1, 144, 144, 256, 144, 256, 64], 3)
    signs, sizes = Predictor(decoder, [1, 27, 9]), Predictor(decoder, [24, 24 * 16, 24 * 12, 24 * 12])
    values, columns = [0] * (inputs * units), [0] * units
    for above, index in enumerate(alive_inputs):
        position, in_row = min(63, index // place) if place > 0 else 0, 0
        for before, unit in enumerate(alive_units):
            at = index * units + unit
            left = values[at - 1] if unit > 0 else 0
            up, by_place, by_row = (values[at - period * units] if 0 < period <= index else 0 for period in (1, place, row))
            near = [min(abs(value), 3) for value in (left, up, by_place, by_row)]
            rows, cols, total = steps(in_row), steps(columns[unit]), sum(near)
            beside = ((near[0] * 4 + near[1]) * 4 + near[2]) * 4 + near[3]
            by_column = (min(3, cols >> 2) * 4 + near[2]) * 4 + near[3]
            row_and, column_and = rows * 12 + steps(before), cols * 12 + steps(above)
            contexts = (0, row_and, column_and, beside, rows * 12 + cols, position * 4 + near[1], by_column)
            if zero.bit(contexts, 0 if total == 0 else 1 if total < 3 else 2):
                continue
            sign = [2 if value > 0 else 1 if value < 0 else 0 for value in (left, up, by_place, by_row)]
            negative = signs.bit((0, (sign[0] * 3 + sign[1]) * 3 + sign[2], sign[3] * 3 + sign[2]))
            pair, size = near[0] * 4 + max(near[1], near[2]), 1
            while size <= 24 and sizes.bit((size - 1, (size - 1) * 16 + pair, (size - 1) * 12 + rows, (size - 1) * 12 + cols)):
                size += 1
            if size > 24:
                digits = decoder.bits(5)
                size += 2**digits + decoder.bits(digits) - 1
            values[at] = -size if negative else size
            in_row += 1
            columns[unit] += 1
    return np.array(values, np.int64)


def float32(sign, exponent, digits, mantissa):
    return np.uint32(sign << 31 | exponent << 23 | mantissa << (23 - digits)).view(np.float32)


def floats(decoder, count):
    exponents, digits = Predictor(decoder, [256]), decoder.bits(5)
    parts = ((decoder.bit(EVEN), exponents.tree(8), digits, decoder.bits(digits)) for _ in range(count))
    return np.array([float32(*part) for part in parts], np.float32)


class Weights:
    """The weights of a file, of which all together have at most so many elements."""

    def __init__(self, decoder, most):
        self.decoder, self.room, self.last = decoder, most, 0
        self.axes, self.same, self.kinds, self.digits, self.exponents = (Predictor(decoder, [size]) for size in (32, 3, 32, 32, 256))

    def shape(self):
        axes = self.axes.tree(5)
        contexts = [0] if axes == 1 else [1] * (axes - 1) + [2]
        made = [self.last if self.same.bit((context,)) else self.decoder.count(2**28) for context in contexts[:axes]]
        self.last = made[-1] if made else 0
        return made

    def following(self):
        shape, decoder = self.shape(), self.decoder
        kind = self.kinds.tree(4, 16 if len(shape) == 1 else 0)
        count, units = math.prod(shape), shape[-1] if shape else 1
        self.room -= count
        if self.room < 0 or len(shape) > 16 or kind > 11:  # the two upper bits: float32, float16, bfloat16
            raise ValueError(f"a weight of shape {shape} and type {kind >> 2} does not fit")
        if count == 0:
            return np.zeros(shape, np.float32)
        if kind & 3 == 0:
            lives = matrix(decoder, count // units, units) if decoder.bit(EVEN) else np.ones(count, np.int64)
            made = np.zeros(count, np.float32)
            made[lives != 0] = floats(decoder, np.count_nonzero(lives))
        elif kind & 3 == 2:
            values = floats(decoder, decoder.bits(8) + 1)
            below = np.count_nonzero(values < 0)
            places = matrix(decoder, count // units, units) + below
            if places.min() < 0 or places.max() > len(values):
                raise ValueError("a number is none of its list")
            made = np.insert(values, below, 0)[places]
        else:
            own = floats(decoder, units) if kind & 3 == 3 else self.step()
            made = (matrix(decoder, count // units, units).reshape(-1, units) * own.astype(np.float64)).astype(np.float32) + np.float32(0)
        if not np.isfinite(made).all():
            raise ValueError("a number is not finite")
        return made.reshape(shape)

    def step(self):
        digits, exponent = self.digits.tree(5), self.exponents.tree(8)
        return float32(0, exponent, digits, self.decoder.bits(digits))


class Templates:
    """What a text stands for: its objects say in what they differ from the template of their class, with Keras' defaults."""

    def __init__(self, templates):
        self.templates = {name: json.dumps(template) for name, template in templates.items()}
        self.counts, self.room = Counter(), 2**24

    def expanded(self, value):
        if isinstance(value, list):
            return [self.expanded(item) for item in value]
        if not isinstance(value, dict):
            return value
        kind = value.get("", value)
        if not isinstance(kind, str):
            return {key: self.expanded(item) for key, item in (kind.items() if kind is value else kind)}
        number, template = self.counts[kind], self.templates[kind]
        self.counts[kind], self.room = number + 1, self.room - len(template)
        if self.room < 0:
            raise ValueError("the text stands for too much")
        made = json.loads(template)
        config, words = made["config"], re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", kind)).lower()
        if config.get("name", "") is None:
            config["name"] = f"{words}_{number}" if number else words
        for key, item in value.items():
            if key not in ("", "-"):
                target, name = (made, key[1:]) if key[0] == "^" else (config, key)
                target[name] = self.expanded(item)
        for key in value.get("-", ()):
            del config[key]
        return {**made, "name": config["name"]} if "inbound_nodes" in made and "name" not in made else made


def read(path, most=2**26):
    """What a file holds. A few bytes may say that billions of zeros follow: of more elements than `most` a file is refused."""
    data, here = Path(path).read_bytes(), Path(__file__).parent
    if data[:4] != b"ESP\x02":
        raise ValueError("this is no .esp file of version 2")
    if zlib.crc32(data[:-4]) != int.from_bytes(data[-4:], "little"):
        raise ValueError("the checksum is wrong: the file was damaged or cut off")
    at = next(index for index in range(4, 10) if index == 9 or data[index] < 128) + 1
    end = at + sum((byte & 127) << 7 * index for index, byte in enumerate(data[4:at]))
    inflater, decoder = zlib.decompressobj(-15, zdict=(here / "esp_dictionary.txt").read_bytes()), Decoder(data[end:-4])
    text = json.loads(inflater.decompress(data[at:end], 2**26))
    templates = Templates(json.loads((here / "esp_templates.json").read_bytes()))
    count, weights = decoder.count(2**20), Weights(decoder, most)
    return {**text, "config": templates.expanded(text["config"])}, [weights.following() for _ in range(count)]
