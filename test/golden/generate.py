#!/usr/bin/python3
"""Writes the golden values that the TypeScript tests compare against.

    /usr/bin/python3 test/golden/generate.py           writes golden.json and golden.f64 beside this file
    /usr/bin/python3 test/golden/generate.py --check   makes them again, compares with the files, then checks
                                                       30 networks and all the rest without torch (check.py)
    /usr/bin/python3 test/golden/generate.py --check 999   the same with so many networks

Needs Debian's python3-torch (1.13) and python3-mpmath. Everything is float64 and seeded. golden.f64 holds all
arrays end to end, little-endian float64; golden.json is the manifest, one case a line, in which an array is
{"offset", "length"}, both counted in numbers. The definitions are those of mathematics.md: where torch differs
(softplus above 20, the clamped logs of binary_cross_entropy) its own functions are not used.

To add a case, add a line to its section's list below, networks at the end of network_plans: each network has its
own seed, so that no other moves.
"""

import os

# Before torch is imported: one code path on every x86-64 machine, whatever its vector instructions. glibc still
# picks its exp and log by the processor, so on another machine a last bit may differ.
os.environ.update(ATEN_CPU_CAPABILITY="default", OPENBLAS_CORETYPE="Prescott", OMP_NUM_THREADS="1")

import json
import math
import sys
from pathlib import Path

import mpmath
import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

HERE = Path(__file__).resolve().parent
SEED = 20240229

# ---------------------------------------------------------------------------------------------------------------
# Definitions

ACTIVATIONS = {
    "linear": lambda z: z * 1,
    "relu": torch.relu,
    "leakyRelu": lambda z: F.leaky_relu(z, 0.01),
    "elu": lambda z: F.elu(z, 1.0),
    "selu": torch.selu,
    "gelu": lambda z: z / 2 * torch.erfc(-z / math.sqrt(2)),
    "silu": F.silu,
    "softplus": lambda z: torch.logaddexp(z, torch.zeros_like(z)),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softmax": lambda z: torch.softmax(z, 1),
}
KINKED = {"relu", "leakyRelu", "elu", "selu"}
FUSED = {("binaryCrossEntropy", "sigmoid"), ("categoricalCrossEntropy", "softmax")}
REGRESSION_LOSSES = ["sumOfSquares", "meanSquaredError", "huber", "meanAbsoluteError"]


def losses_for(output):
    """The losses that a network with this output activation is compared under."""
    losses = list(REGRESSION_LOSSES)
    if output in ("sigmoid", "softmax"):
        losses.append("binaryCrossEntropy")
    if output in ("softmax", "sigmoid", "softplus"):
        losses.append("categoricalCrossEntropy")
    return losses


def sample_losses(loss, output, z, y, t):
    """J of each sample, from the last layer's pre-activations z, its outputs y, and the targets t."""
    m = y.shape[1]
    d = y - t
    if loss == "sumOfSquares":
        terms = d * d / 2
    elif loss == "meanSquaredError":
        terms = d * d / m
    elif loss == "huber":
        terms = torch.where(d.abs() < 1, d * d / 2, d.abs() - 0.5) / m
    elif loss == "meanAbsoluteError":
        terms = d.abs() / m
    elif loss == "binaryCrossEntropy" and output == "sigmoid":
        terms = torch.logaddexp(z, torch.zeros_like(z)) - z * t
    elif loss == "binaryCrossEntropy":
        terms = -(t * torch.log(y) + (1 - t) * torch.log(1 - y))
    elif loss == "categoricalCrossEntropy" and output == "softmax":
        terms = t * (torch.logsumexp(z, 1, keepdim=True) - z)
    elif loss == "categoricalCrossEntropy":
        terms = -t * torch.log(y)
    else:
        raise ValueError(loss)
    return terms.sum(1)


def forward(layers, parameters, x):
    """The pre-activations of every layer, and the outputs. parameters: [W, b, W, b, ...], W fanIn x units."""
    pre_activations = []
    for layer, w, b in zip(layers, parameters[::2], parameters[1::2]):
        z = x @ w + b
        pre_activations.append(z)
        x = ACTIVATIONS[layer["activation"]](z)
    return pre_activations, x


