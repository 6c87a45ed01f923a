"""A version that is tried before it is live, under load: a shadow is unseen; a canary's shares are those of its plan and no key changes its side back; a
worse one is rolled back, by its scores and by feedback; a server that is killed in the middle of a plan goes on with it; what cannot be tried is refused."""

import http.client
import json
import math
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from serving import Server, numeric_rows  # noqa: E402

PREDICT = "/v1/models/cancer:predict"


def train(folder, name, *options):
    jobs.run("train", "configs/cancer.yaml", "--job-dir", folder / name, *jobs.sets(trainer__epochs=5), *options)
    return folder / name / "export" / "cancer" / "1"


def flipped(folder):
    """The rows of cancer.csv with the labels exchanged."""
    lines = (jobs.SOURCE / "datasets/cancer.csv").read_text().splitlines()
    place = lines[0].split(",").index(target())
    cells = [line.split(",") for line in lines[1:]]
    labels = sorted({row[place] for row in cells})
    for row in cells:
        row[place] = labels[1 - labels.index(row[place])]
    (folder / "flipped.csv").write_text("\n".join([lines[0], *(",".join(row) for row in cells)]) + "\n")
    return folder / "flipped.csv"


def target():
    for line in (jobs.SOURCE / "configs/cancer.yaml").read_text().splitlines():
        if line.strip().startswith("target:"):
            return line.split(":", 1)[1].split("#")[0].strip()
    raise AssertionError("configs/cancer.yaml names no target")


def repository(folder, name, *versions):
    """A model with versions 1, 2, … of these exports; version 1 is live."""
    model = folder / name / "cancer"
    model.mkdir(parents=True)
    for number, source in enumerate(versions, 1):
        shutil.copytree(source, model / str(number))
    jobs.run("versions", "promote", model, 1)
    return model


class Load(threading.Thread):
    """Asks with a key of its own in each request, over and over, and keeps who answered: by the two versions' answers to the same row."""

    def __init__(self, port, row, keys, ended):
        super().__init__()
        self.port, self.row, self.keys, self.ended = port, row, keys, ended
        self.seen, self.failures = [], []

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.ended.is_set():
            for key in self.keys:
                try:
                    connection.request("POST", PREDICT, json.dumps({"instances": [{**self.row, "customer": key}]}))
                    reply = connection.getresponse()
                    text = reply.read()
                except OSError:
                    connection.close()
                    time.sleep(0.05)
                    continue
                if reply.status == 200:
                    self.seen.append((time.monotonic(), key, round(json.loads(text)["predictions"][0]["probabilities"][1], 5)))
                else:
                    self.failures.append((reply.status, text[:200]))


class Traffic:
    def __init__(self, port, row, threads=3, keys=100):
        self.ended = threading.Event()
        self.loads = [Load(port, row, [f"c{t}-{k}" for k in range(keys)], self.ended) for t in range(threads)]

    def __enter__(self):
        for load in self.loads:
            load.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for load in self.loads:
            load.join()

    def failures(self):
        return [failure for load in self.loads for failure in load.failures]

    def seen(self):
        return sorted(item for load in self.loads for item in load.seen)


def decisions(model):
    file = model / "decisions.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def events(model):
    return [decision["event"] for decision in decisions(model)]


def live_of(model):
    return json.loads((model / "versions.json").read_text())["live"]


def answers_of(model, row):
    (model.parent / "row.jsonl").write_text(json.dumps(row) + "\n")
    answers = {}
    for version in (1, 2):
        line = jobs.run("predict", model / str(version), "--json-instances", model.parent / "row.jsonl").stdout
        answers[round(json.loads(line)["probabilities"][1], 5)] = version
    assert len(answers) == 2, answers
    return answers


def canary(model, plan, *options, expect=0):
    return jobs.run("versions", "canary", model, 2, "--plan", plan, *options, expect=expect)


def promoted_by_its_plan(folder, good, other, row):
    """No request fails, the shares are right, and no key goes back to the live version."""
    model = repository(folder, "plan", good, other)
    version_of = answers_of(model, row)
    with Server(model.parent, "--poll-seconds", "0.1") as server, Traffic(server.port, row) as traffic:
        done = canary(model, "10% 3s, 50% 3s, 100%", "--key", "customer", "--distance", "100", "--p99", "100", "--min-requests", "50")
        assert "'customer' is no column of the model" in done.stdout, done.stdout
        server.until(lambda: "promoted" in events(model), 90)
        server.until(lambda: server.ask("/v1/models/cancer/metadata")["model_spec"]["version"] == "2")
        time.sleep(1.5)
    assert not traffic.failures(), traffic.failures()[:3]
    assert events(model) == ["begun", "stage", "stage", "promoted"] and live_of(model) == 2, events(model)
    assert not (model / "rollout.json").exists()
    sides = {}
    for _, key, probability in traffic.seen():
        sides.setdefault(key, []).append(version_of[probability])
    back = {key: versions for key, versions in sides.items() if versions != sorted(versions)}
    assert not back, list(back.items())[:2]
    assert all(versions[-1] == 2 for versions in sides.values())
    # The 300 keys come in turns, so that the share of requests is that of keys, which is a binomial's.
    for decision, share in zip(decisions(model)[1:3], (0.1, 0.5), strict=True):
        live, tried = (decision["sides"][side]["requests"] for side in ("live", "candidate"))
        assert abs(tried / (live + tried) - share) < 4 * math.sqrt(share * (1 - share) / 300) + 0.03, decision
    assert len(traffic.seen()) > 1000, len(traffic.seen())


