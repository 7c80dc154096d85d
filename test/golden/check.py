"""Checks the golden files without torch: an own forward pass in numpy, finite differences for every gradient,
the optimizers replayed from mathematics.md, the activations against mpmath. Run by generate.py --check.
"""

import json
import math

import mpmath
import numpy as np

VALUE = 1e-13  # outputs and costs, relative, or absolute below 1
SLOPE = 1e-9  # finite differences: rounding u |C| / STEP is 5e-12, times a few
STEP = 2e-5  # 2 STEP stays inside the clearance from the kinks, 1e-3

erfc = np.vectorize(math.erfc)


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


SELU_SCALE, SELU_ALPHA = 1.0507009873554804934, 1.6732632423543772848
ACTIVATIONS = {
    "linear": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "leakyRelu": lambda z: np.where(z > 0, z, z / 100),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "selu": lambda z: SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0))),
    "gelu": lambda z: z * (erfc(-z / math.sqrt(2)) / 2),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "softplus": lambda z: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "softmax": softmax,
}


def split(layers, features, parameters):
    """The flat parameters as [(W, b), ...]."""
    at, pairs = 0, []
    for layer in layers:
        units = layer["units"]
        w = parameters[at : at + features * units].reshape(features, units)
        at += features * units
        pairs.append((w, parameters[at : at + units]))
        at += units
        features = units
    assert at == len(parameters)
    return pairs


def forward(layers, parameters, x):
    z = None
    for layer, (w, b) in zip(layers, split(layers, x.shape[1], parameters)):
        z = x @ w + b
        x = ACTIVATIONS[layer["activation"]](z)
    return z, x


def cost_of(layers, loss, parameters, x, t, sample_weights=None):
    z, y = forward(layers, parameters, x)
    d, n, m = y - t, *y.shape
    if loss == "sumOfSquares":
        terms = d**2 / 2
    elif loss == "meanSquaredError":
        terms = d**2 / m
    elif loss == "huber":
        terms = np.where(np.abs(d) <= 1, d**2 / 2, np.abs(d) - 0.5) / m
    elif loss == "meanAbsoluteError":
        terms = np.abs(d) / m
    elif loss == "binaryCrossEntropy":
        terms = -(t * np.log(y) + (1 - t) * np.log1p(-y))  # the draws are unsaturated: the plain form serves
    elif loss == "categoricalCrossEntropy":
        terms = -t * np.log(y)
    weights = np.ones(n) if sample_weights is None else sample_weights
    cost = (terms.sum(1) * weights).sum() / n
    for layer, (w, _) in zip(layers, split(layers, x.shape[1], parameters)):
        cost += layer["l1"] * np.abs(w).sum() + layer["l2"] * (w**2).sum()
    return cost


def slopes(f, at):
    """Central differences of fourth order, one number of `at` after the other."""
    gradient = np.empty(at.size)
    for i in range(at.size):
        def moved(by):
            other = at.copy()
            other.reshape(-1)[i] += by
            return f(other)
        near, far = moved(STEP) - moved(-STEP), moved(2 * STEP) - moved(-2 * STEP)
        gradient[i] = (8 * near - far) / (12 * STEP)
    return gradient


class Report:
    """The largest error of each kind, beside its bound."""

    def __init__(self):
        self.worst = {}

    def compare(self, kind, bound, where, golden, own):
        golden, own = np.asarray(golden, float).reshape(-1), np.asarray(own, float).reshape(-1)
        assert golden.shape == own.shape, f"{kind}, {where}: {golden.shape} numbers, {own.shape} of our own"
        error = float((np.abs(golden - own) / np.maximum(1, np.abs(own))).max())
        assert error <= bound, f"{kind}, {where}: off by {error:.2e}, at most {bound:.0e} expected"
        count, largest, _ = self.worst.get(kind, (0, 0.0, bound))
        self.worst[kind] = (count + golden.size, max(largest, error), bound)

    def print(self):
        for kind, (count, error, bound) in self.worst.items():
            print(f"{kind}: {count} numbers, largest error {error:.1e}, bound {bound:.0e}")


def check_network(report, case, array):
    layers, loss = case["layers"], case["loss"]
    x = array(case["inputs"]).reshape(case["samples"], case["features"])
    t = array(case["targets"]).reshape(case["samples"], -1)
    parameters = array(case["parameters"])
    sample_weights = array(case["sampleWeights"]) if "sampleWeights" in case else None
    name = case["name"]

    def cost(p, inputs):
        return cost_of(layers, loss, p, inputs, t, sample_weights)

    report.compare("network outputs", VALUE, name, array(case["outputs"]), forward(layers, parameters, x)[1])
    report.compare("network costs", VALUE, name, case["cost"], cost(parameters, x))
    own = slopes(lambda p: cost(p, x), parameters)
    report.compare("network gradients", SLOPE, name, array(case["gradients"]), own)
    own = slopes(lambda inputs: cost(parameters, inputs), x)
    report.compare("network inputGradients", SLOPE, name, array(case["inputGradients"]), own)


