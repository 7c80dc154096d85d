#!/usr/bin/python3
"""The largest error of each elementary function, in units of the true value's last place (ulp).

    test/math/ulp.py [--count N] [--seed S] [--build DIRECTORY] [--node NODE] [function ...]

Runs DIRECTORY/scalar.wasm, simd.wasm, relaxed.wasm and src/js/math.ts on N stratified arguments a function,
against mpmath's values to 120 bits. Fails where an error is above the bound, or where js, scalar and simd
differ in a bit. The library exports the first six. erfc and its kin, each as (length, x, y), expTimes with x for its
factor as well, are in another build:

    for v in scalar simd relaxed; do npx asc test/math/kernels.ts --target $v --outFile build/math/$v.wasm; done
    test/math/ulp.py --build build/math erfc normalCdf gelu timesDensity expTimes

    test/math/ulp.py --count 1000000 activations [name ...]    activations and their slopes, in the built library
"""
import argparse
import math
import os
import random
import struct
import subprocess
import sys
import tempfile

from mpmath import mp, mpf

mp.prec = 120
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
VARIANTS = {"js": "src/js/math.ts", "scalar": "scalar.wasm", "simd": "simd.wasm", "relaxed": "relaxed.wasm"}
EXACT = ("js", "scalar", "simd")  # the same bits
INFINITY = float("inf")


def complement(x):
    """erfc; beyond 40 mpmath overflows, where the value is 0 or 2 but for less than any float."""
    return mp.erfc(x) if abs(x) < 40 else (mpf(2) ** -9000 if x > 0 else 2 - mpf(2) ** -100)


def exact(name, x):
    """The true value, x finite; infinity for log's pole, None where there is none."""
    if name == "exp":
        return mp.exp(x)
    if name == "expm1":
        return mp.expm1(x) if x else mpf(0)
    if name == "tanh":
        return mp.tanh(x)
    if name == "log":
        return mp.log(x) if x > 0 else (-INFINITY if x == 0 else None)
    if name == "log1p":
        return mp.log1p(x) if x > -1 else (-INFINITY if x == -1 else None)
    if name == "erf":
        # mpmath loses digits of erf near 0 at a fixed precision; two terms are exact there
        return mp.erf(x) if abs(x) > 1e-30 else 2 * x / mp.sqrt(mp.pi) * (1 - x * x / 3)
    if name == "erfc":
        return complement(x)
    if name == "normalCdf":
        with mp.workprec(200):
            return complement(-x / mp.sqrt(2)) / 2
    if name == "gelu":
        return x * exact("normalCdf", x)
    if name == "timesDensity":
        return x * mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)
    if name == "expTimes":  # times its own argument
        return x * mp.exp(x)
    if name in ACTIVATIONS:
        return ACTIVATIONS[name][0](x)
    raise ValueError(f"{name} is none of {', '.join(FUNCTIONS)}")


# (low, high) of the arguments with a result worth measuring, and the points near which a method changes
LN2 = math.log(2)
FUNCTIONS = {
    "exp": (
        (-746, 710),
        [n * LN2 / 2 for n in (-2151, -2149, -2044, -2043, 2047, 2049)] + [0, -745.13, 709.78, -708.4],
    ),
    "expm1": ((-40, 710), [n * LN2 / 2 for n in range(-111, 5, 2)] + [-37.43, 709.78, LN2 / 2, 1.5 * LN2]),
    "tanh": ((-20, 20), [n * LN2 / 4 for n in (1, 3, 5, 7)] + [18.71, 19.06, 22]),
    "log": ((5e-324, 1.7976931348623157e308), [1, math.sqrt(0.5), math.sqrt(2), 2.2250738585072014e-308, 2, 0.5]),
    "log1p": ((-1, 1.7976931348623157e308), [-1, -0.5, math.sqrt(0.5) - 1, math.sqrt(2) - 1, 1, 2.0**53]),
    "erf": ((-6, 6), [0.5, 1, 5.92]),
    "erfc": ((-6, 27.3), [0.5, -0.5, 1, 26.54, 27.226]),
    "normalCdf": ((-38.6, 8.5), [z * math.sqrt(2) for z in (0.5, -0.5)] + [-37.52, -38.48, -1, 1, -8.3]),
}
FUNCTIONS["gelu"] = FUNCTIONS["normalCdf"]
FUNCTIONS["timesDensity"] = ((-38.8, 38.8), FUNCTIONS["normalCdf"][1])
FUNCTIONS["expTimes"] = FUNCTIONS["exp"]
BOUNDS = {"gelu": 2, "timesDensity": 3, "expTimes": 2}  # in ulp; 1 for all others
LIBRARY = ["exp", "log", "log1p", "expm1", "tanh", "erf"]


