"""Poison in a stream of `ringtrain learn`: the live version's accuracy on clean rows falls by less than a point, the quarantine has the rows, and the
audit says why. And what stops promotions: a freeze file, too few rows, a day's number."""

import json
import shutil

import numpy

import online
import streams
from online import jobs


def clean(rows, seed, threshold=8.0):
    return streams.rows_of(*streams.sea(rows, seed, thresholds=(threshold,)), seed=seed)


def flipped(rows, seed):
    """Six of the 200 users (3% of the keys) send five rows each where others send one, all with wrong labels."""
    chance = numpy.random.default_rng(seed)
    wrong = [{**row, "label": 1 - row["label"], "user": f"u{chance.integers(6)}"} for row in clean(len(rows) // 5, seed)]
    return [row for i, good in enumerate(rows) for row in ([good, wrong[i // 5]] if i % 5 == 0 and i // 5 < len(wrong) else [good])]


def far_out(rows):
    return [{**row, "x0": 1e6, "label": 1} if i % 20 == 7 else row for i, row in enumerate(rows)]


def repeated(rows, times=10000):
    return rows[:1000] + [{**rows[1000], "label": 1 - rows[1000]["label"]}] * times + rows[1000:]


def poisoned(folder, name, rows, guard, why, *words, test="test.csv", gain=-0.01):
    """Learns from them, and returns what is in quarantine. `gain`: of the live version on clean rows, at least."""
    base = f"models-{name}"
    shutil.copytree(folder / "models", folder / base)
    before = online.accuracy(f"{folder / base}/online@live", folder / test)
    online.learn(folder, streams.write_csv(folder / f"{name}.csv", rows), name, *words, base=base)
    after = online.accuracy(f"{folder / base}/online@live", folder / test)
    held = [row for row in online.quarantine(folder / name) if row["guard"] == guard]
    assert held and all(why in row["why"] for row in held), held[:2]
    audit = jobs.run("learn", "--audit", folder / name).stdout
    assert f"rows by {guard}, the first" in audit and why in audit, audit
    print(f"{name}: accuracy {before:.4f} -> {after:.4f}, {len(held)} rows in quarantine")
    assert after > before + gain, (name, before, after)
    return held


def unreadable(folder):
    """A row that cannot be read, one that lacks a column, a class that nobody knows: all are told, none is learned from."""
    rows = clean(400, 11)
    lines = [json.dumps(row) for row in rows]
    lines[10:10] = ["{oops", '{"x0": "many", "x1": 1, "x2": 2, "label": 1, "user": "u1"}', '{"x0": 1, "x2": 2, "label": 1, "user": "u1"}',
                    '{"x0": 1, "x1": 1, "x2": 2, "label": "maybe", "user": "u1"}', '{"x0": 1, "x1": 1, "x2": 2, "label": 1}']
    file = folder / "bad.jsonl"
    file.write_text("\n".join(lines) + "\n")
    online.learn(folder, file, "bad", "--set", "learn.candidate_rows=100000")
    held = online.quarantine(folder / "bad")
    for row, part in zip(held, ("expected a JSON object", "'x0': expected a number, got 'many'", "'x1': it is not there", "the class 'maybe' is not one",
                                "'user': it has no value"), strict=True):
        assert row["guard"] == "schema" and part in row["why"], (row, part)
        assert row["row"] in lines and row["offset"] == sum(len(line) + 1 for line in lines[:lines.index(row["row"])]), row
    nothing = folder / "nothing.jsonl"
    nothing.write_text('{"a": 1}\n' * 50)
    assert "none of 50 rows could be learned from; the first: nothing.jsonl at byte 0" in online.learn(folder, nothing, "nothing", expect=3).stderr


def promotions(folder):
    """What is better is not made live while something stands against it."""
    rows = streams.rows_of(*streams.sea(2600, 12, thresholds=(12.0,)), seed=12)
    days = [{**row, "day": f"2026-01-{1 + i // 1300:02}"} for i, row in enumerate(rows)]
    file = streams.write_csv(folder / "days.csv", days)

    def decisions(name, *words):
        shutil.copytree(folder / "models", folder / f"models-{name}")
        online.learn(folder, file, name, "--set", "learn.candidate_rows=400", "--overwrite", *words, base=f"models-{name}")
        return online.entries(folder / name, "decision")

    (folder / "frozen").mkdir()
    (folder / "frozen/freeze").touch()
    frozen = decisions("frozen")
    assert not any(one["promoted"] for one in frozen) and any(one["why"] == "it is better, but the freeze file is there" for one in frozen), frozen
    assert not (folder / "models-frozen/online/2").exists()
    few = decisions("few", "--set", "learn.guards.least_rows=250")
    assert [one["promoted"] for one in few[:2]] == [False, False] and "fewer than learn.guards.least_rows (250)" in few[0]["why"] + few[1]["why"], few
    daily = decisions("daily", "--set", "learn.guards.promotions_a_day=1", "--set", "learn.guards.time=day", "--set", "learn.guards.least_rows=20")
    made = [one["step"] for one in daily if one["promoted"]]
    assert len(made) == 2 and any("as many as learn.guards.promotions_a_day allows" in one["why"] for one in daily), daily


def limited(folder):
    """A step changes the weights by no more than it may; beyond the distance learning begins again with the version."""
    file = streams.write_csv(folder / "limited.csv", streams.rows_of(*streams.sea(600, 13, thresholds=(12.0,)), seed=13))
    words = ("--set", "learn.candidate_rows=100000", "--set", "learn.checkpoint_steps=1", "--set", "trainer.checkpoint.keep=100")
    online.learn(folder, file, "short-steps", *words, "--set", "learn.limits.update_norm=0.01", "--set", "learn.limits.learning_rate=0.005")
    checkpoints = folder / "short-steps/checkpoints"
    steps = sorted(int(one.name[5:]) for one in checkpoints.iterdir() if one.name.startswith("step-"))
    whole = [numpy.concatenate([value.ravel() for _, value in sorted(jobs.weights(folder / "short-steps", step).items())]) for step in steps]
    moved = [float(numpy.linalg.norm(b - a)) for a, b in zip(whole, whole[1:])]
    assert steps == list(range(len(steps))) and max(moved) < 0.01001 and min(moved) > 0.005, moved
    online.learn(folder, file, "tethered", *words, "--set", "learn.limits.distance=0.02")
    resets = online.entries(folder / "tethered", "reset")
    assert resets and all(one["distance"] > 0.02 for one in resets)
    first, at = jobs.weights(folder / "tethered", 0), jobs.weights(folder / "tethered", resets[0]["step"])
    assert all((first[name] == value).all() for name, value in at.items())


def main():
    with jobs.Folder() as folder:
        online.first_version(folder, clean(3000, 1))
        streams.write_csv(folder / "test.csv", clean(3000, 99))
        rows = clean(3000, 2)
        poisoned(folder, "flipped", flipped(rows, 3), "key", "of the same user", "--set", "learn.guards.key_share=0.01")
        # The good rows among them teach what has changed.
        streams.write_csv(folder / "changed.csv", clean(3000, 98, 12.0))
        poisoned(folder, "far", far_out(clean(3000, 4, 12.0)), "range", "deviations from what the model was trained on", test="changed.csv", gain=0.1)
        held = poisoned(folder, "repeated", repeated(rows), "key", "equal to it", "--set", "learn.guards.key=", "--set", "learn.guards.key_share=0.02")
        assert len(held) > 9000, len(held)
        unreadable(folder)
        promotions(folder)
        limited(folder)
    print("no poison came through")


main()
