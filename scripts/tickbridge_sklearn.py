"""Writes fitted scikit-learn models as the small JSON that Tickbridge loads. scikit-learn 1.3 or newer.

`export(model, features)` returns the document; `scripts/export-sklearn` is its command line. What the appliance cannot
compute as scikit-learn does is refused by name. What it is not: a pickle reader that is safe on strangers' files.

Two documents, both with "version": 1, "features": [names], "link": "identity" | "logistic" | "softmax" | "exp":

"format": "tickbridge-linear"   scores = link(intercepts + weights . ((row - center) / scale)), all in f64
    "weights": outputs x features numbers, output by output; "intercepts": one for each output, or "intercept": a number
    "center", "scale": optional, one for each feature (StandardScaler)
"format": "tickbridge-forest"   scores = link((start + the leaves of all trees, in order) / divide)
    "start": one number for each output; "divide": a number, 1 where nothing is averaged
    "trees": [{"outputs": [k..], "left", "right", "feature", "threshold", "missing_left", "value"}]; arrays of one length,
        node 0 is the root; a leaf has left and right -1; a row goes left when feature <= threshold, or when it is NaN and
        missing_left is 1; "value" has one number for each node and output of the tree, node by node
"source" says which class of which version it was; it changes nothing.
"""
import numpy as np


class Refused(ValueError):
    """A model that the appliance could not compute exactly."""


def export(model, features=None):
    """The document of a fitted model; `features` are the names of its columns, by default those it was fitted with."""
    import sklearn
    from sklearn.pipeline import Pipeline

    center = scale = None
    first = model
    if isinstance(model, Pipeline):
        center, scale, model = pipeline(model)
    if features is None:
        features = getattr(first, "feature_names_in_", None)
    if features is None:
        raise Refused("features: the model was fitted without names; give them")
    features = [str(name) for name in features]
    if len(features) != first.n_features_in_:
        raise Refused(f"features: expected {first.n_features_in_} names, got {len(features)}")
    name = type(model).__name__
    exporter = EXPORTERS.get(name)
    if exporter is None:
        raise Refused(f"{name}: expected one of {', '.join(sorted(EXPORTERS))}")
    document = exporter(model)
    if center is not None and document["format"] != "tickbridge-linear":
        raise Refused(f"StandardScaler before {name}: trees need no scaling; fit them without")
    if center is not None:
        document.update(center=floats(center), scale=floats(scale))
    document.update(version=1, features=features, source=f"scikit-learn {sklearn.__version__} {name}")
    return {"format": document.pop("format"), **document}


def floats(values):
    return [float(value) for value in np.ravel(values)]


def pipeline(model):
    from sklearn.preprocessing import StandardScaler

    steps = [step for _, step in model.steps if step not in (None, "passthrough")]
    if len(steps) == 1:
        return None, None, steps[0]
    if len(steps) != 2 or not isinstance(steps[0], StandardScaler):
        kinds = ", ".join(type(step).__name__ for step in steps)
        raise Refused(f"Pipeline: expected StandardScaler and a model, got {kinds}")
    count = steps[0].n_features_in_
    mean, scale = steps[0].mean_, steps[0].scale_
    return np.zeros(count) if mean is None else mean, np.ones(count) if scale is None else scale, steps[1]


def linear(model, link):
    weights = np.atleast_2d(model.coef_)
    intercepts = np.broadcast_to(np.atleast_1d(model.intercept_), (len(weights),))
    return {"format": "tickbridge-linear", "link": link, "weights": floats(weights), "intercepts": floats(intercepts)}


def one_target(model):
    if np.ndim(model.coef_) > 1 and len(model.coef_) > 1:
        raise Refused(f"{type(model).__name__}: several targets")
    return linear(model, "identity")


def logistic_regression(model):
    if len(model.classes_) == 2:
        return linear(model, "logistic")
    if getattr(model, "solver", "") == "liblinear" or getattr(model, "multi_class", "") == "ovr":
        raise Refused("LogisticRegression: one model for each class (liblinear or ovr); use the multinomial solver lbfgs")
    return linear(model, "softmax")


def sgd_classifier(model):
    if len(model.classes_) > 2:
        raise Refused("SGDClassifier: more than two classes are normalised one against all")
    return linear(model, "logistic" if model.loss == "log_loss" else "identity")


