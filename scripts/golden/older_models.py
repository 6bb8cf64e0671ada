"""Models of older XGBoost and LightGBM, trained, saved and scored by those versions themselves, through their C interfaces.

What each version is here for: XGBoost 1.0.2, whose `default_left` are JSON booleans and whose files have no feature names;
1.7.6, the last with neither `iteration_indptr` nor vectors of `base_score`, and the first in this list with UBJSON and
categories; 2.1.4 and 3.0.5, the last with a bare number as `base_score` and the last before 3.1 made it a list; LightGBM 3.3.5,
whose text says v3. What it is not: the layouts of XGBoost 3.3 and 3.4, whose wheels are not published; `xgboost_models` makes
those of 3.2's by moving keys.

XGBoost before 1.3 added a row's trees up and then the base margin; since then it begins with the margin, as the appliance
does. So XGBoost 3.2 itself says something else of a file of 1.0 in the last bits than 1.0.2 did. NAME.present.rows has what
3.2 says, which must be met in every bit; NAME.rows what 1.0.2 said, within what the order of a sum can do.
"""
import json
import multiprocessing
import pathlib
import subprocess
import sys

import numpy as np

from . import c_interface, rows
from .thresholds import of_lightgbm, of_xgboost

FOLDER = pathlib.Path(__file__).resolve().parent.parent.parent / "target" / "libraries"
# What the files' names begin with: the package, and where the library is in its wheel.
VERSIONS = {
    "old_xgb_1.0.2": ("xgboost==1.0.2", "xgboost/lib/libxgboost.so"),
    "old_xgb_1.7.6": ("xgboost==1.7.6", "xgboost/lib/libxgboost.so"),
    "old_xgb_2.1.4": ("xgboost-cpu==2.1.4", "xgboost/lib/libxgboost.so"),
    "old_xgb_3.0.5": ("xgboost-cpu==3.0.5", "xgboost/lib/libxgboost.so"),
    "old_lgb_3.3.5": ("lightgbm==3.3.5", "lightgbm/lib_lightgbm.so"),
}
XGBOOST = {
    "binary": {"objective": "binary:logistic", "base_score": 0.3},
    "softprob": {"objective": "multi:softprob", "num_class": 3, "max_depth": 3},
    "squarederror": {"objective": "reg:squarederror", "num_parallel_tree": 2, "subsample": 0.6},
    "poisson": {"objective": "count:poisson", "max_depth": 3},
    "pairwise": {"objective": "rank:pairwise", "max_depth": 3},
    "dart": {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.4},
    "dart_softprob": {"objective": "multi:softprob", "num_class": 3, "max_depth": 3, "booster": "dart", "rate_drop": 0.4},
    "categorical": {"objective": "binary:logistic", "categories": [1, 3]},
}
LIGHTGBM = {
    "binary": {"objective": "binary"},
    "multiclass": {"objective": "multiclass", "num_class": 3},
    "regression": {"objective": "regression"},
    "categorical": {"objective": "binary", "categories": [1, 3]},
    "rf": {"objective": "binary", "boosting": "rf", "bagging_fraction": 0.6, "bagging_freq": 1},
    "dart": {"objective": "binary", "boosting": "dart", "drop_rate": 0.4},
    "linear": {"objective": "regression", "linear_tree": True},
}
ROUNDS, COLUMNS, KEPT = 5, 5, 120
# The version that sums in another order, and knows no names.
OTHER_ORDER = "old_xgb_1.0.2"
# Half a unit in the last place of 1, in 32-bit floats.
UNIT = 2.0**-24


def library(version):
    """Where the library of a version is."""
    package, place = VERSIONS[version]
    return FOLDER / package.replace("==", "-") / place


def install():
    """Installs the versions that are not there, all at once. Their Python code is of no use: nothing depends on it."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--only-binary", ":all:", "--target"]
    missing = [version for version in VERSIONS if not library(version).exists()]
    commands = [[*pip, library(version).parents[2 if "xgb" in version else 1], VERSIONS[version][0]] for version in missing]
    codes = [process.wait() for process in [subprocess.Popen(command) for command in commands]]
    if any(codes):
        sys.exit(f"golden-models: cannot install {', '.join(VERSIONS[version][0] for version in missing)}")


def apart(version, work, *arguments):
    """Does some work with a version's library in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, (str(library(version)), version, *arguments))


def opened(path, version):
    return (c_interface.LightGBM if "lgb" in version else c_interface.XGBoost)(path)


