#!/usr/bin/python3
"""Writes the golden values of batch normalisation: batchNorm.json beside this file, by torch.nn.BatchNorm1d.

    /usr/bin/python3 test/golden/batchNorm.py           writes the file
    /usr/bin/python3 test/golden/batchNorm.py --check   makes it again and compares

Needs Debian's python3-torch (1.13). float64, seeded. One case a line; every number is the shortest that reads back to
the same float64. Matrices are row-major, samples x units; parameters are flat, layer by layer: weights (fanIn x units,
torch's are the transpose) before bias, gamma before beta.

What is written is good to GOOD at least, and checked here: layers against the formulas in extended precision,
networks against themselves on batches whose rows are in reverse, which changes nothing but the rounding. Around a
million torch is no better than FAR: there the formulas' values are written, rounded once.

Each case draws from a seed of its own, its name: to add one, add a line to its list, and no other moves.
"""

import os

# Before torch is imported: one code path on every x86-64 machine, as in generate.py.
os.environ.update(ATEN_CPU_CAPABILITY="default", OPENBLAS_CORETYPE="Prescott", OMP_NUM_THREADS="1")

import json
import math
import sys
from pathlib import Path

import golden_file
import numpy as np
import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

FILE = Path(__file__).resolve().parent / "batchNorm.json"
SEED = 20240229
GOOD = 1e-13  # relative, or absolute below 1
FAR = 1e-8  # torch's where means are far from 0: it computes x (gamma / deviation) + (beta - mean (gamma / deviation))


def generator(name, attempt=0):
    return np.random.default_rng([SEED, attempt, *name.encode()])


def plain(values):
    """A flat list, of whatever shape."""
    if isinstance(values, torch.Tensor):
        values = values.detach().numpy()
    values = np.asarray(values, dtype=float).reshape(-1)
    assert np.isfinite(values).all()
    return values.tolist()


def gap(actual, expected):
    actual, expected = np.asarray(actual), np.asarray(expected)
    return np.max(np.abs(actual - expected) / np.maximum(1, np.abs(expected)), initial=0)


# ---------------------------------------------------------------------------------------------------------------
# One layer: three training passes over different batches, backward of the last, then a prediction

# (samples, units, momentum, epsilon, kind)
LAYERS = [
    (2, 1, 0.1, 1e-5, "drawn"),
    (2, 4, 0.1, 1e-5, "drawn"),
    (3, 1, 0.5, 1e-3, "drawn"),
    (3, 4, 0.1, 1e-5, "drawn"),
    (5, 7, 0.01, 1e-5, "drawn"),
    (8, 2, 0.9, 0.1, "drawn"),
    (16, 3, 0.1, 1e-8, "drawn"),
    (13, 8, 0.25, 1e-5, "drawn"),
    (33, 9, 0.1, 1e-5, "drawn"),
    (4, 17, 0.1, 1e-2, "drawn"),
    (8, 3, 0.5, 1e-5, "around a million"),
    (16, 5, 0.25, 1e-3, "around a million"),
    (4, 2, 0.5, 1e-5, "around minus a million"),
    (32, 4, 0.1, 1e-5, "a million times wider"),
    (8, 4, 0.1, 1e-5, "a thousandth as wide"),
    (8, 3, 0.1, 1e-5, "constant"),
]


def draw_inputs(rng, samples, units, kind):
    x = rng.standard_normal((samples, units)) * rng.uniform(0.5, 2, units) + rng.uniform(-2, 2, units)
    if kind.startswith("around"):
        # In steps of 2^-10: sums, means of 4, 8, 16, 32 rows, and running means by halves or quarters are exact, else
        # their rounding would drown the spread.
        return np.round(x * 1024) / 1024 + (1e6 if kind == "around a million" else -1e6)
    if kind == "a million times wider":
        return x * 1e6
    if kind == "a thousandth as wide":
        return x / 1000
    if kind == "constant":
        x[:, 1] = 0.75
    return x


def exact_layer(batches, dy, evaluated, gamma, beta, momentum, epsilon):
    """The same by its formulas, in 64 bits of significand."""
    wide = lambda values: np.asarray(values, dtype=np.longdouble)
    gamma, beta, dy, momentum = wide(gamma), wide(beta), wide(dy), wide(momentum)
    running_mean, running_variance = wide(np.zeros(len(gamma))), wide(np.ones(len(gamma)))
    results = []
    for x in batches:
        x = wide(x)
        n = len(x)
        mean = x.sum(0) / n
        variance = ((x - mean) ** 2).sum(0) / n
        inverse = 1 / np.sqrt(variance + epsilon)
        xhat = (x - mean) * inverse
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_variance = (1 - momentum) * running_variance + momentum * variance * n / (n - 1)
        results += [gamma * xhat + beta, running_mean, running_variance]
    sums, dots = dy.sum(0), (dy * xhat).sum(0)
    dx = gamma * inverse * (dy - (sums + xhat * dots) / n)
    predictions = gamma * (wide(evaluated) - running_mean) / np.sqrt(running_variance + epsilon) + beta
    return [*results, dots, sums, dx, predictions]


