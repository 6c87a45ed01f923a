#!/usr/bin/env bash
# Hosts that are not there: network namespaces with own addresses and host names, joined by a switch, with a rate and a delay.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/emulate_hosts.sh [--name NAME] COMMAND

  up --hosts N [--rate RATE] [--delay TIME]   makes N hosts, 0 to N-1; an earlier network of this name is removed first
  rate RATE|none        changes the rate of every link (as tc writes it: 1gbit, 200mbit)
  run HOST COMMAND...   runs a command on a host, with the host's own name; mpirun and anything else
  address HOST          prints the host's address
  mpirun-args           prints what mpirun, itself run on host 0, needs to start one rank a host, one word a line
  status                prints hosts, addresses and links
  down                  ends what still runs on the hosts and removes them; does nothing where there are none

  --name NAME           tells apart several networks on one machine (default: rt)

Needs root, and iproute2. The hosts reach each other and nothing else; files and cores are this machine's. Links are veth
pairs; tbf limits them in both directions; a delay needs netem in the kernel.

  tools/emulate_hosts.sh up --hosts 2 --rate 1gbit
  mapfile -t args < <(tools/emulate_hosts.sh mpirun-args)
  tools/emulate_hosts.sh run 0 mpirun "${args[@]}" hostname
  tools/emulate_hosts.sh down
TEXT
}

fail() { echo "tools/emulate_hosts.sh: $*" >&2; exit 1; }

name=rt
if [[ "${1:-}" == --name ]]; then
  name=${2:?"--name needs a name"}
  shift 2
fi
[[ "$name" =~ ^[a-z0-9]{1,8}$ ]] || fail "--name: expected at most 8 small letters or digits, got '$name'"
command=${1:---help}
if (($#)); then shift; fi

state=/run/ringtrain-hosts/$name
network=10.87.0
space_of() { echo "$name-host$1"; }
switch=$name-switch
count() { cat "$state/hosts" 2>/dev/null || echo 0; }
exists() { ip netns list | grep -qE "^$1( |$)"; }
require_host() {
  [[ "${1:-}" =~ ^[0-9]+$ ]] || fail "expected the number of a host, got '${1:-}'"
  (($1 < $(count))) || fail "there is no host $1; this network has $(count) (tools/emulate_hosts.sh up --hosts N)"
}

# limit NAMESPACE DEVICE RATE DELAY: what leaves by this device. 128 kb is what tbf may send at once, 4 MB what waits.
limit() {
  local parent=(root)
  ip netns exec "$1" tc qdisc del dev "$2" root 2>/dev/null || true
  if [[ "$3" != none ]]; then
    ip netns exec "$1" tc qdisc add dev "$2" root handle 1: tbf rate "$3" burst 128kb limit 4mb || fail "tc refused the rate '$3'"
    parent=(parent 1:)
  fi
  if [[ "$4" != none ]]; then
    ip netns exec "$1" tc qdisc add dev "$2" "${parent[@]}" netem delay "$4" limit 100000 ||
      fail "tc refused the delay '$4': a wrong value, or this kernel has no netem; leave out --delay"
  fi
}

set_rates() {
  for ((i = 0; i < $(count); i++)); do
    limit "$(space_of "$i")" eth0 "$1" "$(cat "$state/delay")"
    limit "$switch" "port$i" "$1" none
  done
}

up() {
  local hosts=0 rate=none delay=none
  while (($#)); do
    case "$1" in
      --hosts) hosts=${2:-} ;;
      --rate) rate=${2:-} ;;
      --delay) delay=${2:-} ;;
      *) fail "unknown option '$1' of up; see --help" ;;
    esac
    shift
    (($#)) && shift
  done
  [[ "$hosts" =~ ^[0-9]+$ ]] && ((hosts >= 1 && hosts <= 64)) || fail "--hosts: expected 1 to 64, got '$hosts'"
  down
  trap down ERR EXIT  # half a network is none
  mkdir -p "$state"
  echo "$hosts" >"$state/hosts"
  echo "$delay" >"$state/delay"
  ip netns add "$switch"
  ip -n "$switch" link add bridge type bridge
  ip -n "$switch" link set bridge up
  for ((i = 0; i < hosts; i++)); do
    local space
    space=$(space_of "$i")
    ip netns add "$space"
    ip -n "$space" link set lo up
    ip -n "$space" link add eth0 type veth peer name "port$i" netns "$switch"
    ip -n "$switch" link set "port$i" master bridge up
    ip -n "$space" address add "$network.$((i + 1))/24" dev eth0
    ip -n "$space" link set eth0 up
  done
  set_rates "$rate"
  cat >"$state/agent" <<AGENT
#!/usr/bin/env bash
# What mpirun calls in the place of ssh: agent ADDRESS COMMAND...
host=\$((\${1##*.} - 1))
shift
exec "$(realpath "${BASH_SOURCE[0]}")" --name $name run "\$host" bash -c "\$*"
AGENT
  chmod +x "$state/agent"
  trap - ERR EXIT
}

down() {
  local space pids
  for space in $(ip netns list | awk '{print $1}' | grep -E "^$name-(host[0-9]+|switch)$" || true); do
    pids=$(ip netns pids "$space")
    if [[ -n "$pids" ]]; then
      # shellcheck disable=SC2086
      kill -KILL $pids 2>/dev/null || true
    fi
    ip netns delete "$space"
  done
  rm -rf "$state"
}

run() {
  require_host "${1:-}"
  local node="$name-host$1" space
  space=$(space_of "$1")
  shift
  (($#)) || fail "run: which command?"
  # shellcheck disable=SC2016
  exec ip netns exec "$space" unshare --uts bash -c 'hostname "$0" && exec "$@"' "$node" "$@"
}

mpirun_args() {
  (($(count) > 0)) || fail "there are no hosts: tools/emulate_hosts.sh up --hosts N"
  local list=""
  for ((i = 0; i < $(count); i++)); do list+="${list:+,}$network.$((i + 1)):1"; done
  printf '%s\n' --mca plm_rsh_agent "$state/agent" --mca btl tcp,self --mca btl_tcp_if_include "$network.0/24" \
    --mca oob_tcp_if_include "$network.0/24" --host "$list" -np "$(count)" --bind-to none
}

case "$command" in
  -h | --help) usage; exit 0 ;;
  up | rate | run | down | status | address | mpirun-args) ;;
  *) usage >&2; exit 2 ;;
esac
((EUID == 0)) || fail "network namespaces need root: run it as root"
for tool in ip tc unshare; do command -v "$tool" >/dev/null || fail "there is no $tool: apt-get install iproute2 util-linux"; done
case "$command" in
  up) up "$@" ;;
  down) down ;;
  run) run "$@" ;;
  rate) (($(count) > 0)) || fail "there are no hosts: tools/emulate_hosts.sh up --hosts N"; set_rates "${1:?"rate needs a value: 1gbit, none"}" ;;
  address) require_host "${1:-}"; echo "$network.$(($1 + 1))" ;;
  mpirun-args) mpirun_args ;;
  status)
    echo "$(count) hosts"
    for ((i = 0; i < $(count); i++)); do
      echo "$(space_of "$i")  $network.$((i + 1))  $(ip netns exec "$(space_of "$i")" tc qdisc show dev eth0 | head -1)"
    done ;;
esac
