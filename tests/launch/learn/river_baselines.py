"""The figures of drift_cases.py: River's models on the same streams, test-then-train. Not a test: needs `pip install river` in an environment of its
own.

    python tests/launch/learn/river_baselines.py
"""

import drift_cases
from river import forest, linear_model, optim, preprocessing, tree

MODELS = {
    "LogisticRegression": lambda: preprocessing.StandardScaler() | linear_model.LogisticRegression(optim.SGD(0.05)),
    "LogisticRegression, Adam": lambda: preprocessing.StandardScaler() | linear_model.LogisticRegression(optim.Adam(0.02)),
    "HoeffdingAdaptiveTree": lambda: tree.HoeffdingAdaptiveTreeClassifier(grace_period=100, seed=1),
    "ARFClassifier": lambda: forest.ARFClassifier(n_models=10, seed=1),
}


def prequential(model, old, new):
    """The model learns from the first rows, as the first version does, then answers each row before it learns from it."""
    for values, label in zip(*old):
        model.learn_one(dict(enumerate(map(float, values))), int(label))
    right = 0
    for values, label in zip(*new):
        row = dict(enumerate(map(float, values)))
        right += model.predict_one(row) == int(label)
        model.learn_one(row, int(label))
    return right / len(new[1])


for name, (parts, _) in drift_cases.CASES.items():
    print(name, {kind: round(prequential(make(), *parts()), 4) for kind, make in MODELS.items()}, flush=True)