def layer_case(samples, units, momentum, epsilon, kind):
    name = f"{samples}x{units}, momentum {momentum}, epsilon {epsilon}, {kind}"
    rng = generator(name)
    sizes = [samples, 2 * samples, samples]
    batches = [draw_inputs(rng, size, units, kind) for size in sizes]
    evaluated = draw_inputs(rng, 4, units, kind)
    dy = rng.standard_normal((samples, units))
    gamma = rng.uniform(0.5, 2, units) * rng.choice([-1, 1], units)
    beta = rng.uniform(-1, 1, units)

    layer = torch.nn.BatchNorm1d(units, eps=epsilon, momentum=momentum)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(gamma))
        layer.bias.copy_(torch.tensor(beta))
    found = []
    for batch in batches:
        x = torch.tensor(batch, requires_grad=True)
        outputs = layer(x)
        found += [outputs, layer.running_mean.clone(), layer.running_var.clone()]
    outputs.backward(torch.tensor(dy))
    layer.eval()
    with torch.no_grad():
        predictions = layer(torch.tensor(evaluated))

    exact = exact_layer(batches, dy, evaluated, gamma, beta, momentum, epsilon)
    found += [layer.weight.grad, layer.bias.grad, x.grad, predictions]
    far = kind.startswith("around")
    for values, expected in zip(found, exact, strict=True):
        error = gap(values.detach().numpy().astype(np.longdouble), expected)
        assert error < (FAR if far else GOOD), f"{name}: {error}"
    results = [plain(values) for values in (exact if far else found)]
    of_pass = ["outputs", "runningMean", "runningVariance"]
    of_rest = ["gammaGradients", "betaGradients", "inputGradients", "predictions"]
    return {
        "name": name,
        "units": units,
        "momentum": momentum,
        "epsilon": epsilon,
        "gamma": plain(gamma),
        "beta": plain(beta),
        "passes": [
            {"inputs": plain(batch), **dict(zip(of_pass, results[3 * i :]))} for i, batch in enumerate(batches)
        ],
        "outputGradients": plain(dy),
        **dict(zip(of_rest, results[9:], strict=True)),
        "evaluated": plain(evaluated),
    }


# ---------------------------------------------------------------------------------------------------------------
# Networks: five steps under the mean of squares

FEATURES = 4
BATCHES = [8, 8, 5, 12, 4]
CLEARANCE = 1e-3  # of relu's kink
FLOW = 1e-5  # least gradient: adam makes as large a step of a gradient that is rounding errors alone

# (optimizer, options, momentum and epsilon of the first and of the second batchNorm)
NETWORKS = [
    ("sgd", {"learningRate": 0.05}, (0.1, 1e-5), (0.1, 1e-5)),
    ("sgd", {"learningRate": 0.02, "momentum": 0.9, "nesterov": True}, (0.3, 1e-3), (0.1, 1e-5)),
    ("adam", {"learningRate": 0.01}, (0.1, 1e-5), (0.1, 1e-5)),
    ("adam", {"learningRate": 0.005, "weightDecay": 0.01}, (0.1, 1e-5), (0.9, 0.01)),
]

NAMES = {"learningRate": "lr", "momentum": "momentum", "nesterov": "nesterov", "weightDecay": "weight_decay"}


class Dead(Exception):
    """A draw that proves nothing, or amplifies its rounding errors."""


def build(rng, first, second):
    """dense(5, "tanh") -> batchNorm -> dense(3, "relu") -> batchNorm -> dense(2)"""

    def drawn(layer):
        with torch.no_grad():
            if isinstance(layer, torch.nn.Linear):
                spread = 1 / math.sqrt(layer.in_features)
                layer.weight.copy_(torch.tensor(spread * rng.standard_normal(layer.weight.shape)))
                layer.bias.copy_(torch.tensor(0.3 * rng.standard_normal(layer.bias.shape)))
            else:
                layer.weight.copy_(torch.tensor(rng.uniform(0.5, 1.5, layer.weight.shape)))
                layer.bias.copy_(torch.tensor(rng.uniform(-0.5, 0.5, layer.bias.shape)))
        return layer

    def relu():
        layer = torch.nn.ReLU()
        layer.register_forward_pre_hook(check_alive)
        return layer

    def norm(units, options):
        momentum, epsilon = options
        return drawn(torch.nn.BatchNorm1d(units, eps=epsilon, momentum=momentum))

    return torch.nn.Sequential(
        drawn(torch.nn.Linear(FEATURES, 5)),
        torch.nn.Tanh(),
        norm(5, first),
        drawn(torch.nn.Linear(5, 3)),
        relu(),
        norm(3, second),
        drawn(torch.nn.Linear(3, 2)),
    )


