"""The life of a model that is served, by the commands of docs/living-models.md: train, serve, keep what is asked and what came to be true, see that it
has drifted, learn on, try the new version as a shadow and as a canary, make it live; a spoilt version is rolled back by itself, and one that was made
live by hand is brought back by a person."""

import json
import os
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent / "support"), str(Path(__file__).parent / "learn")]
import jobs  # noqa: E402
import online  # noqa: E402
import streams  # noqa: E402
from serving import Server  # noqa: E402

ROWS = 10  # of a request


def old_rows(count, seed):
    return streams.rows_of(*streams.sea(count, seed, thresholds=(8.0,), noise=0.02), seed=seed)


def new_rows(count, seed):
    """Another concept, and larger numbers than before."""
    values, labels = streams.sea(count, seed, thresholds=(12.0,), noise=0.02)
    return [{**row, "x2": round(row["x2"] * 0.5 + 6, 6)} for row in streams.rows_of(values, labels, seed=seed)]


class Clients:
    """Who asks, and tells later what was true."""

    def __init__(self, server):
        self.server, self.requests, self.right, self.rows = server, 0, 0, 0

    def ask(self, rows, truth=True, size=ROWS):
        for begin in range(0, len(rows), size):
            some = rows[begin:begin + size]
            name = f"request-{self.requests}"
            self.requests += 1
            given = [{key: value for key, value in row.items() if key != "label"} for row in some]
            answers = self.server.ask("/v1/models/online:predict", {"instances": given}, headers={"X-Request-Id": name})["predictions"]
            self.rows += len(some)
            self.right += sum(answer["label"] == str(row["label"]) for answer, row in zip(answers, some, strict=True))
            if truth:
                told = self.server.ask("/v1/feedback", {"model": "online", "request_id": name, "labels": [row["label"] for row in some]})
                assert told["kept"] == len(some), told


def known(folder, log, rows, name):
    """What the log has, with its truth, as soon as all of it is written."""
    file = folder / name
    end = time.monotonic() + 30
    while True:
        said = jobs.run("serve-log", "export", log, "--labelled", "--output", file, expect=None)
        if f"{rows:,} with a label" in said.stdout + said.stderr or f"{rows} with a label" in said.stdout + said.stderr:
            return file
        assert time.monotonic() < end, said.stdout + said.stderr
        time.sleep(0.2)


def drift(model, data, *words):
    done = jobs.run("drift", model, data, "--json", *words, expect=None)
    assert done.returncode in (0, 1, 2), done.stderr
    return done.returncode, json.loads(done.stdout)


def live(model):
    return json.loads((model / "versions.json").read_text())["live"]


def events(model):
    file = model / "decisions.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def answering(server):
    """The version that answers who names none."""
    inputs = [{"name": "numeric", "datatype": "FP64", "shape": [1, 3], "data": [1, 2, 3]}]
    return int(server.ask("/v2/models/online/infer", {"inputs": inputs})["model_version"])


def until(server, clients, rows, condition, size=1):
    """Traffic goes on until something is so."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "".join(server.lines)
        clients.ask(rows, truth=False, size=size)


def main():
    with jobs.Folder() as folder:
        model = online.first_version(folder, old_rows(1500, 1))
        jobs.run("versions", "promote", model, 1)
        log = folder / "logs"
        with Server(folder / "models", "--log-folder", log, "--set", "log.rotate_seconds=0.2", "--set", "log.key=user") as server:
            clients = Clients(server)
            # As in training: nothing has drifted.
            clients.ask(old_rows(600, 2))
            before = clients.right / clients.rows
            code, found = drift(f"{model}@live", known(folder, log, 600, "june.csv"))
            assert before > 0.9 and code == 0, (before, code, found)
            # The world changes.
            clients.right = clients.rows = 0
            clients.ask(new_rows(2500, 3))
            after = clients.right / clients.rows
            file = known(folder, log, 3100, "july.csv")
            page = folder / "drift.html"
            code, found = drift(f"{model}@live", file, "--html", page)
            assert after < before - 0.1 and code == 2 and "<svg" in page.read_text(), (before, after, code)
            # It learns on from what was asked, and tries what it learned.
            said = online.learn(folder, file, "job", "--set", "learn.guards.key=request.key").stdout
            assert "made live" in said, said
            learned = live(model)
            assert learned > 1
            jobs.run("versions", "promote", model, 1)  # for the sake of the trial
            server.until(lambda: answering(server) == 1)
            some = new_rows(300, 4)
            jobs.run("versions", "shadow", model, learned)
            server.until(lambda: "online" in server.ask("/v1/rollouts"))
            until(server, clients, some, lambda: server.ask("/v1/rollouts")["online"].get("compared", 0) > 300)
            told = server.ask("/v1/rollouts")["online"]
            assert 0.5 < told["agreement"] < 0.99 and live(model) == 1, told
            jobs.run("versions", "shadow", model, "--stop")
            server.until(lambda: "online" not in server.ask("/v1/rollouts"))
            jobs.run("versions", "canary", model, learned, "--plan", "50% 1s, 100% 1s", "--key", "user", "--distance", "1000", "--p99", "1000", "--min-requests", "50")
            server.until(lambda: "online" in server.ask("/v1/rollouts"))
            until(server, clients, some, lambda: live(model) == learned)
            assert events(model)[-1]["event"] == "promoted", events(model)
            # A spoilt version: its labels were turned.
            turned = [{**row, "label": 1 - row["label"]} for row in new_rows(1500, 5)]
            jobs.run("train", folder / "online.yaml", "--train-file", streams.write_csv(folder / "turned.csv", turned), "--job-dir", folder / "turned",
                     "--set", f"export.repository={folder / 'models'}")
            spoilt = max(int(one.name) for one in model.iterdir() if one.name.isdigit())
            assert spoilt > learned and live(model) == learned
            jobs.run("versions", "canary", model, spoilt, "--plan", "50% 1h, 100%", "--min-requests", "50")
            server.until(lambda: "online" in server.ask("/v1/rollouts"))
            until(server, clients, some, lambda: events(model)[-1]["event"] == "rolled back")
            assert live(model) == learned and "distance" in events(model)[-1]["reason"], events(model)[-1]
            # Made live by hand, and brought back.
            rates = []
            for words in (("promote", model, spoilt), ("rollback", model)):
                jobs.run("versions", *words)
                number = live(model)
                server.until(lambda: answering(server) == number)
                clients.right = clients.rows = 0
                clients.ask(some, truth=False)
                rates.append(clients.right / clients.rows)
            assert rates[0] < 0.3 and rates[1] > 0.9 and live(model) == learned, rates
        print(f"accuracy {before:.3f}, after the change {after:.3f}, of the version that learned on {rates[1]:.3f}; {len(events(model))} decisions")


if __name__ == "__main__":
    os.chdir(jobs.SOURCE)
    main()
