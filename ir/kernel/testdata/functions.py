"""The numbers behind ir/kernel/math_*.go, by mpmath at 60 digits.

    python3 functions.py fit [name ...]    coefficients, by interpolation at Chebyshev nodes, weighted so that
                                           the relative error of the result is even; with each polynomial's
                                           error in units of 2^-53 of the result
    python3 functions.py values            values64.txt: function, arguments and the result as a sum of two f64
"""
import math
import os
import random
import sys
from mpmath import (mp, expm1, log1p, tan, tanh, erf, mpf, pi, sqrt, log, exp, erfc, erfinv, asin, atan, asinh, atanh, acosh, sinh, cosh, acos, atan2, sin, cos,
                    loggamma, digamma, psi, euler, findroot, polyval)

mp.dps = 60

def lgamma(x):
    return loggamma(x).real

def nodes(lo, hi, n):
    return [(lo + hi) / 2 + (hi - lo) / 2 * cos(pi * (2 * k + 1) / (2 * n)) for k in range(n)]

def interpolate(f, lo, hi, n):
    """The polynomial of n coefficients through f at Chebyshev nodes, by Newton's differences."""
    xs = nodes(mpf(lo), mpf(hi), n)
    d = [f(x) for x in xs]
    for j in range(1, n):
        for i in range(n - 1, j - 1, -1):
            d[i] = (d[i] - d[i - 1]) / (xs[i] - xs[i - j])
    c = [mpf(0)]
    for i in range(n - 1, -1, -1):  # c = c * (x - xs[i]) + d[i]
        shifted = [mpf(0)] + c
        for k, v in enumerate(c):
            shifted[k] -= xs[i] * v
        shifted[0] += d[i]
        c = shifted[:n] if len(shifted) > n else shifted
    return c

def double(v):
    return mpf(float(v))

def show(name, f, lo, hi, n, part):
    """part(x) is the share of the result that the polynomial's value stands for."""
    c = [double(v) for v in interpolate(f, lo, hi, n)]
    worst = 0
    for i in range(401):
        x = mpf(lo) + (mpf(hi) - mpf(lo)) * (i + mpf('0.37')) / 402
        worst = max(worst, abs(polyval(c[::-1], x) / f(x) - 1) * part(x))
    print(f"{name} [{lo}, {hi}] {n}: {float(worst * 2**53):.3g}")
    print("  " + ", ".join(hexed(float(v)) for v in c))

def hexed(v):
    m, e = v.hex().split("p")
    sign, m = ("-", m[1:]) if m[0] == "-" else ("", m)
    return f"{sign}{m}p{e}"

one = lambda x: mpf(1)
tiny = mpf(10) ** -40
z0 = lambda f: (lambda z: f(max(z, tiny)))

root = findroot(lambda x: digamma(x), 1.4616)

POLYS = {
    # asin(x) = x + x^3 R(x^2)
    "asin": lambda: show("asin", z0(lambda z: (asin(sqrt(z)) / sqrt(z) - 1) / z), 0, 0.25, 13, lambda z: z / 6),
    "atan": lambda: show("atan", z0(lambda z: (atan(sqrt(z)) / sqrt(z) - 1) / z), 0, 0.1716, 12, lambda z: z / 3),
    "sinh": lambda: show("sinh", z0(lambda z: (sinh(sqrt(z)) / sqrt(z) - 1) / z), 0, 1, 8, lambda z: z / 6),
    "asinh": lambda: show("asinh", z0(lambda z: (asinh(sqrt(z)) / sqrt(z) - 1) / z), 0, 0.25, 13, lambda z: z / 6),
    "atanh": lambda: show("atanh", z0(lambda z: (atanh(sqrt(z)) / sqrt(z) - 1) / z), 0, 0.25, 14, lambda z: z / 3),
    "acosh": lambda: show("acosh", z0(lambda t: (acosh(1 + t) / sqrt(2 * t) - 1) / t), 0, 0.5, 13, lambda t: t / 12),
    "erfcx": lambda: show("erfcx", lambda t: (1 + 2 * K * (1 + t) / (1 - t)) * erfcx(K * (1 + t) / (1 - t)), TL, TH, 24, one),
    "erfinv": lambda: show("erfinv", z0(lambda z: erfinv(sqrt(z)) / sqrt(z)), 0, 0.2825, 17, one),
    "erfinv_tail": lambda: show("erfinv_tail", lambda t: tail(t), *TAIL, 25, one),
    "lgamma1": lambda: show("lgamma1", lambda z: lgamma(1 + z) / z if abs(z) > tiny else -euler, -0.5, 0.5, 30, one),
    "lgamma2": lambda: show("lgamma2", lambda z: lgamma(2 + z) / z if abs(z) > tiny else 1 - euler, -0.5, 0.5, 19, one),
    "stirling": lambda: show("stirling", lambda w: (lgamma(1 / sqrt(w)) - (1 / sqrt(w) - mpf(1) / 2) * log(1 / sqrt(w)) + 1 / sqrt(w) - log(2 * pi) / 2) / sqrt(w), mpf(10) ** -6, mpf(1) / 49, 7, lambda w: w / 12),
    "digamma": lambda: show("digamma", lambda z: digamma(z + 1.5) / (z + 1.5 - root), -0.5, 0.5, 22, one),
    "digamma_far": lambda: show("digamma_far", lambda w: (log(1 / sqrt(w)) - sqrt(w) / 2 - digamma(1 / sqrt(w))) / w, mpf(10) ** -6, mpf(1) / 49, 8, lambda w: w / 12),
    "sinpi": lambda: show("sinpi", z0(lambda z: sin(pi * sqrt(z)) / sqrt(z)), 0, 0.25, 11, one),
    "trigamma_far": lambda: show("trigamma_far", lambda w: (psi(1, 1 / sqrt(w)) - sqrt(w) - w / 2) / (w * sqrt(w)), mpf(10) ** -6, mpf(1) / 49, 9, lambda w: w / 6),
}

