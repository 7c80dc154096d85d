#!/usr/bin/python3
"""Writes the golden values of the metrics: metrics.json beside this file, by scikit-learn.

    /usr/bin/python3 test/golden/metrics.py           writes the file
    /usr/bin/python3 test/golden/metrics.py --check   makes it again and compares

Needs Debian's python3-sklearn (1.2). One case a line; every number is the shortest that reads back to the same
float64, null is NaN (in `expected`), no weights, or no activation. Outputs and targets are samples x units, row-major.

What scikit-learn is asked, once the classes are picked here (argmax, the first of equals; or yes from 0.5 on):
labels are those that occur in targets or predictions, of whatever weight; 0 / 0 is 0. Where it has no answer, rocAuc
is the mean over the classes or columns that do have positives and negatives; rows of weight 0 are neither.

Each case draws from a seed of its own, its name: to add one, add a line to its function below, and no other moves.
"""

import json
import sys
import warnings
from pathlib import Path

import golden_file
import numpy as np
from sklearn import metrics

warnings.filterwarnings("ignore")

FILE = Path(__file__).resolve().parent / "metrics.json"
SEED = 20240229

# ---------------------------------------------------------------------------------------------------------------
# What is expected


def mean_auc(yes, scores, weights):
    """The mean over the columns that have both, yes and no, among the rows that weigh anything."""
    counted = np.ones(len(yes), bool) if weights is None else weights > 0
    areas = [
        metrics.roc_auc_score(yes[:, j], scores[:, j], sample_weight=weights)
        for j in range(yes.shape[1])
        if len(np.unique(yes[counted, j])) == 2
    ]
    return np.mean(areas) if areas else np.nan


def of_predictions(actual, predicted, average, weights):
    """precision, recall and f1"""
    options = {"average": average, "zero_division": 0, "sample_weight": weights}
    return {
        "precision": metrics.precision_score(actual, predicted, **options),
        "recall": metrics.recall_score(actual, predicted, **options),
        "f1": metrics.f1_score(actual, predicted, **options),
    }


def of_classes(outputs, targets, weights):
    actual, predicted = targets.argmax(1), outputs.argmax(1)
    yes = actual[:, None] == np.arange(outputs.shape[1])
    return {
        "accuracy": metrics.accuracy_score(actual, predicted, sample_weight=weights),
        **of_predictions(actual, predicted, "macro", weights),
        "rocAuc": mean_auc(yes, outputs, weights),
    }


def of_columns(outputs, targets, weights):
    """Each column a yes or no of its own."""
    actual, predicted = (targets >= 0.5).astype(int), (outputs >= 0.5).astype(int)
    columns = [(actual[:, j], predicted[:, j]) for j in range(outputs.shape[1])]
    by_column = [of_predictions(a, p, "binary", weights) for a, p in columns]
    scores = {name: np.mean([scores[name] for scores in by_column]) for name in by_column[0]}
    if len(columns) > 1:
        multilabel = of_predictions(actual, predicted, "macro", weights)
        assert all(abs(multilabel[name] - scores[name]) < 1e-15 for name in scores)
    return {
        "accuracy": np.mean([metrics.accuracy_score(a, p, sample_weight=weights) for a, p in columns]),
        **scores,
        "rocAuc": mean_auc(actual, outputs, weights),
    }


def of_values(outputs, targets, weights):
    spread = targets - np.average(targets, axis=0, weights=weights)
    spread = (spread**2 if weights is None else weights[:, None] * spread**2).sum(0)
    # A spread of rounding errors alone would make r2 noise: constant targets must have a mean that is exact.
    assert ((spread == 0) | (spread > 1e-9)).all()
    return {
        "r2": metrics.r2_score(targets, outputs, sample_weight=weights),
        "meanAbsoluteError": metrics.mean_absolute_error(targets, outputs, sample_weight=weights),
    }


# ---------------------------------------------------------------------------------------------------------------
# Cases


