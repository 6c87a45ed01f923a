"""Object stores on loopback: moto for s3://, gcp-storage-emulator for gs://, each behind a proxy that can be told to fail."""

import http.client
import http.server
import logging
import os
import threading
import time
import urllib.parse

try:
    import boto3
    import moto.server
    http.server.HTTPServer = http.server.ThreadingHTTPServer  # the emulator takes one request at a time, clients send several
    import gcp_storage_emulator.server
except ImportError as missing:
    print(f"skipped: {missing.name} is not there; tools/bootstrap.sh --peers installs it")
    raise SystemExit(77)

logging.getLogger("werkzeug").setLevel(logging.ERROR)
os.environ.update(AWS_ACCESS_KEY_ID="testing-key", AWS_SECRET_ACCESS_KEY="testing-secret", AWS_EC2_METADATA_DISABLED="true")
for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
    os.environ.pop(name, None)


class Proxy:
    """Passes requests on. `fault(method, path)` is asked for each first: None, ("status", code), ("cut", bytes of the answer), ("slow", s)."""

    def __init__(self, port):
        self.fault = lambda method, path: None
        self.requests = []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def body(self):
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                whole = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    whole += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return whole

            def handle_any(self):
                body = self.body()
                proxy.requests.append((self.command, urllib.parse.unquote(self.path)))
                kind, amount = proxy.fault(*proxy.requests[-1]) or ("pass", 0)
                if kind == "status":
                    text = f"<Error><Code>{ {403: 'AccessDenied', 503: 'SlowDown'}.get(amount, 'Fault')}</Code></Error>".encode()
                    self.send_response(amount)
                    self.send_header("Content-Length", "0" if self.command == "HEAD" else str(len(text)))
                    self.end_headers()
                    if self.command != "HEAD":
                        self.wfile.write(text)
                    return
                if kind == "slow":
                    time.sleep(amount)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("transfer-encoding", "connection", "expect")}
                headers["Content-Length"] = str(len(body))
                server = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                server.request(self.command, self.path, body, headers)
                answer = server.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                for key, value in answer.getheaders():
                    if key.lower() not in ("transfer-encoding", "connection", "date", "server", "content-length"):
                        self.send_header(key, value)
                self.send_header("Content-Length", answer.headers.get("Content-Length", str(len(content))) if self.command == "HEAD" else str(len(content)))
                self.end_headers()
                server.close()
                try:
                    self.wfile.write(content[:amount] if kind == "cut" else content)
                except OSError:
                    return
                if kind == "cut":
                    self.close_connection = True

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = handle_any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class S3:
    scheme = "s3"

    def __init__(self):
        self.server = moto.server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        port = self.server.get_host_and_port()[1]
        self.client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1")
        self.client.create_bucket(Bucket="bucket")
        self.proxy = Proxy(port)

    def at(self, key, bucket="bucket", port=None):
        return f"s3://{bucket}/{key}?endpoint_override=127.0.0.1:{port or self.proxy.port}&scheme=http"

    def put(self, key, content):
        self.client.put_object(Bucket="bucket", Key=key, Body=content)

    def get(self, key):
        return self.client.get_object(Bucket="bucket", Key=key)["Body"].read()

    def delete(self, key):
        self.client.delete_object(Bucket="bucket", Key=key)

    def list(self, prefix=""):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix=prefix)
        return sorted(one["Key"] for page in pages for one in page.get("Contents", []))


class GS:
    scheme = "gs"

    def __init__(self):
        self.server = gcp_storage_emulator.server.create_server("127.0.0.1", 0, in_memory=True, default_bucket="bucket")
        self.server._api.daemon = True
        self.server.start()
        while not self.server._api._httpd:
            time.sleep(0.01)
        self.server._api._httpd.handle_error = lambda *_: None
        self.port = self.server._api._httpd.server_address[1]
        self.proxy = Proxy(self.port)

    def at(self, key, bucket="bucket", port=None):
        return f"gs://anonymous@{bucket}/{key}?endpoint_override=127.0.0.1:{port or self.proxy.port}&scheme=http&retry_limit_seconds=6"

    def ask(self, method, path, body=None):
        server = http.client.HTTPConnection("127.0.0.1", self.port)
        server.request(method, path, body, {"Content-Type": "application/octet-stream"})
        answer = server.getresponse()
        content = answer.read()
        assert answer.status < 300, (method, path, answer.status, content)
        return content

    def put(self, key, content):
        self.ask("POST", f"/upload/storage/v1/b/bucket/o?uploadType=media&name={urllib.parse.quote(key, safe='')}",
                 content if isinstance(content, bytes) else content.encode())

    def get(self, key):
        return self.ask("GET", f"/storage/v1/b/bucket/o/{urllib.parse.quote(key, safe='')}?alt=media")

    def delete(self, key):
        self.ask("DELETE", f"/storage/v1/b/bucket/o/{urllib.parse.quote(key, safe='')}")

    def list(self, prefix=""):
        import json
        items = json.loads(self.ask("GET", f"/storage/v1/b/bucket/o?prefix={urllib.parse.quote(prefix, safe='')}")).get("items", [])
        return sorted(one["name"] for one in items)


def both():
    return [S3(), GS()]


def once(method, part, action, times=1):
    """A fault of the first `times` requests of a method whose path has `part`."""
    left = [times]

    def fault(asked, path):
        if asked == method and part in path and left[0] > 0:
            left[0] -= 1
            return action
        return None

    return fault