K = mpf(3)
TL, TH = (mpf('0.45') - K) / (mpf('0.45') + K), (28 - K) / (28 + K)

def erfcx(x):
    return exp(x * x) * erfc(x)

TK = mpf(2)
def st(s): return (s - TK) / (s + TK)
TAIL = (st(mpf('0.83')), st(mpf('6.07')))

def tail(t):  # erfcinv(exp(-s^2)) / s
    s = TK * (1 + t) / (1 - t)
    q = exp(-s * s)
    y0 = s
    y = findroot(lambda y: log(erfc(y)) + s * s, mpf(0.9) * s - mpf('0.2'))
    return y / s

# Where each function is sampled: (from, to, how), how being evenly or by the logarithm of |x|.
SPANS = {
    "asin": [(-1, 1, "even"), (1e-9, 1, "log")], "acos": [(-1, 1, "even"), (1e-9, 1, "log"), (0.999, 1, "even")],
    "atan": [(-4, 4, "even"), (1e-9, 1e9, "log")], "sinh": [(-3, 3, "even"), (1e-9, 710, "log")], "cosh": [(-3, 3, "even"), (1e-9, 710, "log")],
    "asinh": [(-3, 3, "even"), (1e-9, 1e300, "log")], "acosh": [(1, 3, "even"), (1, 1e300, "log"), (1, 1.001, "even")], "atanh": [(-1, 1, "even"), (1e-9, 1, "log")],
    "erfc": [(-3, 3, "even"), (0, 27, "even"), (1e-9, 6, "log")], "erfinv": [(-1, 1, "even"), (1e-9, 1, "log"), (0.9999, 1, "even")],
    "lgamma": [(0, 10, "even"), (1e-300, 1e300, "log"), (0.9, 1.1, "even"), (1.9, 2.1, "even"), (-9.9, 0, "even")],
    "digamma": [(0, 10, "even"), (1e-300, 1e300, "log"), (1.4, 1.5, "even"), (-9.9, 0, "even")],
    "trigamma": [(0, 10, "even"), (1e-150, 1e300, "log"), (-9.9, 0, "even")],
    "exp": [(-700, 700, "even"), (1e-9, 700, "log")], "exp2": [(-1020, 1020, "even"), (1e-9, 1000, "log")], "expm1": [(-3, 3, "even"), (1e-9, 700, "log")],
    "log": [(0, 3, "even"), (1e-300, 1e300, "log")], "log2": [(0, 3, "even"), (1e-300, 1e300, "log")], "log1p": [(-1, 3, "even"), (1e-9, 1e300, "log")],
    "sin": [(-10, 10, "even"), (1e-9, 1e9, "log")], "cos": [(-10, 10, "even"), (1e-9, 1e9, "log")], "tan": [(-10, 10, "even"), (1e-9, 1e9, "log")],
    "tanh": [(-3, 3, "even"), (1e-9, 20, "log")], "sigmoid": [(-30, 30, "even"), (1e-9, 700, "log")], "softplus": [(-30, 30, "even"), (1e-9, 700, "log")],
    "erf": [(-3, 3, "even"), (1e-9, 6, "log")],
}

FUNCTIONS = {
    "asin": asin, "acos": acos, "atan": atan, "sinh": sinh, "cosh": cosh, "asinh": asinh, "acosh": acosh, "atanh": atanh,
    "erfc": erfc, "erfinv": erfinv, "lgamma": lgamma, "digamma": digamma, "trigamma": lambda x: psi(1, x),
    "exp": exp, "exp2": lambda x: mpf(2) ** x, "expm1": expm1, "log": log, "log2": lambda x: log(x, 2), "log1p": log1p, "sin": sin, "cos": cos, "tan": tan,
    "tanh": tanh, "sigmoid": lambda x: 1 / (1 + exp(-x)), "softplus": lambda x: log1p(exp(x)), "erf": erf,
}

PER_SPAN = 80

def values():
    draw = random.Random(1)
    lines = []
    def line(name, args, y):
        high = float(y)
        lines.append(" ".join([name] + [hexed(float(a)) for a in args] + [hexed(high), hexed(float(y - mpf(high)))]))
    for name, spans in SPANS.items():
        for lo, hi, how in spans:
            for _ in range(PER_SPAN):
                if how == "even":
                    x = draw.uniform(lo, hi)
                else:
                    x = math.exp(draw.uniform(math.log(lo), math.log(hi)))
                    if lo != 1 and name not in ("lgamma", "digamma", "trigamma", "log", "log2", "log1p") and draw.random() < 0.5:
                        x = -x
                line(name, [x], FUNCTIONS[name](mpf(x)))
    for _ in range(3 * PER_SPAN):
        y, x = draw.gauss(0, 1), draw.gauss(0, 1) * math.exp(draw.uniform(-8, 8))
        line("atan2", [y, x], atan2(mpf(y), mpf(x)))
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "values64.txt")
    with open(path, "w") as out:
        out.write("\n".join(lines) + "\n")

if __name__ == "__main__":
    if sys.argv[1:2] == ["values"]:
        values()
    elif sys.argv[1:2] == ["fit"]:
        print("zero of digamma", hexed(float(root)), hexed(float(root - mpf(float(root)))))
        for name in sys.argv[2:] or POLYS:
            POLYS[name]()
    else:
        sys.exit(__doc__)