def plain(values):
    """As JSON has them: whole numbers without a point, NaN as null."""
    if values is None or isinstance(values, dict):
        return values and {name: plain(value) for name, value in values.items()}
    if np.ndim(values):
        return [plain(value) for value in np.ravel(values)]
    value = float(values)
    if np.isnan(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def case(name, activation, outputs, targets, weights, expected):
    samples, units = outputs.shape
    assert targets.shape == outputs.shape and np.isfinite([outputs, targets]).all()
    assert weights is None or (weights.shape == (samples,) and (weights >= 0).all() and weights.any())
    return {
        "name": name,
        "activation": activation,
        "units": units,
        "samples": samples,
        "outputs": plain(outputs),
        "targets": plain(targets),
        "weights": plain(weights),
        "expected": plain(expected),
    }


def generator(name):
    return np.random.default_rng([SEED, *name.encode()])


def draw_weights(rng, samples):
    """About one in five is 0; not all."""
    weights = np.where(rng.random(samples) < 0.2, 0, rng.uniform(0.1, 3, samples))
    weights[rng.integers(samples)] = 1
    return weights


def one_hot(classes, units):
    return np.eye(units)[classes]


def tenths(values):
    return np.round(values, 1)


def quarters(values):
    return np.round(values * 4) / 4


def exact(values):
    return values


# (kind, samples, weighted, rounding of the outputs)
DRAWN = [
    ("drawn", 40, False, exact),
    ("drawn", 31, True, exact),
    ("in tenths", 25, True, tenths),
    ("in quarters", 28, False, quarters),
    ("drawn", 2, False, exact),
    ("drawn", 1, False, exact),
    ("drawn", 1, True, exact),
]


def title(family, kind, samples, weighted):
    return f"{family}, {kind}, {samples} {'row' if samples == 1 else 'rows'}{', weighted' if weighted else ''}"


def class_cases(family, activation, units):
    """One class a row: the largest of several outputs."""

    def make(kind, samples, weighted=False, rounding=exact, actual=None, hidden=(), soft=False, flat=False, dull=None):
        """actual: classes that targets have; hidden: classes never predicted; dull: a class of no weight."""
        name = title(family, kind, samples, weighted or dull is not None)
        rng = generator(name)
        classes = rng.choice(range(units) if actual is None else actual, samples)
        if dull is not None:
            classes[0] = dull
        targets = one_hot(classes, units)
        outputs = rng.random((samples, units)) + 0.6 * targets * rng.random((samples, 1))
        outputs[:, list(hidden)] *= 0.1
        outputs /= outputs.sum(1, keepdims=True)
        if activation != "softmax":
            outputs = 3 * outputs - 1
        outputs = rounding(outputs) if not flat else np.full((samples, units), 0.25)
        if soft:
            targets = quarters(0.5 * targets + 0.5 * rng.random((samples, units)))
        weights = draw_weights(rng, samples) if weighted or dull is not None else None
        if dull is not None:
            weights = np.where(classes == dull, 0, weights + 0.5)
        expected = {**of_classes(outputs, targets, weights), **of_values(outputs, targets, weights)}
        return case(name, activation, outputs, targets, weights, expected)

    last = units - 1
    for kind, samples, weighted, rounding in DRAWN:
        yield make(kind, samples, weighted, rounding)
    yield make("all of the first class", 7, actual=[0])
    yield make("all of the last class", 7, weighted=True, actual=[last])
    yield make("all of the last class and predicted so", 6, actual=[last], hidden=range(last))
    yield make("the first class never predicted", 15, hidden=[0])
    yield make("the last class never predicted", 15, weighted=True, rounding=quarters, hidden=[last])
    yield make("all outputs equal", 10, weighted=True, flat=True)
    yield make("soft targets with ties", 20, rounding=tenths, soft=True)
    yield make("the first class of no weight and never predicted", 16, hidden=[0], dull=0)
    if units > 2:
        yield make("the last class not in targets", 19, actual=range(last))
        yield make("the first class not in targets", 12, weighted=True, rounding=tenths, actual=range(1, units))
        yield make("the middle class in neither", 11, weighted=True, actual=[0, last], hidden=range(1, last))


def column_cases(family, activation, units):
    """Each output a yes or no of its own."""

    def make(kind, samples, weighted=False, rounding=exact, share=0.5, values=None, soft=False, dull=None):
        """share: of yes in each column; values: the outputs there are; dull: what has no weight, yes or no."""
        name = title(family, kind, samples, weighted or dull is not None)
        rng = generator(name)
        targets = (rng.random((samples, units)) < share).astype(float)
        outputs = rounding(0.75 * rng.random((samples, units)) + 0.25 * targets)
        if activation != "sigmoid":
            outputs = 2 * outputs - 0.5
        if values is not None:
            outputs = rng.choice(values, (samples, units))
        if soft:
            targets = tenths(0.4 * targets + 0.6 * rng.random((samples, units)))
        weights = draw_weights(rng, samples) if weighted or dull is not None else None
        if dull is not None:
            weights = np.where(targets[:, 0] == dull, 0, weights + 0.5)
        expected = {**of_columns(outputs, targets, weights), **of_values(outputs, targets, weights)}
        return case(name, activation, outputs, targets, weights, expected)

    for kind, samples, weighted, rounding in DRAWN:
        yield make(kind, samples, weighted, rounding)
    yield make("0.5 and its neighbours", 20, values=[np.nextafter(0.5, 0), 0.5, np.nextafter(0.5, 1)])
    yield make("all outputs 0.5", 9, weighted=True, values=[0.5])
    yield make("all targets 1", 7, share=1)
    yield make("all targets 0", 7, weighted=True, share=0)
    yield make("all targets 0 and predicted so", 6, share=0, values=[0.125, 0.25])
    yield make("all targets 1 and predicted so", 6, weighted=True, share=1, values=[0.5, 0.75])
    yield make("never predicted", 12, values=[0, 0.25, 0.4999])
    yield make("soft targets", 18, weighted=True, rounding=tenths, soft=True)
    yield make("yes of no weight", 13, dull=1)
    yield make("no of no weight", 13, dull=0)
    if units > 1:
        yield make("a column without yes, one without no", 15, share=[0, 1, 0.5])
        yield make("a column without yes, one without no", 10, weighted=True, share=[0, 1, 0.5])


def value_cases(units):
    """Regression."""

    def make(kind, samples, weighted=False, rounding=exact, mean=0.0, spread=1.0, error=0.5, constant=(), single=False):
        """error: of the outputs, in spreads; constant: columns whose targets are; single: only one row weighs."""
        name = title(f"linear {units}", kind, samples, weighted or single)
        rng = generator(name)
        targets = mean + spread * rounding(rng.uniform(-1, 1, (samples, units)))
        for j in constant:
            targets[:, j] = [2, -0.5, 1024][j]  # powers of two: any weighted mean of them is exact
        outputs = targets + error * spread * rounding(rng.uniform(-1, 1, (samples, units)))
        weights = draw_weights(rng, samples) if weighted else None
        if single:
            weights = 0.75 * (np.arange(samples) == samples // 2)
        return case(name, "linear", outputs, targets, weights, of_values(outputs, targets, weights))

    for kind, samples, weighted, rounding in DRAWN:
        yield make(kind, samples, weighted, rounding)
    every = range(units)
    yield make("exact", 10, error=0)
    yield make("far off", 10, weighted=True, error=20)
    yield make("constant targets", 8, constant=every)
    yield make("constant targets", 8, weighted=True, constant=every)
    yield make("constant targets, exact", 5, weighted=True, constant=every, error=0)
    yield make("one row, exact", 1, error=0)
    yield make("only one weighs", 6, single=True)
    yield make("around a million", 40, mean=1e6)
    yield make("around a million", 24, weighted=True, mean=1e6)
    yield make("around a million, close", 33, mean=1e6, spread=0.01)
    yield make("around minus a million", 2, mean=-1e6)
    if units > 1:
        yield make("a constant column", 9, constant=[1])
        yield make("a constant column", 9, weighted=True, constant=[0])


def generate():
    cases = [
        *class_cases("softmax 2", "softmax", 2),
        *class_cases("softmax 3", "softmax", 3),
        *class_cases("softmax 5", "softmax", 5),
        *class_cases("no activation 3", None, 3),
        *column_cases("sigmoid 1", "sigmoid", 1),
        *column_cases("linear 1 as yes or no", "linear", 1),
        *column_cases("sigmoid 3", "sigmoid", 3),
        *value_cases(1),
        *value_cases(3),
    ]
    assert len({c["name"] for c in cases}) == len(cases)
    return f"{len(cases)} cases", "[\n" + ",\n".join(json.dumps(c, allow_nan=False) for c in cases) + "\n]\n"


if __name__ == "__main__":
    golden_file.main(FILE, generate(), sys.argv[1:])
