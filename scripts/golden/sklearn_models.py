"""scikit-learn's models through scripts/tickbridge_sklearn.py: a small fixed set, and random ones. scikit-learn 1.9.1.

Trees route and add exactly. Scores have bounds where the last bits are not scikit-learn's own: linear models (BLAS adds in
an order, and with fused products, that depend on the processor), and softmax and exp (numpy has its own vector `exp`).
scikit-learn refuses infinities, and NaN where a model was trained without, so rows have none there."""
import json

import numpy as np
from sklearn import ensemble, linear_model, pipeline, preprocessing, tree

import tickbridge_sklearn

from . import rows

# name: model, NaN share, classes (0 for regression)
MODELS = {
    "skl_logistic": (linear_model.LogisticRegression(max_iter=300), 0, 2),
    "skl_logistic_scaled": (pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()), 0, 2),
    "skl_multinomial": (linear_model.LogisticRegression(max_iter=300), 0, 4),
    "skl_ridge": (linear_model.Ridge(), 0, 0),
    "skl_tree": (tree.DecisionTreeClassifier(max_depth=5, random_state=1), 0.05, 3),
    "skl_tree_regressor": (tree.DecisionTreeRegressor(max_depth=5, random_state=1), 0.05, 0),
    "skl_forest": (ensemble.RandomForestClassifier(7, max_depth=5, random_state=1), 0.05, 2),
    "skl_forest_multiclass": (ensemble.RandomForestClassifier(5, max_depth=4, random_state=1), 0.05, 3),
    "skl_forest_regressor": (ensemble.RandomForestRegressor(6, max_depth=4, random_state=1), 0.05, 0),
    "skl_extra_trees": (ensemble.ExtraTreesClassifier(6, max_depth=5, random_state=1), 0.0, 2),
    "skl_boosting": (ensemble.GradientBoostingClassifier(n_estimators=12, random_state=1), 0, 2),
    "skl_boosting_multiclass": (ensemble.GradientBoostingClassifier(n_estimators=6, max_depth=2, random_state=1), 0, 3),
    "skl_boosting_regressor": (ensemble.GradientBoostingRegressor(n_estimators=10, random_state=1), 0, 0),
    "skl_hist": (ensemble.HistGradientBoostingClassifier(max_iter=8, random_state=1), 0.05, 2),
    "skl_hist_multiclass": (ensemble.HistGradientBoostingClassifier(max_iter=3, max_depth=3, random_state=1), 0.05, 3),
    "skl_hist_regressor": (ensemble.HistGradientBoostingRegressor(max_iter=8, random_state=1), 0.05, 0),
}
# Half a unit in the last place of 1.
UNIT = 2.0**-53


def fit(model, rng, count, columns, nan_share, classes):
    x, margin = rows.table(rng, count, columns, nan_share)
    y = np.digitize(margin, np.quantile(margin, np.linspace(0, 1, classes + 1)[1:-1])) if classes else margin
    if getattr(model, "loss", "") in ("poisson", "gamma"):
        y = np.abs(margin) + 0.01
    return x, model.fit(x, y)


def answer(model, x):
    """Of two classes the second's probability."""
    if hasattr(model, "steps") or hasattr(model, "coef_"):
        x = x.astype(np.float64)  # given f32, linear models compute in f32
    if not hasattr(model, "predict_proba"):
        return model.predict(x)
    got = model.predict_proba(x)
    return got[:, 1] if got.shape[1] == 2 else got


def bounds(model, document, x, scores):
    """How far two right answers may lie apart; `None` where there is but one.

    A sum of n products in any order, fused or not, is off by at most n units of the sum of their sizes (Higham, Accuracy and
    Stability of Numerical Algorithms, 3.1); ours and theirs by twice that. From there a probability follows with a slope
    below itself (logistic) or twice itself (softmax), and some units for `exp` and what is around it.
    """
    scores = np.asarray(scores, np.float64).reshape(len(x), -1)
    outputs = scores.shape[1]
    if document["format"] == "tickbridge-forest":
        if document["link"] == "exp":
            return scores * 8 * UNIT
        if document["link"] == "softmax":
            # scikit-learn takes exp(margin - logsumexp): the difference is rounded in proportion to the margins.
            margins = np.abs(model.decision_function(x)).max(axis=1, keepdims=True)
            return scores * (16 + 4 * outputs + 4 * margins) * UNIT + 1e-322
        return None
    z = x.astype(np.float64)
    if "center" in document:
        z = (z - document["center"]) / document["scale"]
    weights = np.abs(np.reshape(document["weights"], (-1, x.shape[1])))
    sizes = np.abs(z) @ weights.T + np.abs(document["intercepts"])
    sums = (2 * (x.shape[1] + 2) * UNIT * sizes).max(axis=1, keepdims=True)
    if document["link"] == "identity":
        return sums
    return scores * (2 * sums + (16 + 2 * outputs) * UNIT) + 1e-322


