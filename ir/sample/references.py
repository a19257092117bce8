"""Makes the stored values that the evaluator is compared with, by PyTorch, NumPy and SciPy.

    go test . -run TestReferences -args -cases CASES.json
    python references.py CASES.json         # testdata/*.txt, a line for each result of each case

A reference of a row names the operands x, y, z (torch) or nx, ny, nz (numpy), operands (the list of all,
numpy), the attributes a, the results out (dtype and dims) and the functions below.
"""
import json
import math
import os
import sys
import warnings

import mpmath
import numpy as np
import scipy.special
import torch
import torch.nn.functional as F

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
NUMPY = {"bool": np.bool_, "u8": np.uint8, "i8": np.int8, "i32": np.int32, "i64": np.int64, "u32": np.uint32, "u64": np.uint64,
         "f32": np.float32, "f64": np.float64}


def read(t):
    if t["DType"] in ("f32", "f64"):
        v = np.array([float(s) for s in t["Values"]], NUMPY[t["DType"]])
    else:
        v = np.array([int(s) for s in t["Values"]], NUMPY[t["DType"]])
    return v.reshape(t["Dims"])


def dims(shape):
    return [int(d) for d in shape or []]


# Elementwise: each is the definition where the libraries leave a case open.

def signed_zeros(v, x, y, sign):
    """minimum and maximum with -0 below +0."""
    zeros = (x == 0) & (y == 0)
    both = np.signbit(x) & np.signbit(y) if sign > 0 else np.signbit(x) | np.signbit(y)
    return np.where(zeros, np.where(both, -0.0, 0.0), v)


def extreme_of(f, x, y, sign):
    v = f(torch.from_numpy(np.array(x)), torch.from_numpy(np.array(y))).numpy()
    return signed_zeros(v, x, y, sign) if x.dtype.kind == "f" else v


def floor_divide(x, y):
    if x.dtype.kind == "f":
        return np.floor(x / y)
    return np.where(y == 0, 0, np.floor_divide(x, np.where(y == 0, 1, y))).astype(x.dtype)


def remainder(x, y):
    if x.dtype.kind == "f":
        return x - np.floor(x / y) * y
    return np.where(y == 0, 0, np.remainder(x, np.where(y == 0, 1, y))).astype(x.dtype)


def shift(x, y, up):
    bits = 8 * x.dtype.itemsize
    out = np.empty_like(x)
    for i in np.ndindex(x.shape):
        v, d = int(x[i]), int(y[i])
        wide = d < 0 or d >= bits
        r = (0 if wide else v << d) if up else v >> (bits if wide else d)
        out[i] = np.array([r & (2 ** bits - 1)], np.uint64).astype("u%d" % x.dtype.itemsize).view(x.dtype)[0]
    return out


def digamma(x):
    v = scipy.special.digamma(x)
    v = np.where((x < 0) & (x == np.floor(x)), np.nan, v)
    return np.where(x == 0, -np.copysign(np.inf, x), v)


def trigamma(x):
    return np.array([one_trigamma(float(v)) for v in x.reshape(-1)], np.float64).reshape(x.shape)


def one_trigamma(v):
    if v != v or v == -math.inf:
        return math.nan
    if v == math.inf:
        return 0.0
    if v <= 0 and v == math.floor(v):
        return math.inf
    return float(mpmath.psi(1, mpmath.mpf(v)))


def cast(x, to):
    if to == "bool":
        return x != 0
    target = NUMPY[to]
    if x.dtype.kind != "f" or to in ("f32", "f64"):
        return x.astype(target)
    info = np.iinfo(target)
    out = np.empty(x.shape, target)
    for i in np.ndindex(x.shape):
        v = float(x[i])
        out[i] = 0 if v != v else info.max if v > float(info.max) else info.min if v < float(info.min) else min(int(v), info.max)
    return out


# Reductions.

def over(x, a, f):
    axes = tuple(a["Axes"] or ())
    v = f(x, axes) if f in (smallest, largest) else f(x, axis=axes)
    return np.asarray(v).astype(x.dtype)


def smallest(x, axes):
    return most(x, axes, np.minimum, np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).max, -1)


def largest(x, axes):
    return most(x, axes, np.maximum, -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min, 1)


