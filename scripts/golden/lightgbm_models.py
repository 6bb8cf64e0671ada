"""LightGBM's models: a small fixed set, and random ones. LightGBM 4.7.0."""
import lightgbm as lgb
import numpy as np

from . import rows
from .thresholds import of_lightgbm

# name: rounds, columns, rows kept, NaN share, parameters
MODELS = {
    "lgb_binary": (12, 6, 300, 0.05, {}),
    "lgb_binary_sigmoid": (6, 4, 200, 0.05, {"sigmoid": 0.7}),
    "lgb_no_missing": (6, 4, 200, 0.05, {"use_missing": False}),
    "lgb_zero_missing": (8, 4, 300, 0.05, {"zero_as_missing": True}),
    "lgb_categorical": (8, 5, 300, 0.05, {"categories": [1, 3]}),
    "lgb_multiclass": (5, 5, 200, 0.05, {"objective": "multiclass", "num_class": 3}),
    "lgb_ova": (5, 5, 200, 0.05, {"objective": "multiclassova", "num_class": 3}),
    "lgb_rf": (6, 5, 200, 0.05, {"boosting": "rf", "bagging_fraction": 0.6, "bagging_freq": 1}),
    "lgb_dart": (8, 5, 200, 0.05, {"boosting": "dart", "drop_rate": 0.5}),
    "lgb_regression": (8, 5, 200, 0.05, {"objective": "regression"}),
    "lgb_sqrt": (8, 5, 200, 0.05, {"objective": "regression", "reg_sqrt": True}),
    "lgb_poisson": (8, 5, 200, 0.05, {"objective": "poisson"}),
    "lgb_gamma": (4, 5, 100, 0.05, {"objective": "gamma"}),
    "lgb_tweedie": (4, 5, 100, 0.05, {"objective": "tweedie"}),
    "lgb_xentropy": (4, 5, 100, 0.05, {"objective": "cross_entropy"}),
    "lgb_xentlambda": (6, 5, 200, 0.05, {"objective": "cross_entropy_lambda"}),
    "lgb_lambdarank": (4, 5, 100, 0.05, {"objective": "lambdarank"}),
    "lgb_deep": (2, 3, 200, 0.05, {"num_leaves": 200, "min_data_in_leaf": 1}),
    "lgb_stump": (3, 3, 100, 0.05, {"min_gain_to_split": 1e9}),
    "lgb_custom": (4, 4, 100, 0.05, {"objective": "own"}),
    "lgb_linear": (6, 5, 300, 0.05, {"objective": "regression", "linear_tree": True}),
}
REFUSED = {"lgb_pandas": {}}


def label(objective, margin, classes):
    if objective.startswith("multiclass"):
        return np.digitize(margin, np.quantile(margin, np.linspace(0, 1, classes + 1)[1:-1]))
    if objective in ("poisson", "gamma", "tweedie"):
        return np.abs(margin) + 0.01
    if objective in ("binary", "cross_entropy", "cross_entropy_lambda", "lambdarank", "rank_xendcg"):
        return (margin > 0).astype(int)
    return margin


def own(y, data):
    return y - data.get_label(), np.ones_like(y)


