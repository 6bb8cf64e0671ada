"""Made-up training data, rows that are hard on a tree, and the file that holds them with the library's scores.

NAME.rows is little-endian: six u32 (rows, columns, outputs, 1 where scores have bounds, rounds or 0 for all, 1 for a model
without names), then for each row its f32 columns, its f64 scores, and where they have bounds one f64 for each score: how
far from it rounding can lead, where the library's own arithmetic is not the same everywhere. All others are held to every bit.
"""
import numpy as np

ODD = [np.nan, np.nan, 0.0, -0.0, 1e-45, -1e-45, 1e-38, 1e-35, -1e-35, 1.1e-35, 9.9e-36, 3.4e38, -3.4e38, np.inf, -np.inf,
       -0.5, -1.0, 0.5, 1.0, 2.0, 7.5, 33.0, 65.0, 1e6, 16777216.0, 2147483648.0]


def table(rng, count, columns, nan_share, categories=()):
    """Columns of three kinds: plain, whole numbers with many equals, heavy tails; `categories` are small whole numbers."""
    x = rng.standard_normal((count, columns)).astype(np.float32)
    x[:, 1::3] = np.round(x[:, 1::3] * 10)
    x[:, 2::3] = np.exp(x[:, 2::3] * 3)
    for column in categories:
        x[:, column] = rng.integers(0, rng.integers(3, 80), count)
    x[rng.random(x.shape) < nan_share] = np.nan
    filled = np.nan_to_num(x, nan=0.7)
    margin = filled[:, 0] + 0.8 * rng.standard_normal(count)
    if columns > 1:
        margin = margin + 0.1 * filled[:, 1] * (filled[:, 0] > 0)
    for column in categories:
        margin = margin + (filled[:, column] % 3 == 1) * 1.5 + (filled[:, column] % 7 == 0)
    return x, margin


def hard(rng, x, thresholds, odd=None):
    """Ordinary rows, then rows with values on thresholds, right beside them, and of the oddest kinds."""
    odd = ODD if odd is None else odd
    planted = []
    for values in thresholds:
        nearest = np.array(sorted(set(values)), dtype=np.float64).astype(np.float32)
        nearest = nearest[~np.isnan(nearest)]
        with np.errstate(over="ignore", under="ignore"):
            beside = [np.nextafter(nearest, np.float32(way)) for way in (np.inf, -np.inf)]
        planted.append(np.concatenate([nearest, *beside]))
    x = x.copy()
    for row in range(len(x) // 4, len(x)):
        for column in range(x.shape[1]):
            dice = rng.random()
            if dice < 0.5 and len(planted[column]):
                x[row, column] = planted[column][rng.integers(len(planted[column]))]
            elif dice < 0.65:
                x[row, column] = odd[rng.integers(len(odd))]
    return np.ascontiguousarray(x, dtype=np.float32)


def write(path, x, scores, bounds=None, rounds=0, unnamed=False):
    doubles = [np.ascontiguousarray(given, dtype=np.float64).reshape(len(x), -1) for given in (scores, bounds) if given is not None]
    head = np.array([len(x), x.shape[1], doubles[0].shape[1], len(doubles) - 1, rounds, unnamed], "<u4")
    parts = [np.ascontiguousarray(x).astype("<f4"), *(double.astype("<f8") for double in doubles)]
    body = np.concatenate([part.view("<u4") for part in parts], axis=1)
    path.with_suffix(".rows").write_bytes(head.tobytes() + body.tobytes())


def read(path):
    """Columns, scores, rounds, bounds (None where every bit counts)."""
    words = np.frombuffer(path.read_bytes(), "<u4")
    count, columns, outputs, bounded, rounds, _ = (int(word) for word in words[:6])
    body = words[6:].reshape(count, columns + 2 * outputs * (1 + bounded))
    x = np.ascontiguousarray(body[:, :columns]).view("<f4")
    doubles = np.ascontiguousarray(body[:, columns:]).view("<f8")
    return x, doubles[:, :outputs], rounds, doubles[:, outputs:] if bounded else None


def names(columns):
    return [f"f{i}" for i in range(columns)]