class Optimizer:
    """PyTorch's definitions, as mathematics.md has them."""

    def __init__(self, name, options, size):
        rate = {"sgd": 0.01, "adam": 1e-3, "adamW": 1e-3, "rmsProp": 0.01, "adagrad": 0.01}[name]
        self.name, self.rate = name, options.get("learningRate", rate)
        self.decay = options.get("weightDecay", 0.01 if name == "adamW" else 0)
        self.epsilon = options.get("epsilon", 1e-10 if name == "adagrad" else 1e-8)
        self.options, self.steps = options, 0
        self.first, self.second = np.zeros(size), np.zeros(size)

    def step(self, p, g):
        self.steps += 1
        o = self.options
        if self.name == "adamW":
            p = p - self.rate * self.decay * p
        else:
            g = g + self.decay * p
        if self.name == "sgd":
            momentum = o.get("momentum", 0)
            self.first = g if self.steps == 1 else momentum * self.first + g
            return p - self.rate * (g + momentum * self.first if o.get("nesterov") else self.first)
        if self.name == "rmsProp":
            rho = o.get("rho", 0.99)
            self.second = rho * self.second + (1 - rho) * g**2
            return p - self.rate * g / (np.sqrt(self.second) + self.epsilon)
        if self.name == "adagrad":
            self.second = self.second + g**2
            return p - self.rate * g / (np.sqrt(self.second) + self.epsilon)
        beta1, beta2 = o.get("beta1", 0.9), o.get("beta2", 0.999)
        self.first = beta1 * self.first + (1 - beta1) * g
        self.second = beta2 * self.second + (1 - beta2) * g**2
        m, v = self.first / (1 - beta1**self.steps), self.second / (1 - beta2**self.steps)
        return p - self.rate * m / (np.sqrt(v) + self.epsilon)


def check_optimizer(report, case, array):
    layers, loss, sizes = case["layers"], case["loss"], case["batchSizes"]
    x = array(case["inputs"]).reshape(-1, case["features"])
    t = array(case["targets"]).reshape(len(x), -1)
    parameters = array(case["parameters"])
    gradients = array(case["gradients"]).reshape(len(sizes), -1)
    trajectory = array(case["trajectory"]).reshape(len(sizes), -1)
    optimizer = Optimizer(case["optimizer"], case["options"], len(parameters))
    own, start = parameters, 0
    for i, size in enumerate(sizes):
        batch, target = x[start : start + size], t[start : start + size]
        start += size
        where = f"{case['name']}, step {i + 1}"
        at = parameters if i == 0 else trajectory[i - 1]
        cost = cost_of(layers, loss, at, batch, target)
        gradient = slopes(lambda p: cost_of(layers, loss, p, batch, target), at)
        report.compare("optimizer costs", VALUE, where, array(case["costs"])[i], cost)
        report.compare("optimizer gradients", SLOPE, where, gradients[i], gradient)
        own = optimizer.step(own, gradients[i])
        report.compare("optimizer parameters", VALUE, where, trajectory[i], own)
    assert start == len(x)


def check_fit(report, case, array):
    """The whole run again, on gradients by finite differences alone."""
    layers, loss, n, size, name = case["layers"], case["loss"], case["samples"], case["batchSize"], case["name"]
    x, t = array(case["inputs"]).reshape(n, -1), array(case["targets"]).reshape(n, -1)
    x_validation = array(case["validationInputs"]).reshape(case["validationSamples"], -1)
    t_validation = array(case["validationTargets"]).reshape(case["validationSamples"], -1)
    parameters = array(case["parameters"])
    optimizer = Optimizer(case["optimizer"], case["options"], len(parameters))
    clearance, margin = math.inf, math.inf

    def correct(p, inputs, targets):
        nonlocal clearance, margin
        y = forward(layers, p, inputs)[1]
        ordered = np.sort(y, 1)
        margin = min(margin, (ordered[:, -1] - ordered[:, -2]).min())
        w, b = split(layers, inputs.shape[1], p)[0]
        clearance = min(clearance, np.abs(inputs @ w + b).min())
        return sum(int(np.argmax(row)) == int(np.argmax(target)) for row, target in zip(y, targets))

    for epoch in range(case["epochs"]):
        total, count = 0.0, 0
        for start in range(0, n, size):
            batch, target = x[start : start + size], t[start : start + size]
            total += len(batch) * cost_of(layers, loss, parameters, batch, target)
            count += correct(parameters, batch, target)
            gradient = slopes(lambda p: cost_of(layers, loss, p, batch, target), parameters)
            parameters = optimizer.step(parameters, gradient)
        validation = cost_of(layers, loss, parameters, x_validation, t_validation)
        validation_count = correct(parameters, x_validation, t_validation)
        for key, own in [("losses", total / n), ("accuracies", count / n), ("validationLosses", validation),
                         ("validationAccuracies", validation_count / len(x_validation))]:
            bound = 0 if "ccuracies" in key else 1e-6
            report.compare(f"fit {key}", bound, f"{name}, epoch {epoch + 1}", array(case[key])[epoch], own)
    report.compare("fit parameters", 1e-6, name, array(case["finalParameters"]), parameters)
    # Rounding moves them by some 1e-15: nobody's relu or argmax can decide otherwise.
    assert clearance > 1e-6, f"{name}: a relu comes within {clearance:.1e} of its kink"
    assert margin > 1e-6, f"{name}: two outputs come within {margin:.1e} of each other"