def most(x, axes, f, identity, sign):
    kept = [i for i in range(x.ndim) if i not in axes]
    rows = np.transpose(x, kept + list(axes)).reshape([x.shape[i] for i in kept] + [math.prod(x.shape[i] for i in axes)])
    out = np.full(rows.shape[:-1], identity, x.dtype)
    for i in range(rows.shape[-1]):
        out = extreme_of(torch.maximum if sign > 0 else torch.minimum, np.asarray(out), rows[..., i], sign)
    return out


# Windows: channels last here, in the middle there.

def first(x):
    return x.movedim(-1, 1)


def last(x):
    return x.movedim(1, -1)


def padded(x, a, value=0.0):
    pads = []
    for lo, hi in reversed(list(zip(a["PadLo"], a["PadHi"]))):
        pads += [lo, hi]
    return F.pad(first(x), pads, value=value)


def conv(x, w, a):
    rank = x.dim() - 2
    f = [F.conv1d, F.conv2d, F.conv3d][rank - 1]
    kernel = w.permute(rank + 1, rank, *range(rank)).contiguous()
    if x.shape[0] == 0:
        return torch.zeros([0] + [int((x.shape[i + 1] + a["PadLo"][i] + a["PadHi"][i] - (w.shape[i] - 1) * a["Dilation"][i] - 1) // a["Strides"][i] + 1) for i in range(rank)] + [w.shape[-1]], dtype=x.dtype)
    return last(f(padded(x, a), kernel, stride=a["Strides"], dilation=a["Dilation"], groups=max(1, a["Groups"])))


def by(f, shape, dy):
    x = torch.zeros(dims(shape), dtype=dy.dtype, requires_grad=True)
    y = f(x)
    if x.numel() == 0 or dy.numel() == 0:
        return x.detach()
    return torch.autograd.grad(y, x, dy)[0]


def conv_data(dy, w, a):
    return by(lambda x: conv(x, w, a), a["Shape"], dy)


def conv_filter(x, dy, a):
    return by(lambda w: conv(x, w, a), a["Shape"], dy)


def windows(x, a):
    """Every window: result dims, then window dims; and which of its places are no padding."""
    rank = x.ndim - 2
    pads = [(0, 0)] + list(zip(a["PadLo"], a["PadHi"])) + [(0, 0)]
    apart = a["Dilation"] or [1] * rank
    spans = [(k - 1) * d + 1 for k, d in zip(a["Window"], apart)]
    there = np.pad(np.ones(x.shape, bool), pads)
    x = np.pad(x, pads)
    axes = tuple(range(1, rank + 1))
    cut = (slice(None),) + tuple(slice(None, None, s) for s in a["Strides"]) + (slice(None),) + tuple(slice(None, None, d) for d in apart)
    if x.shape[0] == 0:
        shape = [0] + [(x.shape[i + 1] - spans[i]) // a["Strides"][i] + 1 for i in range(rank)] + [x.shape[-1]] + [int(np.prod(a["Window"]))]
        return np.zeros(shape, x.dtype), np.zeros(shape, bool)
    view = lambda v: np.lib.stride_tricks.sliding_window_view(v, spans, axes)[cut]
    flat = lambda v: v.reshape(v.shape[:rank + 2] + (-1,))
    return flat(view(x)), flat(view(there))


def max_pool(x, a):
    v, there = windows(x, a)
    value, place = np.zeros(v.shape[:-1], x.dtype), np.zeros(v.shape[:-1], np.int32)
    for i in np.ndindex(value.shape):
        best = -1
        for k in range(v.shape[-1]):
            if not there[i][k]:
                continue
            one = v[i][k]
            if best < 0 or one != one and v[i][best] == v[i][best] or one > v[i][best]:
                best = k
        value[i], place[i] = (v[i][best], best) if best >= 0 else (-np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min, 0)
        zeros = [v[i][k] for k in range(v.shape[-1]) if there[i][k] and v[i][k] == 0]
        if best >= 0 and value[i] == 0 and x.dtype.kind == "f":
            value[i] = 0.0 if any(not np.signbit(z) for z in zeros) else -0.0
    return value, place


def max_pool_pick(x, index, a):
    v, there = windows(x, a)
    return np.array([v[i][index[i]] if 0 <= index[i] < v.shape[-1] and there[i][index[i]] else 0 for i in np.ndindex(index.shape)], x.dtype).reshape(index.shape)


def sum_pool(x, a):
    v, there = windows(x, a)
    return np.where(there, v, 0).sum(-1).astype(x.dtype)


def spread_back(dy, a, take):
    dx = np.zeros(dims(a["Shape"]), dy.dtype)
    rank = dx.ndim - 2
    apart = a["Dilation"] or [1] * rank
    for at in np.ndindex(dy.shape):
        for k, place in enumerate(np.ndindex(*a["Window"])):
            where = [at[i + 1] * a["Strides"][i] + place[i] * apart[i] - a["PadLo"][i] for i in range(rank)]
            if take(at, k) and all(0 <= w < dx.shape[i + 1] for i, w in enumerate(where)):
                dx[(at[0], *where, at[-1])] += dy[at]
    return dx


def max_pool_grad(dy, index, a):
    return spread_back(dy, a, lambda at, k: index[at] == k)


def sum_pool_grad(dy, a):
    return spread_back(dy, a, lambda at, k: True)


# Views, sources and indices.

def spread(x, shape, axes):
    kept = [1] * len(shape)
    for i, axis in enumerate(axes):
        kept[axis] = x.shape[i]
    return np.broadcast_to(x.reshape(kept), shape)


def cut(a):
    lo, hi = dims(a["Lo"]), dims(a["Hi"])
    return tuple(slice(l, h, s) for l, h, s in zip(lo, hi, a["Step"] or [1] * len(lo)))


def pad(x, out, a):
    y = np.zeros(out[0]["Dims"], x.dtype)
    lo = dims(a["Lo"])
    steps = a["Step"] or [1] * len(lo)
    if x.size:
        y[tuple(slice(l, l + (d - 1) * s + 1, s) for l, d, s in zip(lo, x.shape, steps))] = x
    return y


def full(a, out):
    t = out[0]["DType"]
    return np.full(out[0]["Dims"], float(a["Float"]) if t[0] == "f" else a["Int"], NUMPY[t])


def iota(a, out):
    y = np.moveaxis(np.zeros(out[0]["Dims"], np.int64), a["Axis"], -1)
    y = y + np.arange(y.shape[-1])
    return np.moveaxis(y, -1, a["Axis"]).astype(NUMPY[out[0]["DType"]])


def const(a):
    return read(a)


def pick(x, index, axis):
    n = x.shape[axis]
    if n == 0:
        return np.zeros(index.shape, x.dtype)
    index = index.astype(np.int64)
    inside = (index >= 0) & (index < n)
    v = np.take_along_axis(x, np.expand_dims(np.where(inside, index, 0), axis), axis).squeeze(axis)
    return np.where(inside, v, 0).astype(x.dtype)


def take(x, index):
    index = index.astype(np.int64)
    y = np.zeros(index.shape + x.shape[1:], x.dtype)
    inside = (index >= 0) & (index < x.shape[0])
    y[inside] = x[index[inside]]
    return y


def scatter_add(index, y, out):
    x = np.zeros(out[0]["Dims"], y.dtype)
    index = index.astype(np.int64)
    inside = (index >= 0) & (index < x.shape[0])
    np.add.at(x, index[inside], y[inside])
    return x


def argsort(x, a):
    """Stable, NaNs last in both directions."""
    axis, n = a["Axis"], x.shape[a["Axis"]]
    rest = x.shape[:axis] + x.shape[axis + 1:]
    flat = np.moveaxis(x, axis, -1).reshape(math.prod(rest), n)
    y = np.zeros((len(flat), int(a["Count"])), np.int32)
    for i, row in enumerate(flat):
        nan = [v != v for v in row]
        order = sorted((k for k in range(n) if not nan[k]), key=lambda k: -row[k].item() if a["Descending"] else row[k].item())
        order += [k for k in range(n) if nan[k]] + [n] * len(y[i])
        y[i] = order[:len(y[i])]
    return np.moveaxis(y.reshape(rest + (y.shape[1],)), -1, axis)


def gather(x, index, a):
    axis, n = a["Axis"], x.shape[a["Axis"]]
    if n == 0:
        return np.zeros(index.shape, x.dtype)
    index = index.astype(np.int64)
    inside = (index >= 0) & (index < n)
    return np.where(inside, np.take_along_axis(x, np.where(inside, index, 0), axis), np.zeros((), x.dtype))


def scatter(x, index, y, a):
    """By torch for floats; torch does not say which of several is set, so the last one is here."""
    z, axis = x.copy(), a["Axis"]
    join = {"set": lambda p, q: q, "add": lambda p, q: p + q, "mul": lambda p, q: p * q,
            "min": lambda p, q: extreme_of(torch.minimum, p, q, -1), "max": lambda p, q: extreme_of(torch.maximum, p, q, 1)}[a["Fn"]]
    for at in np.ndindex(index.shape):
        k = int(index[at])
        if 0 <= k < x.shape[axis]:
            to = at[:axis] + (k,) + at[axis + 1:]
            z[to] = join(z[to], y[at])
    return z


def cumulate(x, a):
    """Along the axis, one by one."""
    f = {"sum": np.add, "prod": np.multiply, "logsumexp": np.logaddexp, "min": lambda p, q: extreme_of(torch.minimum, p, q, -1), "max": lambda p, q: extreme_of(torch.maximum, p, q, 1)}[a["Fn"]]
    turn = (lambda v: np.flip(v, a["Axis"])) if a["Reversed"] else (lambda v: v)
    x = np.moveaxis(turn(x), a["Axis"], 0)
    y = x.copy()
    for i in range(1, len(y)):
        y[i] = f(y[i - 1], x[i])
    return turn(np.moveaxis(y, 0, a["Axis"]))


def recur(c, x, a):
    turn = (lambda v: np.flip(v, a["Axis"])) if a["Reversed"] else (lambda v: v)
    c, x = np.moveaxis(turn(c), a["Axis"], 0), np.moveaxis(turn(x), a["Axis"], 0)
    y = x.copy()
    for i in range(1, len(y)):
        y[i] = c[i] * y[i - 1] + x[i]
    return turn(np.moveaxis(y, 0, a["Axis"]))


# Random numbers, as the paper has them.

def philox_block(counter, key):
    M0, M1, W0, W1, mask = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85, 0xFFFFFFFF
    c, (k0, k1) = list(counter), key
    for _ in range(10):
        p0, p1 = M0 * c[0], M1 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k0, p1 & mask, (p0 >> 32) ^ c[3] ^ k1, p0 & mask]
        k0, k1 = (k0 + W0) & mask, (k1 + W1) & mask
    return c


def philox(a, out, seed, step, words=1):
    """The words of each element: the row is its leading index, the column its place in the row."""
    shape = out[0]["Dims"]
    width = int(np.prod(shape[1:])) if shape else 1
    n = int(np.prod(shape)) if shape else 1
    key = int(seed) ^ a["Site"]
    step = int(step) & (2 ** 64 - 1)
    y = np.zeros((n, words), np.uint32)
    for i in range(n):
        for w in range(words):
            column = words * (i % width) + w
            y[i, w] = philox_block([column // 4, i // width, step & 0xFFFFFFFF, step >> 32], (key & 0xFFFFFFFF, key >> 32))[column % 4]
    return y.reshape(shape) if words == 1 else y.reshape(shape + [words])


def uniform(bits):
    return (bits >> 8).astype(np.float64) * 2.0 ** -24


def box_muller(bits):
    u, v = uniform(bits[..., 0]) + 2.0 ** -24, uniform(bits[..., 1])
    return np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)


def line(value):
    v = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    if v.dtype == np.bool_:
        v = v.astype(np.uint8)
    return " ".join(repr(float(s)) if v.dtype.kind == "f" else str(int(s)) for s in np.ascontiguousarray(v).reshape(-1))


def main(path):
    files = {}
    for c in json.load(open(path)):
        file, key = c["Key"].split("\t")
        operands = [read(t) for t in c["In"] or []]
        a = dict(c["Op"])
        if isinstance(a.get("To"), str) and "nx.view" in c["Reference"]:
            a["To"] = NUMPY[a["To"]]
        names = dict(globals(), a=a, out=c["Out"], operands=operands)
        for i, v in enumerate(operands[:3]):
            names["n" + "xyz"[i]] = v
            names["xyz"[i]] = torch.from_numpy(np.ascontiguousarray(v).reshape(v.shape)) if v.dtype != np.uint64 else None
        try:
            result = eval(c["Reference"], names)
        except Exception as e:
            raise SystemExit("%s: %s: %r" % (key, c["Reference"], e))
        for value in result if isinstance(result, tuple) else (result,):
            files.setdefault(file, []).append(key + " = " + line(value))
    os.makedirs(os.path.join(HERE, "testdata"), exist_ok=True)
    for name in sorted(os.listdir(os.path.join(HERE, "testdata"))):
        if name.endswith(".txt"):
            os.remove(os.path.join(HERE, "testdata", name))
    for name, lines in sorted(files.items()):
        with open(os.path.join(HERE, "testdata", name), "w") as f:
            f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
