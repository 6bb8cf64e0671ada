"""XGBoost's models: a small fixed set, and random ones. XGBoost 3.2.0; layouts of 3.3 and 3.4 are made by moving keys."""
import json

import numpy as np
import xgboost as xgb

from . import rows
from .thresholds import of_xgboost

# name: rounds, columns, rows kept, NaN share, parameters
MODELS = {
    "logistic_d3": (20, 5, 400, 0.0, {"max_depth": 3}),
    "logistic_d6_nan": (24, 12, 400, 0.1, {"max_depth": 6}),
    "logistic_base_01": (10, 4, 300, 0.05, {"max_depth": 4, "base_score": 0.1}),
    "logistic_stump": (8, 3, 300, 0.2, {"max_depth": 1, "base_score": 0.731}),
    "logistic_d9": (5, 8, 300, 0.05, {"max_depth": 9}),
    "logitraw": (10, 6, 200, 0.05, {"max_depth": 5, "objective": "binary:logitraw"}),
    "reg_logistic": (10, 6, 200, 0.05, {"max_depth": 5, "objective": "reg:logistic"}),
    "squarederror": (15, 6, 200, 0.05, {"max_depth": 6, "objective": "reg:squarederror"}),
    "rank_ndcg": (10, 6, 200, 0.05, {"max_depth": 4, "objective": "rank:ndcg"}),
    "rank_pairwise": (10, 6, 200, 0.05, {"max_depth": 4, "objective": "rank:pairwise"}),
    "parallel_trees": (4, 6, 200, 0.05, {"max_depth": 5, "num_parallel_tree": 5, "subsample": 0.6}),
    "lossguide": (10, 10, 200, 0.05, {"max_depth": 0, "max_leaves": 40, "grow_policy": "lossguide"}),
    "exact_thresholds": (6, 2, 200, 0.02, {"max_depth": 12, "tree_method": "exact"}),
    "poisson": (8, 4, 200, 0.05, {"max_depth": 4, "objective": "count:poisson"}),
    "gamma": (8, 4, 200, 0.05, {"max_depth": 4, "objective": "reg:gamma"}),
    "tweedie": (8, 4, 200, 0.05, {"max_depth": 4, "objective": "reg:tweedie"}),
    "absoluteerror": (8, 4, 200, 0.05, {"max_depth": 4, "objective": "reg:absoluteerror"}),
    "pseudohuber": (8, 4, 200, 0.05, {"max_depth": 4, "objective": "reg:pseudohubererror"}),
    "quantiles": (6, 4, 200, 0.05, {"max_depth": 3, "objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]}),
    "hinge": (8, 4, 200, 0.05, {"max_depth": 4, "objective": "binary:hinge"}),
    "softprob": (6, 5, 200, 0.05, {"max_depth": 4, "objective": "multi:softprob", "num_class": 3}),
    "softmax": (4, 5, 200, 0.05, {"max_depth": 3, "objective": "multi:softmax", "num_class": 5}),
    "dart": (8, 5, 200, 0.05, {"max_depth": 4, "booster": "dart", "rate_drop": 0.4}),
    "dart_softprob": (4, 5, 200, 0.05, {"max_depth": 3, "booster": "dart", "rate_drop": 0.4,
                                        "objective": "multi:softprob", "num_class": 3}),
    "categorical": (8, 5, 300, 0.05, {"max_depth": 4, "categories": [1, 3]}),
    "categorical_onehot": (8, 5, 300, 0.05, {"max_depth": 4, "categories": [1, 3], "max_cat_to_onehot": 200}),
}
# Models that must be refused.
REFUSED = {
    "gblinear": {"booster": "gblinear"},
    "survival": {"objective": "survival:aft"},
    "vector_leaf": {"multi_strategy": "multi_output_tree", "objective": "reg:squarederror"},
    "cats_enc": {},
}


def label(objective, margin, rng, classes=2):
    if objective.startswith("multi:"):
        return np.digitize(margin, np.quantile(margin, np.linspace(0, 1, classes + 1)[1:-1])).astype(np.float32)
    if objective in ("count:poisson", "reg:gamma", "reg:tweedie", "reg:squaredlogerror"):
        return np.abs(margin) + 0.01
    if objective in ("binary:logistic", "binary:logitraw", "binary:hinge", "reg:logistic") or objective.startswith("rank:"):
        return (margin > 0).astype(np.float32)
    return margin


def train(rng, count, columns, nan_share, rounds, params, named=True):
    params = dict(params)
    categories = params.pop("categories", [])
    x, margin = rows.table(rng, count, columns, nan_share, categories)
    objective = params.setdefault("objective", "binary:logistic")
    y = label(objective, margin, rng, params.get("num_class", 2))
    if "num_target" in params:
        y = np.stack([margin * (k + 1) for k in range(params.pop("num_target"))], axis=1)
        y = (y > 0).astype(np.float32) if "logistic" in objective else y
    types = ["c" if i in categories else "float" for i in range(columns)] if categories else None
    kind = xgb.QuantileDMatrix if params.get("tree_method") == "never" else xgb.DMatrix
    data = kind(x, y, feature_names=rows.names(columns) if named else None, feature_types=types,
                enable_categorical=bool(categories))
    if objective.startswith("rank:"):
        data.set_group([count // 20] * 20)
    full = {"tree_method": "hist", "eta": 0.3, "seed": 7, "nthread": 1, "verbosity": 0, **params}
    return x, xgb.train(full, data, rounds)


def scores(path, x, rounds=0):
    """What the library says of the file; softmax is asked for its probabilities, of which its class is the largest."""
    booster = xgb.Booster({"nthread": 1}, model_file=path)
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    until = (0, rounds)
    if objective == "multi:softmax":
        data = None if np.isinf(x).any() else xgb.DMatrix(x, feature_names=booster.feature_names)
        classes = booster.inplace_predict(x, iteration_range=until, validate_features=False) if data is None else \
            booster.predict(data, iteration_range=until)
        booster.set_param({"objective": "multi:softprob"})
    finite = ~np.isinf(x).any(axis=1)
    dart = json.loads(booster.save_config())["learner"]["gradient_booster"]["name"] == "dart"
    got = None if dart else booster.inplace_predict(x, iteration_range=until, validate_features=False)
    data = xgb.DMatrix(x[finite], feature_names=booster.feature_names, feature_types=booster.feature_types,
                       enable_categorical=True)
    same = booster.predict(data, iteration_range=until)
    if dart:
        # Of a DART model `inplace_predict` takes the base margin off each tree again, and differs in the last bits from
        # `predict`. `predict` is the one that training measures; it takes no infinities.
        assert finite.all(), "rows of a DART model have no infinities"
        return same
    assert np.array_equal(same.view("u4"), got[finite].view("u4")), f"{path}: two ways to ask XGBoost differ"
    if objective == "multi:softmax":
        chosen = got[np.arange(len(got)), classes.astype(int)]
        assert np.array_equal(got.max(axis=1), chosen), f"{path}: softmax is not softprob's largest"
    return got


def moved(document, version):
    """A DART document of 3.2 in the layout of 3.3 (weights beside the model) or 3.4 (inside it)."""
    document = json.loads(json.dumps(document))
    booster = document["learner"]["gradient_booster"]
    weights, model = booster["weight_drop"], booster["gbtree"]["model"]
    booster.clear()
    booster.update({"name": "gbtree", "model": model})
    (booster if version == 3 else model)["weight_drop"] = weights
    document["version"] = [3, version, 0]
    return document


def odd(params):
    """XGBoost takes infinities only where `inplace_predict` is its answer."""
    return [v for v in rows.ODD if not np.isinf(v)] if params.get("booster") == "dart" else None


def make(out, name, shape):
    rounds, columns, kept, nan_share, params = shape
    rng = np.random.default_rng(list(name.encode()))
    x, booster = train(rng, 4000, columns, nan_share, rounds, params)
    path = out / f"{name}.json"
    booster.save_model(path)
    document = json.loads(path.read_text())
    hard = rows.hard(rng, x[:kept], of_xgboost(document, columns), odd(params))
    answer = scores(path, hard)
    rows.write(path, hard, answer)
    if name in ("dart", "dart_softprob"):
        for version in (3, 4):
            other = out / f"{name}_layout_3{version}.json"
            other.write_text(json.dumps(moved(document, version), separators=(",", ":")))
            rows.write(other, hard, answer)
    if name in ("logistic_d3", "softprob", "categorical", "dart"):
        binary = out / f"{name}_ubj.ubj"
        booster.save_model(binary)
        rows.write(binary, hard[:100], answer[:100])
    if name == "softprob":
        first = out / "softprob_rounds_2.ubj"
        booster.save_model(first)
        rows.write(first, hard[:100], scores(first, hard[:100], 2), rounds=2)


def make_refused(out, name, params):
    rng = np.random.default_rng(list(name.encode()))
    x, margin = rows.table(rng, 500, 3, 0.0)
    y, features, kwargs = (margin > 0).astype(np.float32), x, {}
    if name == "vector_leaf":
        y = np.stack([margin, -margin], axis=1)
    if name == "cats_enc":
        import pandas as pd

        text = pd.Categorical(np.array(list("abcdef"))[rng.integers(0, 6, 500)])
        features = pd.DataFrame({"f0": text, "f1": x[:, 1], "f2": x[:, 2]})
        y, kwargs = text.codes % 2, {"enable_categorical": True}
    data = xgb.DMatrix(features, y, feature_names=rows.names(3), **kwargs)
    if name == "survival":
        data = xgb.DMatrix(x, feature_names=rows.names(3), label_lower_bound=y + 1, label_upper_bound=y + 2)
    params = {"objective": "binary:logistic", "max_depth": 2, "nthread": 1, "seed": 7, **params}
    if name != "gblinear":
        params["tree_method"] = "hist"
    xgb.train(params, data, 2).save_model(out / f"refused_{name}.json")


def golden(out):
    for name, shape in MODELS.items():
        make(out, name, shape)
    for name, params in REFUSED.items():
        make_refused(out, name, params)


OBJECTIVES = ["binary:logistic"] * 4 + ["multi:softprob"] * 3 + [
    "reg:squarederror", "reg:logistic", "binary:logitraw", "count:poisson", "reg:gamma", "reg:tweedie", "multi:softmax",
    "reg:absoluteerror", "reg:pseudohubererror", "reg:squaredlogerror", "reg:quantileerror", "rank:ndcg", "rank:pairwise",
    "rank:map", "binary:hinge"]


def random(rng, out, name):
    """One random model and its rows; returns False where the library itself refuses to train it."""
    columns = int(rng.integers(1, 40)) if rng.random() < 0.9 else int(rng.integers(40, 120))
    params = {
        "objective": str(rng.choice(OBJECTIVES)), "max_depth": int(rng.integers(1, 11)),
        "eta": float(rng.choice([0.01, 0.1, 0.3, 1.0])), "min_child_weight": float(rng.choice([0, 1, 10])),
        "subsample": float(rng.choice([0.5, 1.0])), "colsample_bytree": float(rng.choice([0.5, 1.0])),
        "gamma": float(rng.choice([0, 0, 0.5])), "seed": int(rng.integers(1 << 30)),
        "tree_method": str(rng.choice(["hist", "hist", "approx", "exact"])),
        "max_bin": int(rng.choice([8, 64, 256, 1000])),
    }
    if rng.random() < 0.3:
        params["booster"] = "dart"
        params["rate_drop"] = float(rng.choice([0.1, 0.5, 0.9]))
        params["normalize_type"] = str(rng.choice(["tree", "forest"]))
    if rng.random() < 0.15:
        params["num_parallel_tree"] = int(rng.integers(2, 6))
    if params["tree_method"] != "exact" and rng.random() < 0.3:
        params["grow_policy"], params["max_depth"], params["max_leaves"] = "lossguide", 0, int(rng.integers(2, 90))
    if params["tree_method"] != "exact" and rng.random() < 0.35:
        params["categories"] = sorted(rng.choice(columns, rng.integers(1, 4)).tolist())
        params["max_cat_to_onehot"] = int(rng.choice([1, 4, 200]))
    if params["objective"].startswith("multi:"):
        params["num_class"] = int(rng.integers(2, 9))
    elif params["objective"] == "reg:quantileerror":
        params["quantile_alpha"] = np.sort(rng.random(rng.integers(1, 5))).tolist()
    elif params["objective"] in ("binary:logistic", "reg:squarederror") and rng.random() < 0.1:
        params["num_target"] = int(rng.integers(2, 5))
    if rng.random() < 0.3:
        params["base_score"] = float(rng.choice([0.1, 0.5, 0.731, 0.999]))
    rounds = int(rng.integers(1, 60 // params.get("num_class", 1) + 2))
    named = rng.random() < 0.95
    x, booster = train(rng, 400, columns, float(rng.choice([0, 0.05, 0.4])), rounds, params, named)
    path = out / f"{name}.{'ubj' if rng.random() < 0.5 else 'json'}"
    booster.save_model(path)
    document = json.loads(booster.save_raw("json").decode())
    hard = rows.hard(rng, x[:200], of_xgboost(document, columns), odd(params))
    first = int(rng.integers(1, rounds + 1)) if rng.random() < 0.15 else 0
    answer = scores(path, hard, first)
    if params.get("booster") == "dart" and path.suffix == ".json" and rng.random() < 0.5:
        path.write_text(json.dumps(moved(document, int(rng.integers(3, 5)))))
    rows.write(path, hard, answer, rounds=first, unnamed=not named)
    return True