def cost_of(layers, loss, parameters, x, t, sample_weights=None):
    """C = sum w J / n + penalties; also the pre-activations and the outputs."""
    pre_activations, y = forward(layers, parameters, x)
    per_sample = sample_losses(loss, layers[-1]["activation"], pre_activations[-1], y, t)
    if sample_weights is not None:
        per_sample = per_sample * sample_weights
    cost = per_sample.sum() / x.shape[0]
    for layer, w in zip(layers, parameters[::2]):
        if layer["l1"]:
            cost = cost + layer["l1"] * w.abs().sum()
        if layer["l2"]:
            cost = cost + layer["l2"] * (w * w).sum()
    return cost, pre_activations, y


def dense(units, activation, l1=0, l2=0):
    return {"units": units, "activation": activation, "l1": l1, "l2": l2}


def draw_parameters(rng, features, layers, gain=1.2):
    """[W, b, ...]: spread so that pre-activations are about 1; biases never 0."""
    parameters = []
    for layer in layers:
        units = layer["units"]
        parameters.append(rng.standard_normal((features, units)) * gain / math.sqrt(features))
        parameters.append((0.1 + 0.5 * np.abs(rng.standard_normal(units))) * rng.choice([-1, 1], units))
        features = units
    return [torch.tensor(p, requires_grad=True) for p in parameters]


def flat(parameters):
    return torch.cat([p.detach().reshape(-1) for p in parameters])


def flat_gradients(parameters):
    return torch.cat([p.grad.reshape(-1) for p in parameters])


def one_hot(classes, units):
    return np.eye(units)[classes]


class Store:
    """All arrays, end to end."""

    def __init__(self):
        self.parts = []
        self.numbers = 0

    def put(self, values):
        if isinstance(values, torch.Tensor):
            values = values.detach().numpy()
        part = np.array(values, dtype="<f8").reshape(-1)
        assert np.isfinite(part).all()
        self.parts.append(part)
        reference = {"offset": self.numbers, "length": len(part)}
        self.numbers += len(part)
        return reference

    def bytes(self):
        return np.concatenate(self.parts).tobytes()


# ---------------------------------------------------------------------------------------------------------------
# A. Networks: every activation at every position of 1 to 4 layers, with every loss that fits the output

BATCHES = [1, 2, 3, 5, 8, 13, 31]
CLEARANCE = 1e-3  # from every kink, of an activation or a loss
WIDTHS = [1, 2, 2, 2, 3, 3, 3, 4, 4, 5]