def tree(tree, outputs, values):
    missing = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count, np.uint8))
    return {
        "outputs": outputs, "left": tree.children_left.tolist(), "right": tree.children_right.tolist(),
        "feature": [max(0, int(f)) for f in tree.feature], "threshold": floats(tree.threshold),
        "missing_left": [int(m) for m in missing], "value": floats(values),
    }


def forest(link, start, divide, trees):
    return {"format": "tickbridge-forest", "link": link, "start": floats(start), "divide": float(divide), "trees": trees}


def averaged(model):
    """A tree, or forests: the mean of leaves; of two classes the second's probability."""
    if getattr(model, "n_outputs_", 1) > 1:
        raise Refused(f"{type(model).__name__}: several outputs")
    estimators = getattr(model, "estimators_", [model])
    classes = len(model.classes_) if hasattr(model, "classes_") else 1
    trees = []
    for estimator in estimators:
        values = estimator.tree_.value[:, 0, :]
        if classes == 2:
            values = values[:, 1:]
        trees.append(tree(estimator.tree_, list(range(values.shape[1])), values))
    return forest("identity", [0.0] * (classes if classes > 2 else 1), len(estimators), trees)


def gradient_boosting(model):
    start = None
    if isinstance(model.init_, str) or type(model.init_).__name__ not in ("DummyClassifier", "DummyRegressor"):
        if model.init_ != "zero":
            raise Refused(f"init: expected a constant, got {type(model.init_).__name__}")
    start = model._raw_predict_init(np.zeros((1, model.n_features_in_), np.float32))[0]
    trees = []
    for stage in model.estimators_:
        for output, estimator in enumerate(stage):
            values = estimator.tree_.value[:, 0, 0] * model.learning_rate
            trees.append(tree(estimator.tree_, [output], values))
    return forest(classifier_link(model, len(start)), start, 1, trees)


def classifier_link(model, outputs):
    if not hasattr(model, "classes_"):
        return "identity"
    if getattr(model, "loss", "log_loss") not in ("log_loss",):
        raise Refused(f"loss: expected log_loss, got {model.loss}")
    return "logistic" if outputs == 1 else "softmax"


def hist_gradient_boosting(model):
    if getattr(model, "is_categorical_", None) is not None and np.any(model.is_categorical_):
        raise Refused("categorical_features: expected none")
    link = classifier_link(model, model.n_trees_per_iteration_)
    if link == "identity" and model.loss in ("poisson", "gamma"):
        link = "exp"
    trees = []
    for stage in model._predictors:
        for output, predictor in enumerate(stage):
            nodes = predictor.nodes
            if nodes["is_categorical"].any():
                raise Refused("is_categorical: expected none")
            leaf = nodes["is_leaf"].astype(bool)
            trees.append({
                "outputs": [output],
                "left": [-1 if end else int(c) for end, c in zip(leaf, nodes["left"])],
                "right": [-1 if end else int(c) for end, c in zip(leaf, nodes["right"])],
                "feature": [0 if end else int(f) for end, f in zip(leaf, nodes["feature_idx"])],
                "threshold": [0.0 if end else float(t) for end, t in zip(leaf, nodes["num_threshold"])],
                "missing_left": [int(m) for m in nodes["missing_go_to_left"]], "value": floats(nodes["value"]),
            })
    return forest(link, np.ravel(model._baseline_prediction), 1, trees)


EXPORTERS = {
    "LinearRegression": one_target, "Ridge": one_target, "RidgeCV": one_target, "Lasso": one_target, "LassoCV": one_target,
    "ElasticNet": one_target, "ElasticNetCV": one_target, "SGDRegressor": one_target,
    "LogisticRegression": logistic_regression, "LogisticRegressionCV": logistic_regression, "SGDClassifier": sgd_classifier,
    "DecisionTreeClassifier": averaged, "DecisionTreeRegressor": averaged, "ExtraTreeClassifier": averaged,
    "ExtraTreeRegressor": averaged, "RandomForestClassifier": averaged, "RandomForestRegressor": averaged,
    "ExtraTreesClassifier": averaged, "ExtraTreesRegressor": averaged,
    "GradientBoostingClassifier": gradient_boosting, "GradientBoostingRegressor": gradient_boosting,
    "HistGradientBoostingClassifier": hist_gradient_boosting, "HistGradientBoostingRegressor": hist_gradient_boosting,
}
