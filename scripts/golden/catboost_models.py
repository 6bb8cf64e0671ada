"""CatBoost's models: a small fixed set, and random ones. CatBoost 1.2.10. Scores are those of the model that was trained,
whose leaves the JSON file holds in all their digits; CatBoost's own reader of JSON rounds some of them wrongly, by one
or two units in the last place, so a model that it has loaded from JSON says something else."""
import json

import catboost
import numpy as np

from . import rows

# name: rounds, columns, rows kept, NaN share, parameters
MODELS = {
    "cat_logloss": (10, 5, 300, 0.05, {"nan_mode": "Min"}),
    "cat_nan_max": (10, 5, 300, 0.05, {"nan_mode": "Max"}),
    "cat_rmse": (10, 5, 200, 0.05, {"loss_function": "RMSE"}),
    "cat_quantile": (6, 5, 200, 0.05, {"loss_function": "Quantile:alpha=0.7"}),
    "cat_multiclass": (6, 5, 300, 0.05, {"loss_function": "MultiClass", "classes": 4}),
    "cat_ova": (6, 5, 200, 0.05, {"loss_function": "MultiClassOneVsAll", "classes": 3}),
    "cat_rank": (6, 5, 200, 0.05, {"loss_function": "YetiRank"}),
    "cat_poisson": (6, 5, 200, 0.05, {"loss_function": "Poisson"}),
}
REFUSED = {
    "refused_cat_depthwise": {"grow_policy": "Depthwise"},
    "refused_cat_categorical": {"cat_features": [0], "one_hot_max_size": 40},
    "refused_cat_ctr": {"cat_features": [0], "one_hot_max_size": 1},
}


def label(loss, margin, classes):
    if loss.startswith("MultiClass"):
        return np.digitize(margin, np.quantile(margin, np.linspace(0, 1, classes + 1)[1:-1]))
    if loss in ("Logloss", "CrossEntropy", "YetiRank", "PairLogit", "QueryRMSE"):
        return (margin > 0).astype(int)
    return np.abs(margin) + 0.01 if loss.startswith(("Poisson", "Tweedie", "MAPE", "LogLin")) else margin


def train(rng, count, columns, nan_share, rounds, params, named=True):
    params = dict(params)
    classes, categories = params.pop("classes", 0), params.pop("cat_features", None)
    x, margin = rows.table(rng, count, columns, nan_share, categories or [])
    loss = params.setdefault("loss_function", "Logloss")
    y = label(loss, margin, classes)
    features = x
    if categories:
        import pandas as pd

        features = pd.DataFrame(x, columns=rows.names(columns))
        features["f0"] = np.nan_to_num(x[:, 0]).astype(int)
    group = np.arange(count) // 20 if loss in ("YetiRank", "PairLogit", "QueryRMSE") else None
    names = rows.names(columns) if named else None
    pool = catboost.Pool(features, y, group_id=group, feature_names=names, cat_features=categories)
    full = {"iterations": rounds, "depth": 4, "verbose": 0, "thread_count": 1, "random_seed": 7,
            "allow_writing_files": False, **params}
    return x, catboost.CatBoost(full).fit(pool)


def thresholds(path, columns):
    found = [[] for _ in range(columns)]
    for tree in json.loads(path.read_text())["oblivious_trees"]:
        for split in tree["splits"]:
            found[split["float_feature_index"]].append(split["border"])
    return found


def answer(model, path, x, rounds=0):
    loss = json.loads(path.read_text())["model_info"]["params"]["loss_function"]["type"]
    kind = "Probability" if loss in ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll") else "RawFormulaVal"
    kind = "Exponent" if loss in ("Poisson", "Tweedie") else kind
    got = model.predict(x, prediction_type=kind, ntree_end=rounds, thread_count=1)
    return got[:, 1] if loss in ("Logloss", "CrossEntropy") else got


def make(out, name, shape):
    rounds, columns, kept, nan_share, params = shape
    rng = np.random.default_rng(list(name.encode()))
    x, model = train(rng, 2000, columns, nan_share, rounds, {"border_count": 30, **params})
    path = out / f"{name}.json"
    model.save_model(path, format="json")
    hard = rows.hard(rng, x[:kept], thresholds(path, columns))
    rows.write(path, hard, answer(model, path, hard))


def golden(out):
    for name, shape in MODELS.items():
        make(out, name, shape)
    for name, params in REFUSED.items():
        _, model = train(np.random.default_rng(5), 400, 3, 0.0, 2, params)
        model.save_model(out / f"{name}.json", format="json")


LOSSES = ["Logloss"] * 3 + ["MultiClass"] * 3 + [
    "MultiClassOneVsAll", "RMSE", "MAE", "Quantile:alpha=0.3", "LogCosh", "Huber:delta=1.0", "Expectile:alpha=0.4",
    "CrossEntropy", "YetiRank", "PairLogit", "QueryRMSE", "MAPE", "Lq:q=2", "Poisson", "Tweedie:variance_power=1.5"]


def random(rng, out, name):
    columns = int(rng.integers(1, 40))
    params = {
        "loss_function": str(rng.choice(LOSSES)), "depth": int(rng.integers(1, 9)),
        "learning_rate": float(rng.choice([0.03, 0.3, 1.0])), "nan_mode": str(rng.choice(["Min", "Max"])),
        "border_count": int(rng.choice([4, 32, 254])), "random_seed": int(rng.integers(1 << 30)),
        "l2_leaf_reg": float(rng.choice([0.1, 3.0])), "boosting_type": "Plain",
    }
    if params["loss_function"].startswith("MultiClass"):
        params["classes"] = int(rng.integers(3, 9))
    rounds = int(rng.integers(1, 30))
    named = rng.random() < 0.9
    x, model = train(rng, 400, columns, float(rng.choice([0, 0.05, 0.4])), rounds, params, named)
    path = out / f"{name}.json"
    model.save_model(path, format="json")
    hard = rows.hard(rng, x[:200], thresholds(path, columns))
    first = int(rng.integers(1, model.tree_count_ + 1)) if rng.random() < 0.15 else 0
    rows.write(path, hard, answer(model, path, hard, first), rounds=first, unnamed=not named)
    return True