class Deck:
    """Deals the activations in shuffled rounds: all of them equally often, in ever new neighbourhoods."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.cards = []

    def deal(self):
        if not self.cards:
            self.cards = list(self.rng.permutation(list(ACTIVATIONS)))
        return str(self.cards.pop())


def network_plans():
    """(activations of the layers, position under test from 1, loss)"""
    outputs, others = Deck([SEED, 1]), Deck([SEED, 2])
    for depth in range(1, 5):
        for position in range(1, depth + 1):
            for activation in ACTIVATIONS:
                output = activation if position == depth else outputs.deal()
                for loss in losses_for(output):
                    stack = [others.deal() for _ in range(depth - 1)] + [output]
                    stack[position - 1] = activation
                    yield stack, position, loss


def draw_targets(rng, loss, samples, units, mixed):
    """mixed: cross-entropies also get soft rows, and categorical ones rows that do not sum to one."""
    if loss == "binaryCrossEntropy":
        hard = rng.integers(0, 2, (samples, units)).astype(float)
        soft = rng.uniform(0, 1, (samples, units))
        return np.where(rng.uniform(size=(samples, units)) < 0.4, soft, hard) if mixed else hard
    if loss == "categoricalCrossEntropy":
        t = one_hot(rng.integers(0, units, samples), units)
        for i in range(samples if mixed else 0):
            kind = rng.uniform()
            if kind < 0.3:
                t[i] = rng.dirichlet(np.ones(units))
            elif kind < 0.6:
                t[i] = rng.uniform(0, 1.5, units)
        return t
    return rng.standard_normal((samples, units))


def draw_network(index, attempt, stack, loss):
    rng = np.random.default_rng([SEED, 3, index, attempt])
    samples = BATCHES[index % len(BATCHES)]
    features = int(rng.integers(1, 5))
    layers = []
    for activation in stack:
        units = int(rng.choice(WIDTHS))
        if activation == "softmax" or (len(layers) == len(stack) - 1 and loss == "categoricalCrossEntropy"):
            units = max(units, 2)
        layers.append(dense(units, activation))
    penalised = index % 10 == 3
    if penalised:
        for i, layer in enumerate(layers):
            layer["l1"] = [0.01, 0, 0.003][(index // 10 + i) % 3]
            layer["l2"] = [0, 0.02, 0.005][(index // 10 + i) % 3]
    parameters = draw_parameters(rng, features, layers, gain=1.2 + 0.1 * (attempt % 12))
    if penalised:
        with torch.no_grad():
            parameters[0][0, 0] = 0.0  # sign(0) = 0
    sample_weights = None
    if index % 12 in (3, 8):
        sample_weights = rng.uniform(0, 2, samples)
        sample_weights[rng.integers(samples)] = 0.0 if samples > 2 else 1.5
    x = rng.standard_normal((samples, features))
    t = draw_targets(rng, loss, samples, layers[-1]["units"], mixed=index % 2 == 1)
    return layers, parameters, x, t, sample_weights


def is_clear(layers, loss, pre_activations, y, t):
    """Away from kinks, from saturation, and from the poles of the plain cross-entropies."""
    for layer, z in zip(layers, pre_activations):
        if z.abs().max() > 7 or (layer["activation"] in KINKED and z.abs().min() < CLEARANCE):
            return False
    distance = (y - t).abs()
    if loss == "huber":
        return bool((distance - 1).abs().min() >= CLEARANCE)
    if loss == "meanAbsoluteError":
        return bool(distance.min() >= CLEARANCE)
    if loss.endswith("CrossEntropy") and (loss, layers[-1]["activation"]) not in FUSED:
        return bool(y.min() >= 0.02 and (loss == "categoricalCrossEntropy" or y.max() <= 0.98))
    return True


def network_case(store, index, stack, position, loss):
    for attempt in range(20000):
        layers, parameters, x, t, sample_weights = draw_network(index, attempt, stack, loss)
        samples, features = x.shape
        inputs = torch.tensor(x, requires_grad=True)
        targets = torch.tensor(t)
        weights = None if sample_weights is None else torch.tensor(sample_weights)
        cost, pre_activations, y = cost_of(layers, loss, parameters, inputs, targets, weights)
        if not is_clear(layers, loss, pre_activations, y, targets):
            continue
        cost.backward()
        # A dead network proves nothing: something must flow all the way down.
        if inputs.grad.abs().max() >= 1e-4 and all(p.grad.abs().max() >= 1e-4 for p in parameters):
            break
    else:
        raise RuntimeError(f"network {index} {stack} {loss}: no acceptable draw")
    case = {
        "name": f"{'-'.join(stack)} {loss} (layer {position} of {len(stack)}, batch {samples})",
        "features": features,
        "samples": samples,
        "layers": layers,
        "loss": loss,
        "fromLogits": (loss, stack[-1]) in FUSED,
        "cost": cost.item(),
        "inputs": store.put(x),
        "targets": store.put(t),
        "parameters": store.put(flat(parameters)),
        "outputs": store.put(y),
        "gradients": store.put(flat_gradients(parameters)),
        "inputGradients": store.put(inputs.grad),
    }
    if sample_weights is not None:
        case["sampleWeights"] = store.put(sample_weights)
    return case


def networks(store):
    return [network_case(store, index, *plan) for index, plan in enumerate(network_plans())]


# ---------------------------------------------------------------------------------------------------------------
# B. Optimizers: 20 steps over the same 20 batches. `options` is what the user gives wasmgrad, nothing added.

OPTIMIZER_CASES = [
    ("sgd", {}),
    ("sgd", {"learningRate": 0.1, "momentum": 0.9}),
    ("sgd", {"learningRate": 0.1, "momentum": 0.9, "nesterov": True}),
    ("sgd", {"learningRate": 0.1, "momentum": 0.9, "weightDecay": 0.01}),
    ("sgd", {"learningRate": 0.1, "weightDecay": 0.01}),
    ("adam", {}),
    ("adam", {"learningRate": 0.01, "weightDecay": 0.01}),
    ("adam", {"learningRate": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4}),
    ("adamW", {}),
    ("rmsProp", {}),
    ("rmsProp", {"rho": 0.9}),
    ("adagrad", {}),
]


def torch_optimizer(name, options, parameters):
    """torch.optim's class with torch's defaults; the rate of sgd, which torch 1.13 has no default for, is 0.01."""
    given = {}
    for ours, theirs in [("learningRate", "lr"), ("momentum", "momentum"), ("nesterov", "nesterov"),
                         ("weightDecay", "weight_decay"), ("epsilon", "eps"), ("rho", "alpha")]:
        if ours in options:
            given[theirs] = options[ours]
    if "beta1" in options:
        given["betas"] = (options["beta1"], options["beta2"])
    if name == "sgd":
        given.setdefault("lr", 0.01)
    optimizers = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamW": torch.optim.AdamW,
                  "rmsProp": torch.optim.RMSprop, "adagrad": torch.optim.Adagrad}
    return optimizers[name](parameters, **given)


def step(optimizer, layers, loss, parameters, x, t):
    """One update; the cost and the outputs before it."""
    optimizer.zero_grad()
    cost, _, y = cost_of(layers, loss, parameters, x, t)
    cost.backward()
    optimizer.step()
    return cost.item(), y.detach()


def optimizers(store):
    features, loss = 3, "categoricalCrossEntropy"
    layers = [dense(4, "tanh"), dense(3, "gelu"), dense(3, "softmax")]
    batch_sizes = [4, 7, 1, 8, 3, 5, 2, 6, 4, 1, 7, 3, 8, 2, 5, 6, 3, 4, 1, 8]
    rng = np.random.default_rng([SEED, 4])
    samples = sum(batch_sizes)
    x = torch.tensor(rng.standard_normal((samples, features)))
    t = torch.tensor(one_hot(rng.integers(0, 3, samples), 3))
    initial = draw_parameters(rng, features, layers)
    shared = {"inputs": store.put(x), "targets": store.put(t), "parameters": store.put(flat(initial))}
    cases = []
    for name, options in OPTIMIZER_CASES:
        parameters = [p.detach().clone().requires_grad_() for p in initial]
        optimizer = torch_optimizer(name, options, parameters)
        costs, gradients, trajectory = [], [], []
        for batch, target in zip(x.split(batch_sizes), t.split(batch_sizes)):
            costs.append(step(optimizer, layers, loss, parameters, batch, target)[0])
            gradients.append(flat_gradients(parameters))
            trajectory.append(flat(parameters))
        given = "".join(f" {key} {str(value).lower()}" for key, value in options.items())
        cases.append({
            "name": name + given,
            "optimizer": name,
            "options": options,
            "features": features,
            "layers": layers,
            "loss": loss,
            "batchSizes": batch_sizes,
            **shared,
            "costs": store.put(costs),
            "gradients": store.put(torch.stack(gradients)),
            "trajectory": store.put(torch.stack(trajectory)),
        })
    return cases


TRAIL_STEPS = 1000
TRAIL_KEPT = [1, 10, 100, 1000]
TRAIL_CASES = [(name, options, None) for name, options in OPTIMIZER_CASES] + [
    ("sgd", {"learningRate": 0.1, "momentum": 0.9, "nesterov": True, "weightDecay": 0.01}, 1.5),
    ("adam", {}, 0.5),
    ("adamW", {}, 2),
    ("rmsProp", {}, 1.5),
    ("adagrad", {}, 1.5),
]


def trails(store):
    """Optimizers fed the same recorded gradients, of a weight matrix and a bias, some steps of them clipped."""
    rng = np.random.default_rng([SEED, 6])
    shapes = [(2, 3), (3,)]
    initial = [torch.tensor(rng.standard_normal(shape)) for shape in shapes]
    count = sum(p.numel() for p in initial)
    scales = 10.0 ** rng.integers(-3, 2, (TRAIL_STEPS, 1))
    recorded = torch.tensor(rng.standard_normal((TRAIL_STEPS, count)) * scales)
    shared = {"parameters": store.put(flat(initial)), "gradients": store.put(recorded)}
    cases = []
    for name, options, clip_norm in TRAIL_CASES:
        parameters = [p.clone().requires_grad_() for p in initial]
        optimizer = torch_optimizer(name, options, parameters)
        kept = []
        for t in range(TRAIL_STEPS):
            parts = recorded[t].split([p.numel() for p in parameters])
            for p, part in zip(parameters, parts):
                p.grad = part.reshape(p.shape).clone()
            if clip_norm is not None:
                torch.nn.utils.clip_grad_norm_(parameters, clip_norm)
            optimizer.step()
            if t + 1 in TRAIL_KEPT:
                kept.append(flat(parameters))
        given = "".join(f" {key} {str(value).lower()}" for key, value in options.items())
        case = {"name": name + given + ("" if clip_norm is None else f" clipNorm {clip_norm}"),
                "optimizer": name, "options": options, "steps": TRAIL_KEPT, **shared,
                "trajectory": store.put(torch.stack(kept))}
        if clip_norm is not None:
            case["clipNorm"] = clip_norm
        cases.append(case)
    return cases


# ---------------------------------------------------------------------------------------------------------------
# C. A whole fit, its last batch short

def accuracy_count(y, t):
    """torch.argmax may take any of equal outputs; numpy's takes the lowest index."""
    return int((np.argmax(y.numpy(), 1) == np.argmax(t.numpy(), 1)).sum())


