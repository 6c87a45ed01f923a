"""Streams with drift, seeded: the rows that the first version is trained on, the stream, and what River's models come to on it, which
river_baselines.py printed (River 0.26.1): the share of right answers, each given before the row is learned from."""

import streams


def sea(*old, seed=2, **new):
    return lambda: (streams.sea(2000, 1, thresholds=old), streams.sea(6000, seed, **new))


def hyperplane(first, *words, **options):
    def parts():
        values, labels = streams.hyperplane(8000, *words, **options)
        return (values[:first], labels[:first]), (values[first:], labels[first:])
    return parts


CASES = {
    "sea_abrupt": (sea(8.0, thresholds=(12.0, 6.0)),
                   {"LogisticRegression": 0.8245, "LogisticRegression, Adam": 0.824, "HoeffdingAdaptiveTree": 0.8112, "ARFClassifier": 0.8503}),
    "sea_gradual": (sea(6.0, thresholds=(9.0, 12.0), gradual=2000),
                    {"LogisticRegression": 0.8448, "LogisticRegression, Adam": 0.8425, "HoeffdingAdaptiveTree": 0.785, "ARFClassifier": 0.8375}),
    "sea_recurring": (sea(6.0, seed=3, thresholds=(12.0, 6.0, 12.0, 6.0)),
                      {"LogisticRegression": 0.7733, "LogisticRegression, Adam": 0.7728, "HoeffdingAdaptiveTree": 0.7258, "ARFClassifier": 0.8417}),
    "plane_abrupt": (hyperplane(2000, 5, abrupt=True),
                     {"LogisticRegression": 0.9138, "LogisticRegression, Adam": 0.9128, "HoeffdingAdaptiveTree": 0.8605, "ARFClassifier": 0.8607}),
    "plane_gradual": (hyperplane(1000, 4),
                      {"LogisticRegression": 0.9251, "LogisticRegression, Adam": 0.9226, "HoeffdingAdaptiveTree": 0.8459, "ARFClassifier": 0.8454}),
}