def save(path, model, x, columns):
    document = tickbridge_sklearn.export(model, rows.names(columns))
    path.write_text(json.dumps(document, separators=(",", ":")))
    found = [[] for _ in range(columns)]
    for one in document.get("trees", []):
        for left, feature, threshold in zip(one["left"], one["feature"], one["threshold"]):
            if left != -1:
                found[feature].append(threshold)
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    odd = [v for v in rows.ODD if np.isfinite(v)]
    if type(last).__name__.startswith("Hist"):
        odd = rows.ODD
    elif np.isnan(x).any():
        odd += [np.nan]
    if document["format"] == "tickbridge-linear":
        odd = [0.0, -0.0, 0.5, 1.0]
    found = [[t for t in column if np.isfinite(t)] for column in found]
    hard = rows.hard(rng_of(columns), x, found, odd)
    scores = answer(model, hard)
    rows.write(path, hard, scores, bounds(model, document, hard, scores))


def rng_of(seed):
    return np.random.default_rng([seed, 17])


def golden(out):
    for name, (model, nan_share, classes) in MODELS.items():
        x, model = fit(model, np.random.default_rng(list(name.encode())), 600, 5, nan_share, classes)
        save(out / f"{name}.json", model, x[:200], 5)


def random(rng, out, name):
    seed, depth = int(rng.integers(1 << 30)), int(rng.integers(1, 9))
    rounds, classes = int(rng.integers(1, 20)), int(rng.choice([2, 2, 3, 5]))
    rate = float(rng.choice([0.03, 0.1, 1.0]))
    model, nan_share = [
        lambda: (tree.DecisionTreeClassifier(max_depth=depth, random_state=seed), 0.1),
        lambda: (tree.DecisionTreeRegressor(max_depth=depth, random_state=seed), 0.1),
        lambda: (ensemble.RandomForestClassifier(rounds, max_depth=depth, random_state=seed), 0.1),
        lambda: (ensemble.RandomForestRegressor(rounds, max_depth=depth, random_state=seed), 0.1),
        lambda: (ensemble.ExtraTreesClassifier(rounds, max_depth=depth, random_state=seed), 0.1),
        lambda: (ensemble.ExtraTreesRegressor(rounds, max_depth=depth, random_state=seed), 0.0),
        lambda: (ensemble.GradientBoostingClassifier(
            n_estimators=rounds, max_depth=min(depth, 5), learning_rate=rate, subsample=0.7, random_state=seed), 0.0),
        lambda: (ensemble.GradientBoostingRegressor(
            n_estimators=rounds, max_depth=min(depth, 5), learning_rate=rate, random_state=seed,
            loss=str(rng.choice(["squared_error", "absolute_error", "huber", "quantile"]))), 0.0),
        lambda: (ensemble.HistGradientBoostingClassifier(max_iter=rounds, learning_rate=rate, random_state=seed), 0.1),
        lambda: (ensemble.HistGradientBoostingRegressor(
            max_iter=rounds, learning_rate=rate, random_state=seed,
            loss=str(rng.choice(["squared_error", "absolute_error", "poisson", "gamma"]))), 0.1),
        lambda: (linear_model.LogisticRegression(C=float(rng.choice([0.1, 1, 100])), max_iter=200), 0.0),
        lambda: (pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.Ridge()), 0.0),
    ][int(rng.integers(12))]()
    regression = "Regressor" in repr(model) or "Ridge" in repr(model)
    columns = int(rng.integers(1, 25))
    nan_share = nan_share if rng.random() < 0.5 else 0.0
    x, model = fit(model, rng, 400, columns, nan_share, 0 if regression else classes)
    save(out / f"{name}.json", model, x[:200], columns)
    return True