def exact_activation(name, z):
    """f and f' of one argument by mpmath, at 60 digits."""
    z = mpmath.mpf(z)
    scale, alpha = mpmath.mpf(SELU_SCALE), mpmath.mpf(SELU_ALPHA)
    sigmoid = 1 / (1 + mpmath.exp(-z))
    phi = mpmath.erfc(-z / mpmath.sqrt(2)) / 2
    density = mpmath.exp(-z * z / 2) / mpmath.sqrt(2 * mpmath.pi)
    return {
        "linear": (z, 1),
        "relu": (max(z, 0), int(z > 0)),
        "leakyRelu": (z, 1) if z > 0 else (z / 100, mpmath.mpf(1) / 100),
        "elu": (z, 1) if z > 0 else (mpmath.expm1(z), mpmath.exp(z)),
        "selu": (scale * z, scale) if z > 0 else (scale * alpha * mpmath.expm1(z), scale * alpha * mpmath.exp(z)),
        "gelu": (z * phi, phi + z * density),
        "silu": (z * sigmoid, sigmoid * (1 + z * (1 - sigmoid))),
        "softplus": (mpmath.log1p(mpmath.exp(z)), sigmoid),
        "sigmoid": (sigmoid, sigmoid * (1 - sigmoid)),
        "tanh": (mpmath.tanh(z), 1 / mpmath.cosh(z) ** 2),
    }[name]


def check_activation(report, case, array):
    mpmath.mp.dps = 60
    name, shape = case["activation"], (case["samples"], case["units"])
    z, dy = array(case["preActivations"]).reshape(shape), array(case["outputGradients"]).reshape(shape)
    outputs, deltas = np.empty(shape), np.empty(shape)
    for i in range(shape[0]):
        if name == "softmax":
            e = [mpmath.exp(mpmath.mpf(v)) for v in z[i]]
            y = [v / sum(e) for v in e]
            mean = sum(g * v for g, v in zip(map(mpmath.mpf, dy[i]), y))
            outputs[i] = [float(v) for v in y]
            deltas[i] = [float(v * (mpmath.mpf(g) - mean)) for v, g in zip(y, dy[i])]
            continue
        for j in range(shape[1]):
            f, slope = exact_activation(name, float(z[i, j]))
            outputs[i, j], deltas[i, j] = float(f), float(slope * mpmath.mpf(float(dy[i, j])))
    report.compare("activation outputs", VALUE, name, array(case["outputs"]), outputs)
    report.compare("activation deltas", VALUE, name, array(case["deltas"]), deltas)


def check_far_loss(report, case, array):
    """In float64, by the forms of mathematics.md: they are meant to be exact however far out."""
    z = array(case["logits"]).reshape(case["samples"], -1)
    t = array(case["targets"]).reshape(z.shape)
    if case["loss"] == "categoricalCrossEntropy":
        below = z.max(1, keepdims=True) - z
        cost = (t * (below + np.log(np.exp(-below).sum(1, keepdims=True)))).sum() / len(z)
        gradient = (softmax(z) * t.sum(1, keepdims=True) - t) / len(z)
    else:
        cost = (np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))).sum() / len(z)
        e = np.exp(-np.abs(z))
        gradient = (np.where(z < 0, e, 1) / (1 + e) - t) / len(z)
    report.compare("far costs", VALUE, case["name"], case["cost"], cost)
    report.compare("far gradients", VALUE, case["name"], array(case["gradients"]), gradient)


def run(directory, network_count):
    golden = json.loads((directory / "golden.json").read_text())
    numbers = np.fromfile(directory / "golden.f64", "<f8")
    assert len(numbers) == golden["numbers"], f"golden.f64: {len(numbers)} numbers, {golden['numbers']} expected"

    def array(reference):
        assert reference["offset"] + reference["length"] <= len(numbers)
        return numbers[reference["offset"] : reference["offset"] + reference["length"]].copy()

    for name, cases in golden.items():
        if name != "numbers":
            names = [case["name"] for case in cases]
            assert len(set(names)) == len(names), f"{name}: two cases have one name"

    report, count = Report(), min(network_count, len(golden["networks"]))
    spread = sorted({i * len(golden["networks"]) // count for i in range(count)})
    for i in spread:
        check_network(report, golden["networks"][i], array)
    for case in golden["optimizers"]:
        check_optimizer(report, case, array)
    for case in golden["fits"]:
        check_fit(report, case, array)
    for case in golden["activations"]:
        check_activation(report, case, array)
    for case in golden["farLosses"]:
        check_far_loss(report, case, array)
    print(f"{len(spread)} of {len(golden['networks'])} networks checked, and everything else")
    report.print()