def make_all(path, version, out):
    for name in LIGHTGBM if "lgb" in version else XGBOOST:
        if name == "categorical" and version == OTHER_ORDER:
            continue
        (make_lightgbm if "lgb" in version else make_xgboost)(opened(path, version), version, name, pathlib.Path(out))


def make_xgboost(xgboost, version, name, out):
    params = dict(XGBOOST[name])
    categories = params.pop("categories", [])
    x, y, rng = table(name, params, categories)
    # The first version that keeps names in its file is 1.4.
    names = None if version == OTHER_ORDER else rows.names(COLUMNS)
    types = ["c" if column in categories else "float" for column in range(COLUMNS)] if categories else None
    files = [out / f"{version}_{name}.json"]
    if version != OTHER_ORDER and name in ("binary", "dart", "categorical"):
        files.append(out / f"{version}_{name}_ubj.ubj")
    full = {"tree_method": "hist", "max_depth": 4, "eta": 0.3, "seed": 7, "nthread": 1, "verbosity": 0, **params}
    groups = [20] * (len(x) // 20) if name == "pairwise" else None
    xgboost.train(x, y, ROUNDS, full, files, names, types, groups)
    if name in ("softprob", "squarederror"):
        files.append(out / f"{version}_{name}_rounds_2.json")
        files[-1].write_bytes(files[0].read_bytes())
    document = json.loads(files[0].read_text())
    hard = rows.hard(rng, x[:KEPT], of_xgboost(document, COLUMNS), finite())
    for file in files:
        rounds = 2 if "rounds_2" in file.stem else 0
        scores = xgboost.scores(file, hard, rounds)
        bounds = order_bounds(document, params["objective"], scores) if version == OTHER_ORDER else None
        rows.write(file, hard, scores, bounds, rounds, unnamed=names is None)


def order_bounds(document, objective, scores):
    """How far two orders of the sums of a file of 1.0 may lie apart: of n numbers n units of the sum of their sizes, both ways."""
    booster = document["learner"]["gradient_booster"]
    trees = booster.get("gbtree", booster)["model"]["trees"]
    leaves = [[abs(t) for t, left in zip(tree["split_conditions"], tree["left_children"]) if left == -1] for tree in trees]
    sums = 2 * (len(trees) + 1) * UNIT * (1 + sum(map(max, leaves)))
    return np.full_like(scores, sums) if objective in ("reg:squarederror", "rank:pairwise") else scores * (2 * sums + 16 * UNIT)


def make_lightgbm(lightgbm, version, name, out):
    params = dict(LIGHTGBM[name])
    categories = params.pop("categories", [])
    x, y, rng = table(name, params, categories)
    file = out / f"{version}_{name}.txt"
    full = {"num_leaves": 12, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1, "seed": 7, "deterministic": "true", **params}
    lightgbm.train(x, y, ROUNDS, full, [file], rows.names(COLUMNS), categories)
    hard = rows.hard(rng, x[:KEPT], of_lightgbm(file.read_text(), COLUMNS))
    rows.write(file, hard, lightgbm.scores(file, hard))


def table(name, params, categories):
    rng = np.random.default_rng(list(name.encode()))
    x, margin = rows.table(rng, 2000, COLUMNS, 0.05, categories)
    objective = params["objective"]
    if objective.startswith("multi"):
        return x, np.digitize(margin, np.quantile(margin, [1 / 3, 2 / 3])), rng
    if objective == "count:poisson":
        return x, np.abs(margin), rng
    return x, margin if "reg" in objective else margin > 0, rng


def finite():
    """XGBoost takes no infinities in a matrix."""
    return [value for value in rows.ODD if not np.isinf(value)]


def golden(out):
    from . import xgboost_models

    install()
    for version in VERSIONS:
        apart(version, make_all, str(out))
    for file in sorted(out.glob(f"{OTHER_ORDER}_*.json")):
        x, _, rounds, _ = rows.read(file.with_suffix(".rows"))
        rows.write(file.with_suffix(".present.json"), x, xgboost_models.scores(file, x, rounds), rounds=rounds, unnamed=True)


def score_all(path, version, tables):
    """The scores of files with rows, in order."""
    library, answers = opened(path, version), []
    for file, table in tables:
        x, _, rounds, _ = rows.read(pathlib.Path(table))
        answers.append(library.scores(file, x, rounds))
    return answers


def scores_of(tables):
    """For each file with its rows, which version wrote it and what that version says of it."""
    install()
    for version in VERSIONS:
        own = [(str(file), str(table)) for file, table in tables if file.name.startswith(version)]
        if own:
            yield from zip(own, apart(version, score_all, own))
