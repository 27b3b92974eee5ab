"""Removes channels from one dense network with Torch-Pruning and fine-tunes it: torch_prune.py '{network, data, weights, seed, criterion, macs, epochs}'.

Runs in the torch-pruning environment, on two threads; latency on one. `criterion` is magnitude, taylor or fpgm, by the formulas of docs/pruning.md rather
than the package's own: its FPGM squares |w|, and its Taylor sums |g·w| over kernel slices, which is zero behind a batch normalisation.
Prints {before, after_cut, test, macs, parameters, seconds: {cut, fine_tune}, latency_ms: {dense, pruned}: {1, 64}}; errors from 0 to 1.
"""

import json
import sys
import time

import numpy as np
import torch
import torch_pruning as tp
from data import load
from torch import nn
from torch.nn import functional as F

order = json.loads(sys.argv[1])
torch.manual_seed(order["seed"])
torch.set_num_threads(2)


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_1, self.conv_2 = nn.Conv2d(1, 20, 5), nn.Conv2d(20, 50, 5)
        self.dense_1, self.dense_2 = nn.Linear(800, 500), nn.Linear(500, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv_1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv_2(x)), 2)
        return self.dense_2(F.relu(self.dense_1(torch.flatten(x, 1))))


class Same(nn.Module):
    """A 3x3 convolution of stride 2 as TensorFlow pads it: one row and column after the image."""

    def __init__(self, inputs, filters):
        super().__init__()
        self.conv = nn.Conv2d(inputs, filters, 3, 2, bias=False)

    def forward(self, x):
        return self.conv(F.pad(x, (0, 1, 0, 1)))


def normalisation(filters):
    return nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01)


class Block(nn.Module):
    def __init__(self, inputs, filters, strides):
        super().__init__()
        self.conv_1 = Same(inputs, filters) if strides == 2 else nn.Conv2d(inputs, filters, 3, padding=1, bias=False)
        self.bn_1 = normalisation(filters)
        self.conv_2, self.bn_2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False), normalisation(filters)
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, filters, 1, 2, bias=False), normalisation(filters)) if strides == 2 else None

    def forward(self, x):
        y = self.bn_2(self.conv_2(F.relu(self.bn_1(self.conv_1(x)))))
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(1, 8, 3, padding=1, bias=False), normalisation(8)
        widths = [8, 8, 16, 16, 32, 32]
        self.blocks = nn.ModuleList(
            Block(widths[max(index - 1, 0)], width, 2 if index in (2, 4) else 1) for index, width in enumerate(widths)
        )
        self.dense = nn.Linear(32, 10)

    def forward(self, x):
        x = F.relu(self.bn(self.conv(x)))
        for block in self.blocks:
            x = block(x)
        return self.dense(x.mean((2, 3)))


def carry_over(model, arrays):
    """Fills the modules with Keras' weights, which come layer by layer in the order in which the model was built."""
    arrays = iter(arrays)

    def fill(module):
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                tensor.data = torch.tensor(next(arrays))
            return
        kernel = next(arrays)
        if isinstance(module, nn.Conv2d):
            module.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1).copy())
        else:
            if kernel.shape[0] == 800:
                # Keras flattens [height, width, channel], torch [channel, height, width].
                kernel = kernel.reshape(4, 4, 50, -1).transpose(2, 0, 1, 3).reshape(800, -1)
            module.weight.data = torch.tensor(kernel.T.copy())
        if module.bias is not None:
            module.bias.data = torch.tensor(next(arrays))

    for module in order_of_keras(model):
        fill(module)
    assert next(arrays, None) is None


def order_of_keras(model):
    if isinstance(model, LeNet5):
        return [model.conv_1, model.conv_2, model.dense_1, model.dense_2]
    modules = [model.conv, model.bn]
    for block in model.blocks:
        first = block.conv_1.conv if isinstance(block.conv_1, Same) else block.conv_1
        # Keras lists layers by their depth from the output: the shortcut's stand beside the block's second convolution, and before it.
        shortcut = [None, None] if block.shortcut is None else list(block.shortcut)
        modules += [first, block.bn_1, shortcut[0], block.conv_2, shortcut[1], block.bn_2]
    return [*filter(None, modules), model.dense]


splits = {}
for split, (x, y) in load(order["data"]).items():
    splits[split] = (torch.tensor(x.transpose(0, 3, 1, 2).copy()), torch.tensor(y.astype(np.int64)))
model = {"lenet_5": LeNet5, "residual_8_16_32": Residual}[order["network"]]()
with np.load(order["weights"]) as weights:
    carry_over(model, [weights[f"arr_{index}"] for index in range(len(weights.files))])


@torch.no_grad()
def error(split="test"):
    model.eval()
    x, y = splits[split]
    return float(np.mean([(model(x[i : i + 1000]).argmax(1) != y[i : i + 1000]).float().mean().item() for i in range(0, len(x), 1000)]))


@torch.no_grad()
def latency():
    model.eval()
    torch.set_num_threads(1)
    result = {}
    for batch in (1, 64):
        x = splits["test"][0][:batch]
        times = []
        for _ in range(60 if batch == 1 else 30):
            began = time.perf_counter()
            model(x)
            times.append(1000 * (time.perf_counter() - began))
        result[batch] = float(np.median(times[10:]))
    torch.set_num_threads(2)
    return result


