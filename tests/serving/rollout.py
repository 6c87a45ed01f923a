"""Versions that are tried before they are live, under load, over every interface: a shadow is unseen; a canary has its plan's share, and no key
goes back to the live version, also where the server is killed in the middle; what is worse, slower or fails is rolled back; what cannot be tried
is refused. RINGTRAIN_SOAK=1: for minutes, with many kills."""

import datetime
import http.client
import json
import math
import os
import shutil
import signal
import sys
import threading
import time
import zipfile
from pathlib import Path

import numpy
import tritonclient.grpc

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
import jobs  # noqa: E402
from serving import Server, numeric_rows  # noqa: E402

SOAK = bool(os.environ.get("RINGTRAIN_SOAK"))
KILLS = 8 if SOAK else 1
# What a version's code is changed to: (what stands there, what comes instead).
INPUTS, ANSWERS = "    v0 = torch.mul(_0, b0)\n", "    _1 = [torch.add(torch.neg(scores0), 1), scores0]\n"
OTHER = (INPUTS, INPUTS + "    v0 = torch.mul(v0, 0.98)\n")
WORSE = (ANSWERS, "    scores0 = torch.add(torch.neg(scores0), 1)\n" + ANSWERS)
SLOW = (INPUTS, INPUTS + "    many = torch.matmul(torch.expand(torch.slice(v0, 0, 0, 1), [250, -1]), torch.expand(torch.reshape(torch.slice(v0, 0, 0, 1), [-1, 1]), [-1, 250]))\n"
        + "    many = torch.matmul(torch.matmul(torch.matmul(many, many), many), many)\n" * 3
        + "    v0 = torch.add(v0, torch.mul(torch.mean(torch.clamp(many, 0, 1)), 0))\n")
FAILING = (INPUTS, INPUTS + "    if bool(torch.any(torch.gt(torch.select(numeric, 1, 0), 16.))):\n"
           '      ops.prim.RaiseException("this row cannot be answered")\n    else:\n      pass\n')