def fits(store):
    samples, validation_samples, features, batch_size, epochs = 53, 21, 4, 16, 5
    loss, options = "categoricalCrossEntropy", {"learningRate": 0.01}
    layers = [dense(8, "relu"), dense(3, "softmax")]
    rng = np.random.default_rng([SEED, 5])
    everything = rng.standard_normal((samples + validation_samples, features))
    noisy = everything @ rng.standard_normal((features, 3)) + 0.3 * rng.standard_normal((len(everything), 3))
    all_targets = one_hot(np.argmax(noisy, 1), 3)
    x, x_validation = torch.tensor(everything).split([samples, validation_samples])
    t, t_validation = torch.tensor(all_targets).split([samples, validation_samples])
    parameters = draw_parameters(rng, features, layers)
    case = {
        "name": "adam, 53 samples in batches of 16",
        "optimizer": "adam",
        "options": options,
        "features": features,
        "samples": samples,
        "validationSamples": validation_samples,
        "layers": layers,
        "loss": loss,
        "epochs": epochs,
        "batchSize": batch_size,
        "inputs": store.put(x),
        "targets": store.put(t),
        "validationInputs": store.put(x_validation),
        "validationTargets": store.put(t_validation),
        "parameters": store.put(flat(parameters)),
    }
    history = {"losses": [], "accuracies": [], "validationLosses": [], "validationAccuracies": []}
    optimizer = torch_optimizer("adam", options, parameters)
    for _ in range(epochs):
        total, correct = 0.0, 0
        for batch, target in zip(x.split(batch_size), t.split(batch_size)):
            cost, y = step(optimizer, layers, loss, parameters, batch, target)
            total += cost * len(batch)
            correct += accuracy_count(y, target)
        with torch.no_grad():
            cost, _, y = cost_of(layers, loss, parameters, x_validation, t_validation)
        history["losses"].append(total / samples)
        history["accuracies"].append(correct / samples)
        history["validationLosses"].append(cost.item())
        history["validationAccuracies"].append(accuracy_count(y, t_validation) / validation_samples)
    case["finalParameters"] = store.put(flat(parameters))
    case.update({name: store.put(values) for name, values in history.items()})
    return [case]