PRODUCERS = (nn.Conv2d, nn.Linear)


def gate_scores(batches=16, size=64):
    """By module: the mean over batches of (mean over samples of γ_n)², γ_n = Σ over positions of activation · its gradient; behind the normalisation."""
    gated = {module: [module] for module in model.modules() if isinstance(module, PRODUCERS)}
    if isinstance(model, Residual):
        pairs = [(model.conv, model.bn)]
        for block in model.blocks:
            pairs += [(getattr(block.conv_1, "conv", block.conv_1), block.bn_1), (block.conv_2, block.bn_2)]
            if block.shortcut is not None:
                pairs.append((block.shortcut[0], block.shortcut[1]))
        gated.update({conv: [bn] for conv, bn in pairs})
    outputs, hooks = {}, []

    def keep(producer):
        def hook(_module, _inputs, output):
            output.retain_grad()
            outputs[producer] = output

        return hook

    for producer, (module,) in gated.items():
        hooks.append(module.register_forward_hook(keep(producer)))
    model.eval()
    means = {producer: [] for producer in gated}
    x, y = splits["train"]
    chosen = torch.randperm(len(x))[: batches * size]
    for begin in range(0, len(chosen), size):
        rows = chosen[begin : begin + size]
        model.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        for producer, output in outputs.items():
            gate = (output * output.grad).detach()
            # The loss is a mean over the batch already, so that the sum over samples is the mean of γ.
            means[producer].append(gate.sum([axis for axis in range(gate.ndim) if axis != 1]))
    for hook in hooks:
        hook.remove()
    model.zero_grad()
    return {producer: torch.stack(values) for producer, values in means.items()}


class Gates(tp.importance.Importance):
    """Taylor by gates: those of one unit add up before the square."""

    def __init__(self):
        self.scores = gate_scores()

    def __call__(self, group, **_):
        total = 0
        for dependency, indices in group:
            if dependency.handler in (tp.prune_conv_out_channels, tp.prune_linear_out_channels):
                module = dependency.target.module
                total = total + self.scores[module][:, indices]
        return (total**2).mean(0)

    def removed(self, group):
        for dependency, indices in group:
            if dependency.handler in (tp.prune_conv_out_channels, tp.prune_linear_out_channels):
                module = dependency.target.module
                left = [index for index in range(self.scores[module].shape[1]) if index not in set(indices)]
                self.scores[module] = self.scores[module][:, left]


class Slices(tp.importance.Importance):
    """Sums of squares (magnitude) or sums of distances (FPGM) over the kernel slices of a unit, divided by the group's mean."""

    def __init__(self, distances):
        self.distances = distances

    def __call__(self, group, **_):
        total = 0
        for dependency, indices in group:
            module = dependency.target.module
            if not isinstance(module, PRODUCERS):
                continue
            outwards = dependency.handler in (tp.prune_conv_out_channels, tp.prune_linear_out_channels)
            slices = module.weight.data if outwards else module.weight.data.transpose(0, 1)
            slices = slices[indices].flatten(1)
            if self.distances:
                # The distances of what a unit makes, not of what is read of it.
                own = torch.cdist(slices, slices).sum(1) if outwards else 0
            else:
                own = (slices**2).sum(1)
            count = len(group[0].idxs)
            if isinstance(own, torch.Tensor) and len(own) != count:
                own = own.reshape(count, -1).sum(1)
            total = total + own
        return total / total.mean()

    def removed(self, group):
        pass


example = splits["test"][0][:1]
dense_macs, dense_parameters = tp.utils.count_ops_and_params(model, example)
answer = {"before": error(), "latency_ms": {"dense": latency()}}
began = time.perf_counter()
importance = Gates() if order["criterion"] == "taylor" else Slices(order["criterion"] == "fpgm")
last = model.dense_2 if isinstance(model, LeNet5) else model.dense
steps = 200
pruner = tp.pruner.BasePruner(
    model, example, importance, global_pruning=True, pruning_ratio=0.99, max_pruning_ratio=0.9, iterative_steps=steps, ignored_layers=[last]
)
for _ in range(steps):
    for group in pruner.step(interactive=True):
        importance.removed(group)
        group.prune()
    macs, parameters = tp.utils.count_ops_and_params(model, example)
    if macs <= order["macs"] * dense_macs:
        break
seconds = {"cut": time.perf_counter() - began}
answer["after_cut"] = error()

optimizer = torch.optim.Adam(model.parameters(), 1e-3, eps=1e-7)
began = time.perf_counter()
x, y = splits["train"]
for _ in range(order["epochs"]):
    model.train()
    for rows in torch.randperm(len(x)).split(128):
        optimizer.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
seconds["fine_tune"] = time.perf_counter() - began
answer["latency_ms"]["pruned"] = latency()
print(json.dumps({**answer, "test": error(), "macs": macs / dense_macs, "parameters": parameters / dense_parameters, "seconds": seconds}))
