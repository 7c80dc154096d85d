#!/usr/bin/python3
"""Writes the golden values of the learning rate schedules: schedules.json beside this file, by torch.

    /usr/bin/python3 test/golden/schedules.py           writes the file
    /usr/bin/python3 test/golden/schedules.py --check   makes it again and compares

Needs Debian's python3-torch (1.13). One case a line; every number is the shortest that reads back to the same float64,
null is NaN. The learning rate is 1, so that a rate is a factor. StepLR, ExponentialLR, CosineAnnealingLR and LinearLR by their
closed forms, for the recursions round at every step; ReduceLROnPlateau with eps = 0.

Each plateau draws from a seed of its own, its name: to add one, add a line, and no other moves.
"""

import json
import math
import random
import sys
from pathlib import Path

import golden_file
import torch
from torch.optim import lr_scheduler as lr

FILE = Path(__file__).resolve().parent / "schedules.json"
SEED = 20240229


def optimizer():
    return torch.optim.SGD([torch.zeros(1, dtype=torch.float64)], lr=1.0)


def closed(scheduler, count):
    """The factor at 0, 1, ..., count - 1."""
    factors = []
    for scheduler.last_epoch in range(count):
        factors += scheduler._get_closed_form_lr()
    return factors


def plain(value):
    return None if math.isnan(value) else int(value) if value == int(value) else value


def case(schedule, options, factors, **rest):
    return {"schedule": schedule, "options": options, **rest, "factors": [plain(factor) for factor in factors]}


def step_decay(every, factor):
    factors = closed(lr.StepLR(optimizer(), every, factor), 40)
    return case("stepDecay", {"every": every, "factor": factor}, factors)


def exponential_decay(rate):
    return case("exponentialDecay", {"rate": rate}, closed(lr.ExponentialLR(optimizer(), rate), 40))


def cosine_decay(steps, minimum):
    factors = closed(lr.CosineAnnealingLR(optimizer(), steps, minimum), steps + 1)
    return case("cosineDecay", {"steps": steps, "minimum": minimum}, factors)


def warmup(steps):
    """LinearLR divides by the steps between its ends: no warm-up of one step."""
    factors = closed(lr.LinearLR(optimizer(), 1 / steps, 1, steps - 1), steps + 3)
    return case("warmup", {"steps": steps}, factors)


# What is measured, an epoch each. Rounded, so that there are ties.

EPOCHS = 60


def falling(rng):
    """A loss, with noise."""
    return [round(0.2 + 2 * math.exp(-epoch / 4) + rng.uniform(0, 0.15), 2) for epoch in range(EPOCHS)]


def rising(rng):
    """An accuracy, with noise."""
    return [round(0.95 - 0.8 * math.exp(-epoch / 4) - rng.uniform(0, 0.08), 2) for epoch in range(EPOCHS)]


def coarse(rng):
    """Many ties."""
    return [rng.randint(1, 6) / 4 for _ in range(EPOCHS)]


def signed(rng):
    """Below 0 too, and 0 itself: a relative threshold is odd there."""
    return [round(rng.uniform(-1, 0.4), 1) for _ in range(EPOCHS)]


def holes(rng):
    """With NaN among it, at the beginning too."""
    return [math.nan if epoch == 0 or rng.random() < 0.25 else v for epoch, v in enumerate(falling(rng))]


def edges(rng):
    """Just at the threshold of 2^-4, and around it: exact in float64."""
    return [1 - k / 16 for k in (0, 1, 1, 2, 1, 3, 2, 4, 4, 5, 4, 6, 6, 6, 7, 8)] + [17 / 16, 1.125, 18.0625 / 16, 1.25]


def nothing(rng):
    return [math.nan] * 8


def reduce_on_plateau(draw, mode, **options):
    name = f"{draw.__name__}, {mode}, {options}"
    values = draw(random.Random(f"{SEED} {name}"))
    given = {"min_lr" if key == "minimum" else key: value for key, value in options.items()}
    made = optimizer()
    scheduler = lr.ReduceLROnPlateau(made, mode, eps=0, **given)
    factors = []
    for value in values:
        scheduler.step(value)
        factors.append(made.param_groups[0]["lr"])
    assert factors[-1] < 1 or len(values) <= options.get("patience", 10), f"{name}: never reduced"
    values = [plain(value) for value in values]
    return case("reduceOnPlateau", {"mode": mode, **options}, factors, name=name, values=values)


def generate():
    cases = [
        step_decay(1, 0.9),
        step_decay(3, 0.5),
        step_decay(7, 0.1),
        step_decay(5, 1.25),
        step_decay(100, 0.1),
        exponential_decay(0.95),
        exponential_decay(0.1),
        exponential_decay(1),
        exponential_decay(1.01),
        *(cosine_decay(steps, minimum) for steps in (1, 2, 3, 7, 64, 100) for minimum in (0, 0.1)),
        cosine_decay(10, 1),
        cosine_decay(33, 1 / 3),
        *(warmup(steps) for steps in (2, 3, 7, 10)),
        reduce_on_plateau(falling, "min"),
        reduce_on_plateau(falling, "min", patience=0),
        reduce_on_plateau(falling, "min", patience=2, factor=0.5, cooldown=3),
        reduce_on_plateau(falling, "min", patience=1, threshold=0.1, minimum=0.005),
        reduce_on_plateau(falling, "min", patience=0, threshold=0, factor=0.7, cooldown=1, minimum=0.1),
        reduce_on_plateau(rising, "max"),
        reduce_on_plateau(rising, "max", patience=0, factor=0.3),
        reduce_on_plateau(rising, "max", patience=3, factor=0.5, cooldown=2, minimum=0.2),
        reduce_on_plateau(rising, "max", patience=1, threshold=0.05, cooldown=5),
        reduce_on_plateau(rising, "min", patience=4, factor=0.5),
        reduce_on_plateau(coarse, "min", patience=2, threshold=0, factor=0.5),
        reduce_on_plateau(coarse, "max", patience=2, threshold=0, factor=0.5, cooldown=1),
        reduce_on_plateau(signed, "min", patience=1, threshold=0.1, factor=0.9),
        reduce_on_plateau(signed, "max", patience=3, threshold=0.3, factor=0.5),
        reduce_on_plateau(holes, "min", patience=0, factor=0.9),
        reduce_on_plateau(holes, "min", patience=2, factor=0.5, cooldown=2, minimum=0.01),
        reduce_on_plateau(holes, "max", patience=3, factor=0.5),
        reduce_on_plateau(edges, "min", patience=0, threshold=1 / 16, factor=0.5),
        reduce_on_plateau(edges, "max", patience=0, threshold=1 / 16, factor=0.5),
        reduce_on_plateau(nothing, "min", patience=3, factor=0.5),
        reduce_on_plateau(nothing, "max", patience=8),
    ]
    return f"{len(cases)} cases", "[\n" + ",\n".join(json.dumps(c, allow_nan=False) for c in cases) + "\n]\n"


if __name__ == "__main__":
    golden_file.main(FILE, generate(), sys.argv[1:])