# ---------------------------------------------------------------------------------------------------------------
# D. Activations, element by element (softmax by rows of 5)

def activations(store):
    rng = np.random.default_rng([SEED, 6])
    z = np.concatenate([
        [0, 1e-300, -1e-300, 1e-16, -1e-16, 1e-8, -1e-8, 1e-4, -1e-4, 0.01, -0.01, 0.1, -0.1],
        [0.5, -0.5, 1, -1, -1.278464542761074, -0.7517915246935645, 2, -2, 3, -3, 5, -5, 8, -8, -8.3],
        [20.5, -20.5, 25, -25, 30, -30],
        rng.uniform(-8, 8, 26),
    ])
    z = rng.permutation(z).reshape(12, 5)
    z[11] = z[11, 0]  # a row of equals
    dy = rng.standard_normal(z.shape)
    shared = {"preActivations": store.put(z), "outputGradients": store.put(dy)}
    cases = []
    for name, activation in ACTIVATIONS.items():
        variable = torch.tensor(z, requires_grad=True)
        y = activation(variable)
        y.backward(torch.tensor(dy))
        cases.append({"name": name, "activation": name, "samples": 12, "units": 5, **shared,
                      "outputs": store.put(y), "deltas": store.put(variable.grad)})
    return cases


# ---------------------------------------------------------------------------------------------------------------
# E. Cross-entropies from logits far out, in exact arithmetic, rounded once

