#!/usr/bin/env bash
# Runs a command in an mpirun over three machines: this one and two network namespaces with names, addresses and, instead of
# one folder of this one, an empty folder of their own, as nodes have that share no home.
#
#   tests/distributed/hosts.sh FOLDER COMMAND...      exits with 77 where namespaces are not allowed
set -euo pipefail

if [[ ${1:-} == --agent ]]; then # as mpirun calls it: HOST COMMAND...
  host=$2
  shift 2
  exec ip netns exec "$host" unshare --mount --uts bash -c \
    "hostname $host; mount -t tmpfs none '$HIDDEN'; exec $*"
fi

if [[ ${1:-} == --inside ]]; then
  shift
  folder=$1
  shift
  mount --make-rprivate /
  mount -t tmpfs none /run
  hostname head
  ip link set lo up
  ip link add bridge0 type bridge
  ip addr add 10.77.0.1/24 dev bridge0
  ip link set bridge0 up
  for i in 1 2; do
    ip netns add "node$i"
    ip link add "port$i" type veth peer name eth0 netns "node$i"
    ip link set "port$i" master bridge0 up
    ip -n "node$i" addr add "10.77.0.1$i/24" dev eth0
    ip -n "node$i" link set eth0 up
    ip -n "node$i" link set lo up
  done
  printf '127.0.0.1 localhost\n10.77.0.1 head\n10.77.0.11 node1\n10.77.0.12 node2\n' >"$folder/hosts"
  mount --bind "$folder/hosts" /etc/hosts
  export HIDDEN=$folder OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  exec mpirun --host head:1,node1:1,node2:1 --bind-to none --mca plm_rsh_agent "$(realpath "$0") --agent" \
    --mca btl tcp,self --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 "$@"
fi

command -v ip >/dev/null && unshare --net --mount --uts true 2>/dev/null &&
  unshare --net --mount ip link add bridge0 type bridge 2>/dev/null || exit 77
exec unshare --net --mount --uts "$0" --inside "$@"
