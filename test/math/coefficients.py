#!/usr/bin/python3
"""Derives every polynomial coefficient of assembly/math.ts and src/js/math.ts, and prints it.

Each polynomial is the minimax one in 60 digits, by Remez's exchange: solve for the polynomial whose weighted
error alternates in sign on n + 2 points, move the points to the error's extremes, repeat until they are level.
The coefficients are then rounded to float64 and the error that remains is printed beside them.
"""
from mpmath import mp, mpf, cos, pi, exp, expm1, log, log1p, sqrt, erf, erfc, matrix, lu_solve, polyval, taylor

mp.dps = 60


def extremes(error, low, high, count):
    """The point of largest |error| within each run of one sign, on a grid dense at both ends."""
    steps = 24 * count
    grid = [(low + high) / 2 - (high - low) / 2 * cos(pi * i / steps) for i in range(steps + 1)]
    values = [error(x) for x in grid]
    runs = []
    for i, value in enumerate(values):
        if runs and (values[runs[-1]] > 0) == (value > 0):
            if abs(value) > abs(values[runs[-1]]):
                runs[-1] = i
        else:
            runs.append(i)
    points = []
    for i in runs:
        if 0 < i < steps:  # the top of the parabola through three neighbours
            (a, b, c), (u, v, w) = grid[i - 1 : i + 2], values[i - 1 : i + 2]
            bottom = (b - a) * (v - w) - (b - c) * (v - u)
            top = (b - a) ** 2 * (v - w) - (b - c) ** 2 * (v - u)
            points.append(min(max(b - top / bottom / 2, a), c) if bottom != 0 else b)
        else:
            points.append(grid[i])
    return points


def remez(function, weight, low, high, degree):
    """Coefficients c0, c1, ... that minimise the largest weight(x) |p(x) - function(x)|, and that error."""
    low, high, count = mpf(low), mpf(high), degree + 2
    points = [(low + high) / 2 - (high - low) / 2 * cos(pi * (2 * i + 1) / (2 * count)) for i in range(count)]
    for _ in range(30):
        system = matrix(count, count)
        right = matrix(count, 1)
        for i, x in enumerate(points):
            for j in range(degree + 1):
                system[i, j] = x**j
            system[i, degree + 1] = (-1) ** i / weight(x)
            right[i] = function(x)
        solution = lu_solve(system, right)
        coefficients = [solution[j] for j in range(degree + 1)]
        error = lambda x: weight(x) * (polyval(coefficients[::-1], x) - function(x))
        found = extremes(error, low, high, count)
        if len(found) < count:
            break
        while len(found) > count:
            found.pop(0 if abs(error(found[0])) < abs(error(found[-1])) else -1)
        points = found
        sizes = [abs(error(x)) for x in points]
        if max(sizes) < min(sizes) * mpf("1.001"):
            break
    return coefficients, max(abs(error(x)) for x in extremes(error, low, high, count))


def report(name, formula, function, weight, low, high, degree):
    coefficients, error = remez(function, weight, low, high, degree)
    rounded = [float(c) for c in coefficients]
    left = lambda x: weight(x) * (polyval([mpf(c) for c in rounded[::-1]], x) - function(x))
    after = max(abs(left(x)) for x in extremes(left, mpf(low), mpf(high), 2 * degree))
    print(f"{name}: {formula}")
    print(f"  on [{float(low):.6g}, {float(high):.6g}], degree {degree}, error 2^{float(log(error, 2)):.2f}, "
          f"rounded 2^{float(log(after, 2)):.2f}")
    for i, c in enumerate(rounded):
        print(f"  c{i} {c!r}")
    return rounded


def split(value, bits):
    """value as a float of at most `bits` fractional bits, and the float nearest to the rest."""
    high = mp.nint(value * 2**bits) / mpf(2) ** bits
    return float(high), float(value - high)


def exponential(r):
    """(e^r - 1 - r - r^2/2) / r^3"""
    return sum(r**i / mp.factorial(i + 3) for i in range(40))


def cotangent(z):
    """((r/2) coth(r/2) - 1) / z, z = r^2"""
    # from the series of h cosh h - sinh h and sinh h, h = r/2, which cancels nothing
    top = sum(z**i * mpf(2 * i + 2) / mp.factorial(2 * i + 3) / mpf(4) ** (i + 1) for i in range(30))
    return top / sum(z**i / mp.factorial(2 * i + 1) / mpf(4) ** i for i in range(30))


def logarithm(z):
    """(log((1 + s) / (1 - s)) - 2 s) / (s z), z = s^2"""
    return sum(2 * z**i / (2 * i + 3) for i in range(60))


def nearErf(z):
    """erf(a) / a - 1, z = a^2"""
    a = sqrt(z)
    return erf(a) / a - 1 if z > 0 else 2 / sqrt(pi) - 1


PIVOT = mpf("3.25")  # a where t = 0; of the multiples of 1/4 the one that gives the smallest error at degree 20
CENTRE = mpf("0.96875")  # near the value at t = 0, and short


def farErfc(t):
    """(1 + 3/2 a) e^(a^2) erfc(a) - 0.96875, a = 3.25 (1 + t) / (1 - t)"""
    a = PIVOT * (1 + t) / (1 - t)
    return (1 + a * 3 / 2) * exp(a * a) * erfc(a) - CENTRE


def main():
    high, low = split(log(mpf(2)), 42)
    print(f"log 2: high (42 bits after the point, so that n high is exact for |n| < 2048) {high!r}, low {low!r}")
    print(f"1 / log 2: {float(1 / log(mpf(2)))!r}")
    high, low = split(sqrt(mpf(1) / 2), 26)
    print(f"sqrt(1/2): {float(sqrt(mpf(1) / 2))!r}; high (26 bits) {high!r}, low {low!r}\n")

    # log(2)/2, and a little for the rounding of n
    report("exp", exponential.__doc__, exponential, lambda r: max(r * r, mpf("0.01")), -0.3467, 0.3467, 9)
    report("tanh and sigmoid", cotangent.__doc__, cotangent, lambda z: max(z, mpf("0.01")), 0, 0.3467**2, 4)
    # s at f = sqrt(2) - 1
    report("log", logarithm.__doc__, logarithm, lambda z: max(z, mpf("0.002")) / 2, 0, 0.02945, 6)
    report("erf", nearErf.__doc__, nearErf, lambda z: 1 / (1 + nearErf(z)), 0, 0.25, 8)
    toT = lambda a: (mpf(a) - PIVOT) / (mpf(a) + PIVOT)
    # 27.5: past 27.3, where erfc is 0
    report("erfc", farErfc.__doc__, farErfc, lambda t: 1 / (CENTRE + farErfc(t)), toT("0.5"), toT("27.5"), 20)


if __name__ == "__main__":
    main()
