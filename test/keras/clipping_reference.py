"""Every gradient clipping rule in NumPy, float64, as docs and papers define it, over recorded gradients; plain SGD behind it.

run({"tensors": [{"kind", "shape", "last"}], "gradients": [[steps, ...]], "weights": [[steps, ...]], "rules": [...], "rate"}) answers for each rule the global
norm before and after, the threshold, the fraction clipped, whether the step is held back, and the weights after it. Each step starts from the recorded weights;
what a rule remembers goes on from step to step. A tensor's kind is dense, conv, transposed, depthwise or vector.
"""

import numpy as np

# The axes of one output unit: dense [in, out], conv [kh, kw, in, out], transposed [kh, kw, out, in], depthwise [kh, kw, in, mult]; a vector is one unit.
UNIT_AXES = {"dense": (0,), "conv": (0, 1, 2), "transposed": (0, 1, 3), "depthwise": (0, 1), "vector": (0,)}


def norm(values):
    return np.sqrt(sum(np.sum(value**2) for value in values))


def scaled_to(gradients, limit):
    """All tensors together no longer than the limit."""
    n = norm(gradients)
    if n > limit:
        return [g * (limit / n) for g in gradients], 1.0
    return gradients, 0.0


class Rule:
    def __init__(self, spec, tensors):
        self.spec, self.tensors = spec, tensors

    def taken(self, n):
        pass


class Nothing(Rule):
    def clip(self, gradients, weights):
        return gradients, None, 0.0


class Value(Rule):
    def clip(self, gradients, weights):
        c = self.spec["clip_value"]
        beyond = sum(np.sum(np.abs(g) > c) for g in gradients)
        return [np.clip(g, -c, c) for g in gradients], c, beyond / sum(g.size for g in gradients)


class Norm(Rule):
    def clip(self, gradients, weights):
        c = self.spec["max_norm"]
        results = [scaled_to([g], c) for g in gradients]
        return [g[0] for g, _ in results], c, sum(hit for _, hit in results) / len(results)


class GlobalNorm(Rule):
    def clip(self, gradients, weights):
        c = self.spec["max_norm"]
        clipped, hit = scaled_to(gradients, c)
        return clipped, c, hit


class Agc(Rule):
    def clip(self, gradients, weights):
        factor, epsilon = self.spec.get("clip_factor", 0.01), self.spec.get("epsilon", 1e-3)
        clipped, hits, units = [], 0, 0
        for tensor, g, w in zip(self.tensors, gradients, weights):
            if tensor["last"] and not self.spec.get("include_output", False):
                clipped.append(g)
                continue
            axes = UNIT_AXES[tensor["kind"]]
            length = np.sqrt(np.sum(g**2, axis=axes, keepdims=True))
            limit = factor * np.maximum(np.sqrt(np.sum(w**2, axis=axes, keepdims=True)), epsilon)
            over = length > limit
            clipped.append(np.where(over, g * limit / np.where(over, length, 1), g))
            hits, units = hits + np.sum(over), units + over.size
        return clipped, factor, hits / units


class AutoClip(Rule):
    history = ()

    def clip(self, gradients, weights):
        kept = self.spec.get("history", 10_000)
        c = np.percentile((*self.history, norm(gradients))[-kept:], self.spec.get("percentile", 10))
        clipped, hit = scaled_to(gradients, c)
        return clipped, c, hit

    def taken(self, n):
        self.history = (*self.history, n)


class ZClip(Rule):
    early = ()
    mean = variance = None

    def bound(self, n):
        """The limit of a spike; None where the norm is none, or while the rule warms up."""
        if self.mean is None:
            return None
        threshold, sigma = self.spec.get("z_threshold", 2.5), np.sqrt(self.variance)
        z = (n - self.mean) / (sigma + 1e-6)
        return self.mean + threshold**2 * sigma / z if z > threshold else None

    def clip(self, gradients, weights):
        bounds = [limit for limit in (self.bound(norm(gradients)), self.spec.get("max_norm", 1.0)) if limit is not None]
        if not bounds:
            return gradients, None, 0.0
        clipped, hit = scaled_to(gradients, min(bounds))
        return clipped, min(bounds), hit

    def taken(self, n):
        if self.mean is None:
            self.early = (*self.early, n)
            if len(self.early) == self.spec.get("warmup_steps", 25):
                self.mean, self.variance = np.mean(self.early), np.var(self.early)
            return
        alpha = self.spec.get("alpha", 0.97)
        limit = self.bound(n)
        fed = n if limit is None else limit
        self.mean = alpha * self.mean + (1 - alpha) * fed
        self.variance = alpha * self.variance + (1 - alpha) * (fed - self.mean) ** 2


RULES = {
    "none": Nothing,
    "value": Value,
    "norm": Norm,
    "global_norm": GlobalNorm,
    "agc": Agc,
    "autoclip": AutoClip,
    "zclip": ZClip,
}


def replay(spec, tensors, gradients, weights, rate):
    rule = RULES[spec["type"]](spec, tensors)
    rows, moved = [], [np.empty_like(w) for w in weights]
    for step in range(len(gradients[0])):
        g, w = [each[step] for each in gradients], [each[step] for each in weights]
        held = not all(np.isfinite(each).all() for each in g)
        if held:
            after, row = w, (np.nan, np.nan, np.nan, 0.0, 1.0)
        else:
            clipped, threshold, fraction = rule.clip(g, w)
            n = norm(g)
            after = [old - rate * change for old, change in zip(w, clipped)]
            row = (n, norm(clipped), np.nan if threshold is None else threshold, fraction, 0.0)
            rule.taken(n)
        for target, value in zip(moved, after):
            target[step] = value
        rows.append(row)
    columns = np.array(rows).T
    return {**dict(zip(("before", "after", "threshold", "fraction", "held"), columns)), "weights": moved}


def run(args):
    gradients, weights = ([each.astype("float64") for each in args[name]] for name in ("gradients", "weights"))
    return [replay(spec, args["tensors"], gradients, weights, args["rate"]) for spec in args["rules"]]