def sigmoid(x):
    x = max(x, mpf(-3000))  # where it is far below the smallest float64, times the largest too
    return 1 / (1 + mp.exp(-x))


def normal(x):
    """The normal distribution's Phi and phi."""
    with mp.workprec(200):
        return complement(-x / mp.sqrt(2)) / 2, mp.exp(-min(x * x, mpf(10) ** 6) / 2) / mp.sqrt(2 * mp.pi)


SELU = mpf("1.0507009873554804934193349852946")
SELU_ALPHA = mpf("1.6732632423543772848170429916717")


def slope_terms(name, x):
    """The terms of a slope that has a root: near it, the largest of them is what its error is measured by."""
    if name == "siluSlope":
        return sigmoid(x), x * sigmoid(x) * sigmoid(-x)
    Phi, phi = normal(x)
    return Phi, x * phi


# name: (its value, a function of an mpf; the points near which a method changes)
ACTIVATIONS = {
    "linear": (lambda x: x, [0]),
    "relu": (lambda x: max(x, mpf(0)), [0]),
    "leakyRelu": (lambda x: x if x > 0 else mpf(0.01) * x, [0]),
    "elu": (lambda x: x if x > 0 else mp.expm1(max(x, mpf(-800))) if x else mpf(0), [0, -37.43, 0.35]),
    "selu": (lambda x: SELU * (x if x > 0 else SELU_ALPHA * (mp.expm1(max(x, mpf(-800))) if x else 0)), [0, -37.43]),
    "silu": (lambda x: x * sigmoid(x), [0, -708.4, -745, -1.278, 36.7]),
    "softplus": (lambda x: mp.log1p(mp.exp(min(x, mpf(800)))) if x < 800 else x, [0, -708.4, -745, 36.7]),
    "sigmoid": (sigmoid, [0, -708.4, -745, 36.7]),
    "tanh": (mp.tanh, FUNCTIONS["tanh"][1]),
    "gelu": (lambda x: x * normal(x)[0], FUNCTIONS["normalCdf"][1]),
    "linearSlope": (lambda x: mpf(1), [0]),
    "reluSlope": (lambda x: mpf(x > 0), [0]),
    "leakyReluSlope": (lambda x: mpf(1) if x > 0 else mpf(0.01), [0]),
    "eluSlope": (lambda x: mpf(1) if x >= 0 else mp.exp(max(x, mpf(-800))), [0, -708.4, -745]),
    "seluSlope": (lambda x: SELU * (1 if x > 0 else SELU_ALPHA * mp.exp(max(x, mpf(-800)))), [0, -708.4, -745]),
    "siluSlope": (lambda x: sum(slope_terms("siluSlope", x)), [0, -708.4, -745, -1.2784645427610738]),
    "softplusSlope": (sigmoid, [0, -708.4, -745, 36.7]),
    "sigmoidSlope": (lambda x: sigmoid(x) * sigmoid(-x), [0, -708.4, -745, 36.7, 350]),
    "tanhSlope": (lambda x: 1 / mp.cosh(min(abs(x), mpf(800))) ** 2, [0, 22, 350, 372.5]),
    "geluSlope": (lambda x: sum(slope_terms("geluSlope", x)), [-0.7517915247, -38.5, 0.7071, -0.7071, 8.3]),
}
for activation, (_, places) in ACTIVATIONS.items():
    FUNCTIONS.setdefault(activation, ((-750, 750), places))
ROOTED = ("siluSlope", "geluSlope")


def bits(x):
    return struct.unpack("<q", struct.pack("<d", x))[0]


def step(x, count):
    """The float64 `count` steps further from zero (towards it where negative)."""
    magnitude = max(0, min(bits(abs(x)) + count, bits(sys.float_info.max)))
    return math.copysign(struct.unpack("<d", struct.pack("<q", magnitude))[0], x)