def goes_on_after_a_kill(folder, good, other, row):
    model = repository(folder, "kill", good, other)
    with Server(model.parent, "--poll-seconds", "0.1") as server, Traffic(server.port, row):
        canary(model, "10% 8s, 50% 1s, 100%", "--distance", "100", "--p99", "100", "--min-requests", "20")
        server.until(lambda: json.loads((model / "rollout.json").read_text())["progress"]["seconds"] > 2)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
    before = json.loads((model / "rollout.json").read_text())["progress"]
    assert before["stage"] == 0 and before["candidate_total"][0] > 0, before
    time.sleep(1)  # does not count
    with Server(model.parent, "--poll-seconds", "0.1") as server, Traffic(server.port, row):
        begin = time.monotonic()
        server.until(lambda: "stage" in events(model), 90)
        assert 8 - before["seconds"] - 1 < time.monotonic() - begin, (before["seconds"], time.monotonic() - begin)
        server.until(lambda: "promoted" in events(model), 90)
    assert events(model) == ["begun", "stage", "stage", "promoted"], events(model)
    assert decisions(model)[1]["candidate_requests"] > before["candidate_total"][0]


def rolled_back(folder, good, worse, row, rule, *options):
    model = repository(folder, rule, good, worse)
    with Server(model.parent, "--poll-seconds", "0.1") as server, Traffic(server.port, row):
        canary(model, "30% 60s, 100%", "--min-requests", "50", *options)
        server.until(lambda: "rolled back" in events(model), 90)
        assert server.ask("/v1/models/cancer/metadata")["model_spec"]["version"] == "1"
        server.until(lambda: server.ask("/v1/rollouts") == {})
    last = decisions(model)[-1]
    assert last["reason"].startswith(rule + ": ") and live_of(model) == 1, last
    assert last["reason"] in jobs.run("versions", model).stdout


def by_feedback(folder, good, worse, rows):
    """Labels of requests tell the worse version."""
    model = repository(folder, "feedback", good, worse)
    (model.parent / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = jobs.run("predict", model / "1", "--json-instances", model.parent / "rows.jsonl").stdout.splitlines()
    labels = [json.loads(line)["label"] for line in lines]
    with Server(model.parent, "--poll-seconds", "0.1", "--log-folder", folder / "feedback-log") as server:
        canary(model, "50% 60s, 100%", "--distance", "100", "--p99", "100")
        server.until(lambda: "cancer" in server.ask("/v1/rollouts"))
        for request in range(400):
            if "rolled back" in events(model):
                break
            name, place = f"request-{request}", request % len(rows)
            server.ask(PREDICT, {"instances": [rows[place]]}, headers={"X-Request-Id": name})
            server.ask("/v1/feedback", {"model": "cancer", "request_id": name, "label": labels[place]})
        server.until(lambda: "rolled back" in events(model))
    assert decisions(model)[-1]["reason"].startswith("feedback: by feedback version 2 is worse"), decisions(model)[-1]


def shadow(folder, good, worse, row):
    model = repository(folder, "shadow", good, worse)
    version_of = answers_of(model, row)
    with Server(model.parent, "--poll-seconds", "0.1") as server:
        jobs.run("versions", "shadow", model, 2)
        server.until(lambda: "cancer" in server.ask("/v1/rollouts"))
        with Traffic(server.port, row) as traffic:
            server.until(lambda: server.ask("/v1/rollouts")["cancer"].get("compared", 0) > 600)
        assert not traffic.failures() and {version_of[probability] for _, _, probability in traffic.seen()} == {1}
        server.until(lambda: server.ask("/v1/rollouts")["cancer"]["compared"] + server.ask("/v1/rollouts")["cancer"]["dropped"] == len(traffic.seen()))
        told = server.ask("/v1/rollouts")["cancer"]
        assert told["agreement"] == 0 and told["distance"] > 0.25, told  # exchanged labels
        assert 'ringtrain_rollout_agreement{model="cancer",version="2",kind="shadow"} 0' in server.ask("/metrics")
        server.until(lambda: "the same answer to 0%" in jobs.run("versions", model).stdout)
        assert "is a shadow already" in canary(model, "100%", expect=2).stderr
        jobs.run("versions", "shadow", model, "--stop")
        server.until(lambda: server.ask("/v1/rollouts") == {})
    assert events(model) == ["begun", "stopped"], events(model)


def refused(folder, good, other):
    model = repository(folder, "refused", good, other)
    assert "version 1 is live already" in jobs.run("versions", "canary", model, 1, "--plan", "100%", expect=2).stderr
    wrong = canary(model, "5%, 3% 1m", "--errors", "200%", "--p99", "0.5", expect=2).stderr
    assert all(word in wrong for word in ("'5%'", "--errors", "--p99")), wrong
    assert "there is no canary to stop" in jobs.run("versions", "canary", model, "--stop", expect=2).stderr
    (model / "2/model.pt").write_bytes(b"damaged")
    assert "is damaged" in canary(model, "100%", expect=6).stderr
    assert not (model / "rollout.json").exists() and events(model) == []


def main():
    with jobs.Folder() as folder:
        good = train(folder, "good")
        other = train(folder, "other", *jobs.sets(seed=9))
        worse = train(folder, "worse", "--train-file", flipped(folder))
        _, rows = numeric_rows(good, 60)
        refused(folder, good, other)
        shadow(folder, good, worse, rows[0])
        promoted_by_its_plan(folder, good, other, rows[0])
        goes_on_after_a_kill(folder, good, other, rows[0])
        rolled_back(folder, good, worse, rows[0], "distance", "--p99", "100")
        by_feedback(folder, good, worse, rows)
    print("versions are tried beside the live one, and only good ones become live")


main()