FAR = [1e3, 1e8, 1e300]
FAR_LOGITS = [[1, -1, 0], [-1, 0, 1], [1, 1, -1], [-1, -1, -1], [0, 1, 0.5]]  # times the scale
FAR_TARGETS = {
    "one-hot": {
        "categoricalCrossEntropy": [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]],
        "binaryCrossEntropy": [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]],
    },
    "soft": {
        "categoricalCrossEntropy": [[0.75, 0.25, 0], [0.1, 0.2, 0.7], [0.5, 0.5, 0], [0.2, 0.3, 0.5], [0, 0.9, 0.1]],
        "binaryCrossEntropy": [[0.9, 0.1, 0.5], [0.3, 0.7, 0.6], [0.25, 0.5, 0.75], [0.01, 0.02, 0.97], [0.4, 1, 0.3]],
    },
    "not summing to one": {
        "categoricalCrossEntropy": [[2, 0.5, 0.25], [0, 0, 0], [1, 1, 1], [0.3, 0, 0.3], [0.1, 0.7, 1.4]],
        "binaryCrossEntropy": [[1, 1, 1], [0, 0, 0], [1, 1, 0], [0, 1, 1], [0.5, 0.5, 1]],
    },
}


def exact_cross_entropy(loss, logits, targets):
    """C and dC/dLogits, each the float64 nearest to the true value."""
    n = len(logits)
    cost, gradients = mpmath.mpf(0), []
    for row, target in zip(logits, targets):
        z, t = [mpmath.mpf(v) for v in row], [mpmath.mpf(v) for v in target]
        if loss == "categoricalCrossEntropy":
            e = [mpmath.exp(v - max(z)) for v in z]
            lse = max(z) + mpmath.log(sum(e))
            cost += sum(tk * (lse - zk) for tk, zk in zip(t, z))
            gradients.append([float((ej / sum(e) * sum(t) - tj) / n) for ej, tj in zip(e, t)])
        else:
            cost += sum(max(zk, 0) - zk * tk + mpmath.log1p(mpmath.exp(-abs(zk))) for zk, tk in zip(z, t))
            sigmoid = [1 / (1 + mpmath.exp(-zk)) for zk in z]
            gradients.append([float((s - tk) / n) for s, tk in zip(sigmoid, t)])
    return float(cost / n), gradients


def far_losses(store):
    """Each row alone, where nothing can hide behind a larger row, then all rows as one batch."""
    mpmath.mp.prec = 2600  # 1e300 and a difference of 1e-300 beside it
    cases = []
    for loss in ("categoricalCrossEntropy", "binaryCrossEntropy"):
        for scale in FAR:
            all_logits = [[scale * v for v in row] for row in FAR_LOGITS]
            for kind, by_loss in FAR_TARGETS.items():
                all_targets = [[float(v) for v in row] for row in by_loss[loss]]
                batches = [(f"row {i}", [z], [t]) for i, (z, t) in enumerate(zip(all_logits, all_targets))]
                for which, logits, targets in batches + [("all rows", all_logits, all_targets)]:
                    cost, gradients = exact_cross_entropy(loss, logits, targets)
                    cases.append({
                        "name": f"{loss} at {scale:.0e}".replace("e+0", "e").replace("e+", "e") + f", {kind}, {which}",
                        "loss": loss,
                        "samples": len(logits),
                        "units": 3,
                        "cost": cost,
                        "logits": store.put(logits),
                        "targets": store.put(targets),
                        "gradients": store.put(gradients),
                    })
    return cases


# ---------------------------------------------------------------------------------------------------------------

def generate():
    store = Store()
    sections = {
        "networks": networks(store),
        "optimizers": optimizers(store),
        "fits": fits(store),
        "activations": activations(store),
        "farLosses": far_losses(store),
        "trails": trails(store),
    }
    lines = ['{', f'"numbers": {store.numbers}']
    for name, cases in sections.items():
        lines[-1] += ","
        body = ",\n".join(json.dumps(case, allow_nan=False) for case in cases)
        lines.append(f'"{name}": [\n{body}\n]')
    lines.append("}")
    return sections, "\n".join(lines).encode() + b"\n", store.bytes()


def main(arguments):
    sections, manifest, numbers = generate()
    files = {HERE / "golden.json": manifest, HERE / "golden.f64": numbers}
    if arguments[:1] == ["--check"]:
        sys.dont_write_bytecode = True
        import check
        for path, content in files.items():
            if path.read_bytes() != content:
                sys.exit(f"{path}: differs from what is generated now")
            print(f"{path.name}: the same again, bit for bit")
        check.run(HERE, int(arguments[1]) if len(arguments) > 1 else 30)
        return
    for path, content in files.items():
        path.write_bytes(content)
    print(", ".join(f"{name} {len(cases)}" for name, cases in sections.items()))
    print(f"{len(numbers) // 8} numbers; " + ", ".join(f"{p.name} {len(c)} bytes" for p, c in files.items()))


if __name__ == "__main__":
    main(sys.argv[1:])