def changed(source, folder, change):
    """The export with other code, whose hash is not kept."""
    old, new = change
    shutil.copytree(source, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["model.pt"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "warmup.json").unlink(missing_ok=True)
    with zipfile.ZipFile(source / "model.pt") as before, zipfile.ZipFile(folder / "model.pt", "w") as after:
        for item in before.infolist():
            data = before.read(item)
            if item.filename.endswith("code/__torch__/ringtrain.py"):
                assert data.decode().count(old) == 1, data.decode()
                data = data.decode().replace(old, new).encode()
            if not item.filename.endswith(".debug_pkl"):
                after.writestr(item, data)


def train(folder):
    jobs.run("train", "configs/cancer.yaml", "--job-dir", folder / "job", *jobs.sets(trainer__epochs=6))
    return folder / "job" / "export" / "cancer" / "1"


def repository(folder, good, **changes):
    """Models of version 1, which is live, and version 2."""
    for name, change in changes.items():
        shutil.copytree(good, folder / name / "1")
        changed(good, folder / name / "2", change)
    first, *others = changes
    jobs.run("versions", "promote", folder / first, 1)
    for name in others:
        shutil.copy(folder / first / "versions.json", folder / name)


def decisions(model):
    file = model / "decisions.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def events(model):
    return [decision["event"] for decision in decisions(model)]


def moment(decision):
    return datetime.datetime.fromisoformat(decision["time"].removesuffix("Z") + "+00:00").timestamp()


def live_of(model):
    return json.loads((model / "versions.json").read_text())["live"]


def versions(*arguments, expect=0):
    return jobs.run("versions", *arguments, expect=expect)


def canary(model, plan, *options, expect=0):
    return versions("canary", model, 2, "--plan", plan, *options, expect=expect)


def tensors(row, key=None):
    """A request of version 2 of the protocol."""
    inputs = [{"name": "numeric", "datatype": "FP64", "shape": [1, len(row)], "data": list(row.values())}]
    if key is not None:
        inputs.append({"name": "customer", "datatype": "BYTES", "shape": [1], "data": [key]})
    return {"inputs": inputs}


class Connection(http.client.HTTPConnection):
    def post(self, path, body):
        self.request("POST", path, json.dumps(body))
        reply = self.getresponse()
        text = reply.read()
        return reply.status, json.loads(text) if reply.status == 200 else text[:200]


class Load(threading.Thread):
    """Asks one model over and over, over /v1 and /v2 in turns, and keeps who answered. Lost connections are counted apart: the server may be killed."""

    def __init__(self, place, model, rows, keys=(None,), pause=0.0):
        super().__init__(daemon=True)
        self.place, self.model, self.rows, self.keys, self.pause = place, model, rows, keys, pause
        self.ended, self.seen, self.failures, self.lost = threading.Event(), [], [], 0

    def run(self):
        connection, count = None, 0
        while not self.ended.is_set():
            try:
                if connection is None or connection.port != self.place["port"]:
                    connection = Connection("127.0.0.1", self.place["port"], timeout=30)
                self.ask(connection, count)
                count += 1
            except (OSError, http.client.HTTPException):
                connection = None
                self.lost += 1
                time.sleep(0.05)
            time.sleep(self.pause)

    def ask(self, connection, count):
        key, row = self.keys[count % len(self.keys)], self.rows[count % len(self.rows)]
        status, answer = connection.post(f"/v2/models/{self.model}/infer", tensors(row, key))
        self.seen.append((time.time(), key, int(answer["model_version"]))) if status == 200 else self.failures.append((status, answer))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()


def near(count, of, share):
    """Within four standard deviations of the binomial."""
    return abs(count - of * share) <= 4 * math.sqrt(of * share * (1 - share)) + 1


def refused(folder, good):
    models = folder / "refused"
    repository(models, good, one=OTHER)
    model = models / "one"
    assert "version 1 is live already" in versions("canary", model, 1, "--plan", "100%", expect=2).stderr
    wrong = canary(model, "5%, 3% 1m", "--errors", "200%", "--p99", "0.5", expect=2).stderr
    assert all(word in wrong for word in ("'5%'", "--errors", "--p99")), wrong
    assert "there is no canary to stop" in versions("canary", model, "--stop", expect=2).stderr
    manifest = json.loads((model / "2/manifest.json").read_text())
    (model / "2/manifest.json").write_text(json.dumps({**manifest, "files": {**manifest["files"], "model.pt": "0"}}))
    assert "is damaged" in canary(model, "100%", expect=6).stderr
    assert not (model / "rollout.json").exists() and events(model) == []


def every_interface(server, grpc_port, model, rows):
    """A key has one side over /v1, /v2 and gRPC; without it ids choose; requests for a version get that one."""
    canary(model, "40% 1h, 100%", "--key", "customer", "--distance", "1000", "--p99", "1000")
    server.until(lambda: "keys" in server.ask("/v1/rollouts"))
    row, connection = rows[0], Connection("127.0.0.1", server.port, timeout=30)
    client = tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{grpc_port}")

    def by_grpc(key):
        inputs = []
        for given in tensors(row, key)["inputs"]:
            inputs.append(tritonclient.grpc.InferInput(given["name"], given["shape"], given["datatype"]))
            array = numpy.array(given["data"], object if given["datatype"] == "BYTES" else None).reshape(given["shape"])
            inputs[-1].set_data_from_numpy(array)
        return int(client.infer("keys", inputs).get_response().model_version)

    answers = {number: connection.post(f"/v1/models/keys/versions/{number}:predict", {"instances": [row]})[1]["predictions"][0]["probabilities"] for number in (1, 2)}
    assert answers[1] != answers[2]
    sides = {}
    for number in range(100):
        key = f"customer {number}"
        status, by_v2 = connection.post("/v2/models/keys/infer", tensors(row, key))
        assert status == 200, by_v2
        status, by_v1 = connection.post("/v1/models/keys:predict", {"instances": [{**row, "customer": key}]})
        assert status == 200 and by_v1["predictions"][0]["probabilities"] == answers[int(by_v2["model_version"])], (by_v1, by_v2)
        status, by_column = connection.post("/v1/models/keys:predict", {"inputs": {**{name: [value] for name, value in row.items()}, "customer": [key]}})
        assert status == 200 and by_column["outputs"]["probabilities"][0] == answers[int(by_v2["model_version"])], by_column
        assert by_grpc(key) == int(by_v2["model_version"])
        sides[key] = int(by_v2["model_version"])
    assert near(list(sides.values()).count(2), len(sides), 0.4), sides
    assert connection.post("/v1/models/keys/versions/1:predict", {"instances": [{**row, "customer": "1"}]})[0] == 200
    by_id = [int(connection.post("/v2/models/keys/infer", tensors(row))[1]["model_version"]) for _ in range(300)]
    assert near(by_id.count(2), len(by_id), 0.4), by_id.count(2)
    told = server.ask("/v1/rollouts")["keys"]
    assert told["without_key"] == 300 and told["live_requests"] + told["candidate_requests"] == 4 * 100 + 300, told
    assert told["candidate_requests"] == by_id.count(2) + 4 * list(sides.values()).count(2), told
    assert 'ringtrain_rollout_share{model="keys",version="2",kind="canary"} 0.4' in server.ask("/metrics")
    assert "is a canary already" in versions("shadow", model, 2, expect=2).stderr
    versions("canary", model, "--stop")
    server.until(lambda: "keys" not in server.ask("/v1/rollouts"))
    # Clients go on with it, to each version; and it is a key of this model alone.
    for path in ("/v2/models/keys/infer", "/v2/models/keys/versions/1/infer"):
        assert connection.post(path, tensors(row, "customer 1"))[0] == 200
    assert connection.post("/v1/models/keys:predict", {"instances": [{**row, "customer": "1"}]})[0] == 200
    assert connection.post("/v2/models/feedback/infer", tensors(row, "customer 1"))[0] == 400
    assert events(model) == ["begun", "stopped"] and live_of(model) == 1


def by_feedback(server, model, rows):
    """Labels of requests tell the worse version."""
    (model.parent.parent / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = jobs.run("predict", model / "1", "--json-instances", model.parent.parent / "rows.jsonl").stdout.splitlines()
    labels = [json.loads(line)["label"] for line in lines]
    canary(model, "50% 1h, 100%", "--distance", "1000", "--p99", "1000")
    server.until(lambda: "feedback" in server.ask("/v1/rollouts"))
    for request in range(400):
        if "rolled back" in events(model):
            break
        name, place = f"request-{request}", request % len(rows)
        server.ask("/v1/models/feedback:predict", {"instances": [rows[place]]}, headers={"X-Request-Id": name})
        server.ask("/v1/feedback", {"model": "feedback", "request_id": name, "label": labels[place]})
    server.until(lambda: "rolled back" in events(model))
    assert decisions(model)[-1]["reason"].startswith("feedback: by feedback version 2 is worse"), decisions(model)[-1]


def shadow(server, model, load):
    """Load goes on; nobody sees the shadow."""
    server.until(lambda: "shadow" in server.ask("/v1/rollouts"))
    server.until(lambda: server.ask("/v1/rollouts")["shadow"].get("compared", 0) > 600, 60)
    load.ended.set()
    load.join()
    assert not load.failures and {version for _, _, version in load.seen} == {1}, load.failures[:3]

    def all_told():
        told = server.ask("/v1/rollouts")["shadow"]
        return told["compared"] + told["dropped"] == told["sides"]["live"]["requests"]

    server.until(all_told)
    told = server.ask("/v1/rollouts")["shadow"]
    assert told["agreement"] < 0.3 and told["distance"] > 0.25, told  # exchanged labels
    assert told["sides"]["candidate"]["requests"] == told["compared"] and told["sides"]["candidate"]["run_p99_ms"] > 0, told
    assert 'ringtrain_rollout_agreement{model="shadow",version="2",kind="shadow"} 0.' in server.ask("/metrics")
    server.until(lambda: json.loads((model / "rollout.json").read_text())["progress"]["compared"] == told["compared"])
    assert "the same answer to " in versions(model).stdout
    assert "is a shadow already" in canary(model, "100%", expect=2).stderr
    versions("shadow", model, "--stop")
    server.until(lambda: "shadow" not in server.ask("/v1/rollouts"))
    assert events(model) == ["begun", "stopped"], events(model)


def rolled_back(server, model, rule, load):
    server.until(lambda: "rolled back" in events(model), 90)
    server.until(lambda: model.name not in server.ask("/v1/rollouts"))
    last = decisions(model)[-1]
    assert last["reason"].startswith(rule + ": ") and live_of(model) == 1 and not (model / "rollout.json").exists(), last
    ended = time.time() + 0.3
    server.until(lambda: load.seen[-1][0] > ended)
    assert {version for when, _, version in load.seen if when > ended} == {1}
    load.ended.set()
    load.join()
    return last["reason"]


def stages_were_kept(model, load, begun, plan):
    """Of each stage, by the clients' own account: the share of the keys, and that none goes back."""
    keys, ends = set(load.keys), [begun]
    for decision in decisions(model)[1:]:
        ends.append(moment(decision))
    by_key = {}
    for _, key, version in load.seen:
        by_key.setdefault(key, []).append(version)
    back = {key: seen for key, seen in by_key.items() if seen != sorted(seen)}
    assert not back, list(back.items())[:2]
    assert all(seen[-1] == 2 for seen in by_key.values()) and by_key.keys() == keys
    for share, begin, end in zip(plan, ends, ends[1:]):
        asked = {key: version for when, key, version in load.seen if begin <= when < end}
        tried = list(asked.values()).count(2)
        assert len(asked) > 100 and near(tried, len(asked), share), (share, tried, len(asked))
    return len(load.seen)


def killed_in_its_plan(folder, good, rows, place):
    """A plan with a server that is killed in its first stage, again and again."""
    model, seconds = folder / "models/plan", 5 * KILLS
    load = Load(place, "plan", rows, [f"c{number}" for number in range(300)], pause=0 if SOAK else 0.001)
    with Server(folder / "models", "--poll-seconds", "0.1") as server:
        place["port"] = server.port
        done = canary(model, f"10% {seconds}s, 50% 3s, 100%", "--key", "customer", "--distance", "1000", "--p99", "1000", "--min-requests", "50")
        assert "'customer' is no column of the model" in done.stdout, done.stdout
        server.until(lambda: "plan" in server.ask("/v1/rollouts"))
        begun = time.time()
        load.start()
        server.until(lambda: json.loads((model / "rollout.json").read_text())["progress"]["seconds"] > 2)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
    for _ in range(KILLS - 1):
        with Server(folder / "models", "--poll-seconds", "0.1") as server:
            place["port"] = server.port
            before = json.loads((model / "rollout.json").read_text())["progress"]["seconds"]
            server.until(lambda: json.loads((model / "rollout.json").read_text())["progress"]["seconds"] > before + 2)
            os.kill(server.process.pid, signal.SIGKILL)
            server.process.wait()
    before = json.loads((model / "rollout.json").read_text())["progress"]
    assert before["stage"] == 0 and before["candidate_total"][0] > 0 and before["seconds"] < seconds, before
    return load, begun, before


def main():
    with jobs.Folder() as folder:
        good = train(folder)
        _, rows = numeric_rows(good, 569)
        refused(folder, good)
        models = folder / "models"
        repository(models, good, plan=OTHER, keys=OTHER, shadow=WORSE, distance=WORSE, feedback=WORSE, slow=SLOW, failing=FAILING)
        place = {}
        plan, begun, before = killed_in_its_plan(folder, good, rows, place)
        with Server(models, "--poll-seconds", "0.1", "--threads", "2", "--grpc-port", "0", "--log-folder", folder / "log") as server:
            place["port"] = server.port
            restarted = time.time()
            server.until(lambda: any("gRPC" in line for line in server.lines))
            (grpc_port,) = [int(line.split("127.0.0.1:")[1].split()[0]) for line in server.lines if "gRPC 127.0.0.1:" in line]
            every_interface(server, grpc_port, models / "keys", rows)
            server.until(lambda: "promoted" in events(models / "plan"), 120)
            server.until(lambda: server.ask("/v1/models/plan/metadata")["model_spec"]["version"] == "2")
            time.sleep(1.5)  # clients send their keys on
            plan.ended.set()
            plan.join()
            stage = decisions(models / "plan")[1]
            assert stage["seconds"] >= 5 * KILLS and stage["candidate_requests"] > before["candidate_total"][0], stage
            assert moment(stage) - restarted > 5 * KILLS - before["seconds"] - 1, "time counts while it is served"
            versions("shadow", models / "shadow", 2)
            canary(models / "distance", "30% 1h, 100%", "--p99", "1000")
            canary(models / "failing", "30% 1h, 100%", "--p99", "1000", "--distance", "1000", "--min-requests", "100")
            with Load(place, "shadow", rows) as load:
                shadow(server, models / "shadow", load)
            with Load(place, "distance", rows) as distance, Load(place, "failing", rows) as failing:
                said = [rolled_back(server, models / "distance", "distance", distance), rolled_back(server, models / "failing", "errors", failing)]
            assert not distance.failures and all(status == 500 and b"could not answer" in text for status, text in failing.failures), failing.failures[:3]
            assert failing.failures
            canary(models / "slow", "30% 1h, 100%", "--distance", "1000", "--min-requests", "60")
            with Load(place, "slow", rows, pause=0.002) as slow, Load(place, "slow", rows, pause=0.002) as more:
                said.append(rolled_back(server, models / "slow", "p99", slow))
            assert said[-1] in versions(models / "slow").stdout
            assert not slow.failures + more.failures
            by_feedback(server, models / "feedback", rows)
        assert events(models / "plan") == ["begun", "stage", "stage", "promoted"] and live_of(models / "plan") == 2, events(models / "plan")
        assert not (models / "plan/rollout.json").exists() and not plan.failures, plan.failures[:3]
        requests = stages_were_kept(models / "plan", plan, begun, (0.1, 0.5))
        assert requests > 1000 * KILLS, requests
    print(f"{requests} requests of a plan, none failed, {plan.lost} lost with a killed server; " + "; ".join(said))


main()