def arguments(name, count, rng):
    (low, high), points = FUNCTIONS[name]
    xs = [0.0, -0.0, INFINITY, -INFINITY, math.nan, 5e-324, -5e-324, sys.float_info.max, -sys.float_info.max]
    # near the breakpoints, from one step to a thousandth away
    for point in points:
        for _ in range(max(4, count // 20 // len(points))):
            xs.append(step(point or 5e-324, int(rng.choice((-1, 1)) * 2 ** rng.uniform(0, 43))))
    # every exponent, both signs
    exponents = range(-1074, 1024)
    for i in range(count // 5):
        magnitude = math.ldexp(rng.random() + 1, exponents[i % len(exponents)])
        xs.append(magnitude if i // len(exponents) % 2 == 0 else -magnitude)
    # the range itself, evenly, and the part around 0 where most of training happens
    for i in range(count - len(xs)):
        width = (1, 4, 16, 1e9)[i % 4]
        xs.append(rng.uniform(max(low, -width), min(high, width)))
    if name == "expTimes":  # which promises nothing for other factors
        return [x for x in xs if 2**-64 <= abs(x) <= 800]
    return xs


def run(kernels, node, xs, name):
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "x"), os.path.join(folder, "y")
        with open(source, "wb") as file:
            file.write(struct.pack(f"<{len(xs)}d", *xs))
        subprocess.run([*node, os.path.join(HERE, "evaluate.mjs"), kernels, source, target, name], check=True)
        with open(target, "rb") as file:
            return struct.unpack(f"<{len(xs)}d", file.read())


def ulps(y, true):
    """|y - true| in the spacing of float64 at `true`; infinity beyond the last number stands for 2^1024."""
    exponent = max(mp.mag(true) - 1, -1022) if true else -1022
    if math.isinf(y):
        limit = mpf(2) ** 1024 - mpf(2) ** 970
        if abs(true) >= limit and (true > 0) == (y > 0):
            return 0.0
        y = math.copysign(1, y) * mpf(2) ** 1024
    elif abs(true) >= mpf(2) ** 1024 - mpf(2) ** 970:
        exponent = 1023
        if abs(true) > mpf(2) ** 1024:
            true = mp.sign(true) * mpf(2) ** 1024
    return float(abs(mpf(y) - true) * mpf(2) ** (52 - exponent))


LIMITS = {  # at -infinity, at infinity
    "exp": (0.0, INFINITY), "expm1": (-1.0, INFINITY), "tanh": (-1.0, 1.0), "log": (None, INFINITY),
    "log1p": (None, INFINITY), "erf": (-1.0, 1.0), "erfc": (2.0, 0.0), "normalCdf": (0.0, 1.0),
    "gelu": (0.0, INFINITY), "timesDensity": (0.0, 0.0), "expTimes": (0.0, INFINITY),
}


def wrong(name, x, y, true):
    """The error in ulp; infinite where a special value or the sign of a zero is wrong."""
    if math.isnan(x) or true is None:
        return 0.0 if math.isnan(y) else INFINITY
    if math.isnan(y):
        return INFINITY
    if isinstance(true, float) and math.isinf(true):
        return 0.0 if y == true else INFINITY
    if x == 0 and true == 0 and not name.endswith("Slope"):
        same = y == 0 and math.copysign(1, y) == (1 if name == "log" else math.copysign(1, x))
        return 0.0 if same else INFINITY
    error = ulps(y, mpf(true))
    if error > 1 and name in ROOTED:
        largest = max(abs(term) for term in slope_terms(name, mpf(x)))
        error = min(error, float(abs(mpf(y) - true) / largest * mpf(2) ** 53))
    return error


def measure(name, options, library):
    rng = random.Random(f"{options.seed} {name}")
    xs = arguments(name, options.count, rng)
    if library:  # infinities and NaN: test/activations.test.ts
        xs = [x for x in xs if math.isfinite(x)]
    truth = []
    for x in xs:
        if math.isnan(x):
            truth.append(None)
        elif math.isinf(x):
            truth.append(LIMITS[name][x > 0])
        else:
            truth.append(exact(name, mpf(x)))
    good = True
    first = None
    known = {}  # what was found for these very bits before: most variants have the same
    for variant, file in VARIANTS.items():
        if library:
            kernels = variant
        else:
            kernels = os.path.join(ROOT, file) if variant == "js" else os.path.join(options.build, file)
        ys = run(kernels, options.node.split(), xs, name)
        image = struct.pack(f"<{len(ys)}d", *ys)
        if image not in known:
            known[image] = max((wrong(name, x, y, t), i) for i, (x, y, t) in enumerate(zip(xs, ys, truth)))
        worst, at = known[image]
        bound = 4 if library else BOUNDS.get(name, 1)
        within = worst <= bound
        note = "" if within else f"  ABOVE {bound}"
        if variant in EXACT:
            first = first or ys
            differ = [i for i, (a, b) in enumerate(zip(first, ys)) if bits(a) != bits(b) and not (a != a and b != b)]
            if differ:
                i = differ[0]
                note += f"  {len(differ)} DIFFER from js, as at {xs[i]!r}: {ys[i]!r}, js {first[i]!r}"
            within = within and not differ
        where = f"{xs[at]!r} ({xs[at].hex()})"
        print(f"{name:12} {variant:8} {worst:.3f} ulp at {where}, {len(xs)} arguments{note}", flush=True)
        good = good and within
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("functions", nargs="*", default=LIBRARY)
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--node", default="node --experimental-wasm-relaxed-simd")
    options = parser.parse_args()
    library = options.functions[0] == "activations"
    names = (options.functions[1:] or ACTIVATIONS) if library else options.functions
    results = [measure(name, options, library) for name in names]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
