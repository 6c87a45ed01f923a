#!/usr/bin/env bash
# A real Slurm on this machine alone: munged, slurmctld and one slurmd on loopback, with their own ports and folders.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tools/emulate_slurm.sh FOLDER COMMAND

  up [--cpus N]      starts a cluster of one node with N CPUs (default 4, whatever the machine has) whose files lie in FOLDER
  run COMMAND...     runs a command that finds this cluster: srun, sbatch, salloc, squeue, ringtrain submit, ...
  down               cancels its jobs and ends its daemons; does nothing where there are none

Partitions: debug (the default, at most 10 minutes), long, and urgent, which takes jobs away from idle: a warning, then 10 seconds. A job that is requeued starts again at once. Needs root, and slurmctld,
slurmd, slurm-client and munge (tools/bootstrap.sh --peers). Several folders are several clusters.

  tools/emulate_slurm.sh /tmp/slurm up
  tools/emulate_slurm.sh /tmp/slurm run srun -n 2 hostname
  tools/emulate_slurm.sh /tmp/slurm down
TEXT
}

fail() { echo "tools/emulate_slurm.sh: $*" >&2; exit 1; }

if (($# < 2)); then
  usage
  exit $(($# == 1 ? 0 : 2))
fi
mkdir -p "$1"
folder=$(realpath "$1")
command=$2
shift 2
conf=$folder/slurm.conf

wait_for() {  # SECONDS WHAT COMMAND...
  local limit=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < limit)) || fail "$what did not start; see $folder/*.log"
    sleep 0.1
  done
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

up() {
  local cpus=4
  if [[ "${1:-}" == --cpus ]]; then cpus=${2:?"--cpus needs a number"}; fi
  ((EUID == 0)) || fail "needs root: slurmd starts processes of other users"
  for tool in munged slurmctld slurmd srun; do
    command -v "$tool" >/dev/null || fail "$tool is missing: tools/bootstrap.sh --peers installs it"
  done
  down
  mkdir -p "$folder"/{state,spool}
  chmod 755 "$folder"
  head -c 64 /dev/urandom >"$folder/munge.key"
  chmod 400 "$folder/munge.key"
  cat >"$conf" <<CONF
ClusterName=emulated
SlurmctldHost=$(hostname -s)(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket,cred_expire=5
SlurmUser=root
SlurmdUser=root
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
KillWait=5
InactiveLimit=0
Waittime=0
MessageTimeout=30
PartitionName=debug Nodes=ALL Default=YES MaxTime=10 State=UP
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=long Nodes=ALL MaxTime=INFINITE State=UP
PartitionName=idle Nodes=ALL MaxTime=INFINITE PriorityTier=1 GraceTime=10 State=UP
PartitionName=urgent Nodes=ALL MaxTime=10 PriorityTier=10 PreemptMode=OFF State=UP
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$cpus State=UNKNOWN
CONF
  munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
    --log-file="$folder/munged.log" --seed-file="$folder/munge.seed"
  wait_for 10 munged test -S "$folder/munge.socket"
  export SLURM_CONF=$conf
  slurmctld -f "$conf"
  slurmd -f "$conf"
  wait_for 30 slurmctld sh -c 'sinfo --noheader --format=%T | grep -q idle'
}

down() {
  [[ -e "$conf" ]] || return 0
  export SLURM_CONF=$conf
  if [[ -e "$folder/slurmctld.pid" ]]; then
    timeout 10 scancel --quiet --full --signal=KILL --user="$(id -un)" 2>/dev/null || true
    for ((i = 0; i < 50; i++)); do
      [[ -n "$(timeout 10 squeue --noheader 2>/dev/null)" ]] || break
      timeout 10 scancel --quiet --user="$(id -un)" 2>/dev/null || true
      sleep 0.1
    done
  fi
  local daemon pid
  for daemon in slurmd slurmctld munged; do
    pid=$(cat "$folder/$daemon.pid" 2>/dev/null || true)
    [[ -n "$pid" ]] || continue
    kill "$pid" 2>/dev/null || true
    for ((i = 0; i < 50; i++)); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
  done
  rm -rf "$folder"
}

case "$command" in
  up) up "$@" ;;
  down) down ;;
  run)
    [[ -e "$conf" ]] || fail "there is no cluster in $folder: tools/emulate_slurm.sh $folder up"
    (($#)) || fail "run: which command?"
    export SLURM_CONF=$conf
    exec "$@"
    ;;
  -h | --help) usage ;;
  *) fail "unknown command '$command'; see --help" ;;
esac
