"""A server that a test starts and asks."""

import csv
import json
import subprocess
import threading
import time
import urllib.error
import urllib.request

import jobs


def numeric_rows(version, count):
    """The names of the columns of a version of the cancer model, and the first rows of its data by name."""
    names = [one["name"] for one in json.loads((version / "manifest.json").read_text())["columns"]]
    with (jobs.SOURCE / "datasets/cancer.csv").open() as file:
        rows = [{name: float(row[name]) for name in names} for row in csv.DictReader(file)]
    return names, rows[:count]


class Server:
    """`ringtrain serve BASE` on a free port."""

    def __init__(self, base, *options, scheme="http"):
        self.process = subprocess.Popen([jobs.RINGTRAIN, "serve", str(base), "--port", "0", *map(str, options)], cwd=jobs.SOURCE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self.lines, self.scheme = [], scheme
        for line in self.process.stdout:
            self.lines.append(line)
            if "Serving http" in line:
                break
        else:
            raise AssertionError("".join(self.lines))
        self.port = int(line.split("127.0.0.1:")[1].split("/")[0])
        threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def ask(self, path, body=None, expect=200, method=None, headers=None, context=None):
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.scheme}://127.0.0.1:{self.port}{path}", data, headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as reply:
                status, text = reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        assert status == expect, (path, status, text)
        return json.loads(text) if text.startswith("{") else text

    def until(self, condition, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "".join(self.lines)
            time.sleep(0.02)
