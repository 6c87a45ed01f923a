"""What one TCP stream carries: tcp_bandwidth.py receive | send ADDRESS. The receiver prints bytes a second, without the first half second."""

import socket
import sys
import time

PORT, WARM_UP_S, SECONDS = 29600, 0.5, 2.0


def receive():
    with socket.create_server(("", PORT)) as server:
        print("ready", flush=True)
        connection, _ = server.accept()
        begin, counted, since = time.perf_counter(), 0, None
        while part := connection.recv(1 << 18):
            now = time.perf_counter()
            if since is None and now - begin > WARM_UP_S:
                since = now
            elif since is not None:
                counted += len(part)
                last = now
        print(counted / (last - since))


def send(address):
    data = bytes(1 << 18)
    with socket.create_connection((address, PORT)) as connection:
        end = time.perf_counter() + WARM_UP_S + SECONDS
        while time.perf_counter() < end:
            connection.sendall(data)


if __name__ == "__main__":
    receive() if sys.argv[1] == "receive" else send(sys.argv[2])