def train(rng, count, columns, nan_share, rounds, params, named=True):
    params = dict(params)
    categories = params.pop("categories", [])
    x, margin = rows.table(rng, count, columns, nan_share, categories)
    objective = params.setdefault("objective", "binary")
    if objective == "own":
        params["objective"] = own
    y = label(objective, margin, params.get("num_class", 1))
    group = [count // 20] * 20 if objective in ("lambdarank", "rank_xendcg") else None
    full = {"num_leaves": 15, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1, "seed": 7, **params}
    data = lgb.Dataset(x, y, group=group, feature_name=rows.names(columns) if named else "auto",
                       categorical_feature=categories, free_raw_data=False, params=full)
    return x, lgb.train(full, data, rounds)


def scores(path, x, rounds=0):
    return lgb.Booster(model_file=path).predict(x, num_iteration=rounds or None, num_threads=1)


def make(out, name, shape):
    rounds, columns, kept, nan_share, params = shape
    rng = np.random.default_rng(list(name.encode()))
    x, booster = train(rng, 4000, columns, nan_share, rounds, params)
    path = out / f"{name}.txt"
    booster.save_model(path)
    hard = rows.hard(rng, x[:kept], of_lightgbm(path.read_text(), columns))
    rows.write(path, hard, scores(path, hard))
    if name == "lgb_rf":
        first = out / "lgb_rf_rounds_2.txt"
        booster.save_model(first)
        rows.write(first, hard[:100], scores(first, hard[:100], 2), rounds=2)


def golden(out):
    for name, shape in MODELS.items():
        make(out, name, shape)
    import pandas as pd

    rng = np.random.default_rng(3)
    text = pd.Categorical(np.array(list("abcdef"))[rng.integers(0, 6, 800)])
    frame = pd.DataFrame({"f0": text, "f1": rng.standard_normal(800), "f2": rng.standard_normal(800)})
    params = {"objective": "binary", "verbosity": -1, "num_threads": 1, "num_leaves": 4, "min_data_per_group": 5}
    lgb.train(params, lgb.Dataset(frame, text.codes % 2), 2).save_model(out / "refused_lgb_pandas.txt")


OBJECTIVES = ["binary"] * 4 + ["multiclass"] * 2 + [
    "multiclassova", "regression", "regression_l1", "huber", "fair", "poisson", "quantile", "mape", "gamma", "tweedie",
    "cross_entropy", "cross_entropy_lambda", "lambdarank", "rank_xendcg", "own"]


def random(rng, out, name, linear=True):
    columns = int(rng.integers(1, 40)) if rng.random() < 0.9 else int(rng.integers(40, 120))
    params = {
        "objective": str(rng.choice(OBJECTIVES)), "num_leaves": int(rng.choice([2, 4, 15, 31, 63, 127])),
        "max_depth": int(rng.choice([-1, -1, 3, 6])), "learning_rate": float(rng.choice([0.01, 0.1, 0.5])),
        "min_data_in_leaf": int(rng.choice([1, 5, 20])), "use_missing": bool(rng.random() < 0.8),
        "zero_as_missing": bool(rng.random() < 0.25), "seed": int(rng.integers(1 << 30)),
        "max_bin": int(rng.choice([4, 63, 255, 1000])), "feature_fraction": float(rng.choice([0.5, 1.0])),
        "sigmoid": float(rng.choice([1.0, 1.0, 0.3, 2.5])), "reg_sqrt": bool(rng.random() < 0.2),
        "extra_trees": bool(rng.random() < 0.1), "boost_from_average": bool(rng.random() < 0.8),
    }
    if rng.random() < 0.35:
        params["categories"] = sorted(set(rng.choice(columns, rng.integers(1, 4)).tolist()))
        params["min_data_per_group"] = int(rng.choice([1, 10, 100]))
        params["max_cat_to_onehot"] = int(rng.choice([1, 4, 100]))
    kind = rng.random()
    if kind < 0.2:
        params.update(boosting="dart", drop_rate=0.5)
    elif kind < 0.35 and params["objective"] != "own":
        params.update(boosting="rf", bagging_fraction=0.6, bagging_freq=1)
    if params["objective"].startswith("multiclass"):
        params["num_class"] = int(rng.integers(2, 9))
    if linear and rng.random() < 0.15 and params["objective"] not in ("regression_l1", "quantile", "mape", "huber"):
        params.update(linear_tree=True, boosting="gbdt", zero_as_missing=False)
    rounds = int(rng.integers(1, 60 // params.get("num_class", 1) + 2))
    named = rng.random() < 0.95
    x, booster = train(rng, 400, columns, float(rng.choice([0, 0.05, 0.4])), rounds, params, named)
    path = out / f"{name}.txt"
    booster.save_model(path)
    hard = rows.hard(rng, x[:200], of_lightgbm(path.read_text(), columns))
    made = lgb.Booster(model_file=path).num_trees() // params.get("num_class", 1)
    first = int(rng.integers(1, made + 1)) if rng.random() < 0.15 and made else 0
    rows.write(path, hard, scores(path, hard, first), rounds=first, unnamed=not named)
    return True
