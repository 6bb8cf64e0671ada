"""Where the trees of a model file split, feature by feature, for rows that lie on it.

What it is not: a reader of models; a categorical split gives its categories, and values that are none.
"""


def of_xgboost(document, columns):
    booster = document["learner"]["gradient_booster"]
    found = [[] for _ in range(columns)]
    for tree in booster.get("gbtree", booster)["model"]["trees"]:
        kinds = tree.get("split_type") or [0] * len(tree["left_children"])
        for left, feature, t, kind in zip(tree["left_children"], tree["split_indices"], tree["split_conditions"], kinds):
            if left != -1 and kind == 0:
                found[feature].append(t)
        for category in tree.get("categories", []):
            for column in {f for f, k in zip(tree["split_indices"], kinds) if k}:
                found[column] += [category, category + 0.5]
    return found


def of_lightgbm(text, columns):
    found = [[] for _ in range(columns)]
    for block in text.split("\nTree=")[1:]:
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "threshold" not in fields:
            continue
        triples = zip(fields["split_feature"].split(), fields["threshold"].split(), fields["decision_type"].split())
        for feature, threshold, kind in triples:
            found[int(feature)] += range(64) if int(kind) & 1 else [float(threshold)]
    return found