def norms(network):
    return [layer for layer in network if isinstance(layer, torch.nn.BatchNorm1d)]


def flat(network):
    return torch.cat([p.detach().T.reshape(-1) if p.dim() == 2 else p.detach() for p in network.parameters()])


def check_alive(layer, inputs):
    """Every unit of a relu in training is on for some samples and off for others, by more than CLEARANCE."""
    (z,) = inputs
    on = z > 0
    if layer.training and (z.abs().min() < CLEARANCE or on.all(0).any() or (~on).all(0).any()):
        raise Dead


def train(network, optimizer, options, batches, evaluated):
    """What there is after each step."""
    classes = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
    stepper = classes[optimizer](network.parameters(), **{NAMES[name]: value for name, value in options.items()})
    steps = []
    for x, t in batches:
        network.train()
        stepper.zero_grad()
        cost = torch.nn.functional.mse_loss(network(x), t)
        cost.backward()
        if min(p.grad.abs().min() for p in network.parameters()) < FLOW:
            raise Dead
        stepper.step()
        network.eval()
        with torch.no_grad():
            predictions = network(evaluated)
        steps.append({
            "cost": cost.item(),
            "parameters": plain(flat(network)),
            "runningMeans": [plain(layer.running_mean) for layer in norms(network)],
            "runningVariances": [plain(layer.running_var) for layer in norms(network)],
            "predictions": plain(predictions),
        })
    return steps


def numbers(steps):
    """All of them, end to end."""
    return np.concatenate([np.ravel(part) for step in steps for value in step.values() for part in rows(value)])


def rows(value):
    return value if isinstance(value, list) else [value]


def draw_network(name, attempt, optimizer, options, first, second):
    rng = generator(name, attempt)
    samples = sum(BATCHES)
    x = torch.tensor(rng.standard_normal((samples, FEATURES)) * [1, 0.5, 2, 1] + [0, 3, -1, 0.2])
    t = torch.tensor(rng.standard_normal((samples, 2)))
    evaluated = torch.tensor(rng.standard_normal((6, FEATURES)))
    seed = int(rng.integers(2**32))

    def trained(turn):
        network = build(np.random.default_rng(seed), first, second)
        batches = [(turn(batch), turn(target)) for batch, target in zip(x.split(BATCHES), t.split(BATCHES))]
        return plain(flat(network)), train(network, optimizer, options, batches, evaluated)

    parameters, steps = trained(lambda rows: rows)
    _, again = trained(lambda rows: rows.flip(0))
    if gap(numbers(again), numbers(steps)) >= GOOD:
        raise Dead
    return x, t, evaluated, parameters, steps


def network_case(optimizer, options, first, second):
    given = "".join(f" {key} {str(value).lower()}" for key, value in options.items())
    name = f"{optimizer}{given}, momentum and epsilon {first} and {second}"
    for attempt in range(100000):
        try:
            x, t, evaluated, parameters, steps = draw_network(name, attempt, optimizer, options, first, second)
            break
        except Dead:
            pass
    else:
        raise RuntimeError(f"{name}: no acceptable draw")
    return {
        "name": name,
        "optimizer": optimizer,
        "options": options,
        "norms": [{"momentum": momentum, "epsilon": epsilon} for momentum, epsilon in (first, second)],
        "features": FEATURES,
        "batchSizes": BATCHES,
        "inputs": plain(x),
        "targets": plain(t),
        "evaluated": plain(evaluated),
        "parameters": parameters,
        "steps": steps,
    }


# ---------------------------------------------------------------------------------------------------------------

def generate():
    sections = {
        "layers": [layer_case(*case) for case in LAYERS],
        "networks": [network_case(*case) for case in NETWORKS],
    }
    bodies = [f'"{name}": [\n' + ",\n".join(map(json.dumps, cases)) + "\n]" for name, cases in sections.items()]
    return ", ".join(f"{name} {len(cases)}" for name, cases in sections.items()), "{\n" + ",\n".join(bodies) + "\n}\n"


if __name__ == "__main__":
    golden_file.main(FILE, generate(), sys.argv[1:])
