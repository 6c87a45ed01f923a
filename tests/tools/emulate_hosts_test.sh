#!/usr/bin/env bash
# tools/emulate_hosts.sh makes hosts with names, addresses and a rate, runs an MPI job over them, and leaves nothing behind.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tool() { tools/emulate_hosts.sh --name test "$@"; }
fail() { echo "emulate_hosts_test: $*" >&2; exit 1; }

tools/emulate_hosts.sh --help | grep -q 'usage:' || fail "--help says nothing"
tools/emulate_hosts.sh nonsense 2>/dev/null && fail "an unknown command is taken"
if ((EUID != 0)); then
  tool up --hosts 2 2>&1 | grep -q 'need root' || fail "does not say that it needs root"
  echo "not root: the rest is skipped"
  exit 77
fi
unshare --net true 2>/dev/null || { echo "no network namespaces here: skipped"; exit 77; }

trap 'tool down' EXIT
before=$(ip netns list | sort)
tool up --hosts 3 --rate 100mbit
[[ "$(tool run 2 hostname)" == test-host2 ]] || fail "a host has not its own name"
[[ "$(tool address 2)" == 10.87.0.3 ]] || fail "another address"
tool run 0 ip -4 -o address show eth0 | grep -q '10\.87\.0\.1/24' || fail "host 0 has not its address"
tool run 1 tc qdisc show dev eth0 | grep -q 'rate 100Mbit' || fail "the rate is not set"
tool rate 50mbit
tool run 1 tc qdisc show dev eth0 | grep -q 'rate 50Mbit' || fail "the rate is not changed"
tool run 3 true 2>/dev/null && fail "there is no host 3"

mapfile -t words < <(tool mpirun-args)
names=$(tool run 0 mpirun "${words[@]}" hostname | sort | paste -sd ' ')
[[ "$names" == "test-host0 test-host1 test-host2" ]] || fail "mpirun ran on: $names"

# 10 Mbit at 100 Mbit/s take 0.1 s and more; a file of 2.5 MB at 50 Mbit/s takes 0.4 s, not the milliseconds of an open link.
tool run 0 python3 -c '
import socket
with socket.create_server(("", 29700)) as server:
    print("ready", flush=True)
    connection, _ = server.accept()
    while connection.recv(1 << 18): pass
    connection.send(b"x")' >/dev/null &
seconds=$(tool run 1 python3 -c '
import socket, time
for _ in range(100):
    try: connection = socket.create_connection(("10.87.0.1", 29700)); break
    except OSError: time.sleep(0.05)
begin = time.time()
connection.sendall(bytes(2_500_000)); connection.shutdown(socket.SHUT_WR); connection.recv(1)
print(time.time() - begin)')
wait
awk -v s="$seconds" 'BEGIN { exit !(s > 0.3 && s < 20) }' || fail "2.5 MB at 50 Mbit/s took $seconds s"

# Half a network is none; `up` replaces, and `down` ends what still runs.
tool up --hosts 2 --rate nonsense 2>/dev/null && fail "a rate of nonsense is taken"
ip netns list | grep -q '^test-' && fail "a failed up leaves namespaces"
tool up --hosts 2
tool run 0 sleep 1000 &
sleeper=$!
sleep 0.3
tool down
wait "$sleeper" && fail "down left a process running"
tool down
[[ "$(ip netns list | sort)" == "$before" ]] || fail "namespaces are left"
echo "hosts come and go"
