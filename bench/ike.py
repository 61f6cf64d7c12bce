#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What IKE daemons spend on being watched: two equal beds of daemons, of which a monitor watches one or the other in turn.

usage: ike.py BUILD SCRATCH CONNECTIONS UP SECONDS PAIRS

Runs in a PID and mount namespace of its own, where the daemons are at their usual places. Both beds are measured at the same
time, so that both have the same neighbours on the machine; that a monitor watches the one and the other in turn cancels what
differs between them. Prints one line of JSON, {"pairs": [...]}; a pair has the daemons' and the monitor's figures.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

from harness import Bench  # noqa: E402
from jobs import Monitor  # noqa: E402

NETNS = HERE.parent / 'test/netns'
CHARON, LIBEXEC = '/usr/lib/ipsec/charon', '/usr/libexec/ipsec'
PLUGINS = 'random nonce openssl pem kdf kernel-libipsec kernel-netlink socket-default vici counters updown'
WITHIN_S = 60
SETTLE_S = 5


def run(*command, **kwargs):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True, timeout=WITHIN_S,
                          **kwargs).stdout


def until(condition, what):
    end = time.monotonic() + WITHIN_S
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f'{what}: not within {WITHIN_S} s')
        time.sleep(0.1)


def cpu(pid):
    """Seconds of all threads. A daemon's are there from its start on; where the kernel has no schedstat, in clock ticks."""
    try:
        return sum(int((task / 'schedstat').read_text().split()[0])
                   for task in pathlib.Path(f'/proc/{pid}/task').iterdir()) / 1e9
    except FileNotFoundError:
        fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf('SC_CLK_TCK')


def memory(pid, file, key):
    """Octets; file: status or smaps_rollup."""
    return int(re.search(rf'^{key}:\s+(\d+) kB$', pathlib.Path(f'/proc/{pid}/{file}').read_text(), re.M)[1]) * 1024


def lines(path):
    """How many requests a record has."""
    return sum(' waits ' not in line for line in open(path)) if path.exists() else 0


def netns(name, *addresses):
    run('ip', 'netns', 'add', name)
    run('ip', '-n', name, '-batch', '-', input='link set lo up\n' + ''.join(
        f'address add {address} dev lo\n' for address in addresses))


def daemon(where, shell, *command, **environment):
    """In a netns, with a /run of its own; the process is the daemon's in the end."""
    return subprocess.Popen(
        ['ip', 'netns', 'exec', where, 'unshare', '--mount', 'sh', '-c',
         f'mount -t tmpfs tmpfs /run && {shell} && exec "$@"', 'sh', *map(str, command)],
        env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def join(one, other, number):
    """A veth between the two netns: 10.9.0.1 and 10.9.0.number."""
    run('ip', 'link', 'add', 'v0', 'netns', one, 'type', 'veth', 'peer', 'name', 'v0', 'netns', other)
    for number, where in (1, one), (number, other):
        run('ip', '-n', where, 'address', 'add', f'10.9.0.{number}/24', 'dev', 'v0')
        run('ip', '-n', where, 'link', 'set', 'v0', 'up')


class Bed:
    """A charon with its peer, and a pluto with its own, each in a netns of its own. Without ESP in the kernel pluto's SAs are
    IKE SAs alone; charon brings the ESP along."""

    def __init__(self, name, folder, connections, up):
        self.name, self.folder, self.connections = name, folder / name, connections
        # Of a name that no other monitor of this machine tries.
        self.socket = f'/run/{folder.parent.name}.vici'
        self.red, self.blue, self.pluto, self.caller = (f'{name}-{end}' for end in ('red', 'blue', 'pluto', 'caller'))
        self.record, self.whacks = self.folder / 'record', self.folder / 'whacks'
        self.processes = {}
        self.folder.mkdir()
        netns(self.red, *(f'10.1.{i // 250}.{i % 250 + 1}/32' for i in range(up)))
        netns(self.blue, '10.2.0.1/32')
        netns(self.pluto)
        netns(self.caller)
        join(self.red, self.blue, 2)
        join(self.pluto, self.caller, 3)
        self.start_charon(self.red, 'strongswan', connections, NETNS / 'vici_relay.py', self.socket,
                          self.folder / f'{self.red}.vici', self.record)
        self.start_charon(self.blue, 'responder', 1)
        self.start_pluto(up)
        self.start_charon(self.caller, 'caller', connections, up=up)
        for i in range(up):
            self.swanctl(self.red, '--initiate', '--child', f'n{i}', '--timeout', '-1')
            self.swanctl(self.caller, '--initiate', '--ike', f'c{connections - up + i}', '--timeout', '-1')
        until(lambda: self.swanctl(self.red, '--list-sas').count(' INSTALLED, ') == up, f'{up} connections up')
        until(lambda: self.ask_pluto('--showstates').count('(IKE SA established)') == up, f'{up} IKE SAs of pluto up')

    def start_charon(self, end, kind, n, *before, up=0):
        home = self.folder / end
        home.mkdir()
        (home / 'swanctl.conf').write_text(run(NETNS / 'many_connections.sh', kind, n, up))
        (self.folder / f'{end}.conf').write_text('\n'.join([
            'charon {', 'load_modular = no', f'load = {PLUGINS}', 'install_routes = no', 'plugins {', 'vici {',
            f'socket = unix://{self.folder}/{end}.vici', '}', '}', '}', 'swanctl {', 'load = random', '}', '']))
        self.processes[end] = daemon(end, 'true', *before, CHARON, STRONGSWAN_CONF=f'{self.folder}/{end}.conf')
        until((self.folder / f'{end}.vici').is_socket, f'charon of {end}')
        self.swanctl(end, '--load-all')

    def swanctl(self, end, *words):
        return run('swanctl', *words, '--uri', f'unix://{self.folder}/{end}.vici',
                   env={**os.environ, 'STRONGSWAN_CONF': f'{self.folder}/{end}.conf', 'SWANCTL_DIR': f'{self.folder}/{end}'})

    def ask_pluto(self, option):
        return subprocess.run(
            ['ip', 'netns', 'exec', self.pluto, f'{LIBEXEC}/whack', '--rundir', self.folder / 'pluto/run', option],
            capture_output=True, text=True, timeout=WITHIN_S).stdout

    def start_pluto(self, up):
        home = self.folder / 'pluto'
        for name in 'nss', 'run':
            (home / name).mkdir(parents=True)
        run('certutil', '-N', '-d', f'sql:{home}/nss', '--empty-password')
        (home / 'ipsec.conf').write_text(run(NETNS / 'many_connections.sh', 'libreswan', self.connections, up))
        (home / 'secrets').write_text(': PSK "DUMMY-SECRET-OF-THE-TEST-IS-LONG-ENOUGH"\n')
        self.whack = self.folder / 'whack'
        self.whack.write_text(f'#!/bin/sh\necho "$3" >>{self.whacks}\nexec {LIBEXEC}/whack "$@"\n')
        self.whack.chmod(0o755)
        self.processes[self.pluto] = daemon(
            self.pluto, 'mkdir -p /run/pluto /run/ipsec', f'{LIBEXEC}/pluto', '--nofork', '--logfile', home / 'log',
            '--config', home / 'ipsec.conf', f'--rundir={home}/run', '--nssdir', home / 'nss', '--secretsfile',
            home / 'secrets')
        until(lambda: f'Total IPsec connections: loaded {self.connections},' in self.ask_pluto('--status'), 'connections of pluto')

    def pids(self):
        return {'charon': self.processes[self.red].pid, 'pluto': self.processes[self.pluto].pid}

    def spent(self):
        return {name: cpu(pid) for name, pid in self.pids().items()}

    def requests(self):
        return {'charon': lines(self.record), 'pluto': lines(self.whacks)}


def used(after, before):
    return {name: after[name] - before[name] for name in after}


def pair(bench, watched, other, up, seconds):
    configuration = (f'netns = {{"{watched.red}", "{watched.pluto}"}}\nvici_sockets = {{"{watched.socket}"}}\n'
                     f'whack = "{watched.whack}"\nlibreswan_log = "{watched.folder}/pluto/log"\nevidence = {{}}\n')
    at_start = watched.spent()
    with Monitor(bench, configuration) as monitor:
        monitor.until(lambda: len(monitor.ask('show', 'mainmode', 'sas')) == 2 * up and all(
            any((s['name'], s['netns'], s['state']) == (name, netns, 'in step') for s in monitor.ask('show', 'source'))
            for name, netns in (('strongswan', watched.red), ('libreswan', watched.pluto))), 'the monitor does not see the daemons')
        start = used(watched.spent(), at_start)
        # What is asked for once a minute was asked for just now: not at the ends of what is measured.
        time.sleep(SETTLE_S)
        before = {'with': watched.spent(), 'without': other.spent()}
        requests, ours, began = watched.requests(), monitor.cpu(), time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - began
        result = {'with': used(watched.spent(), before['with']), 'without': used(other.spent(), before['without'])}
        result = {which: {name: s / took for name, s in spent.items()} for which, spent in result.items()}
        pids = monitor.pids()
        return {**result, 'start': start, 'watched': watched.name,
                'requests': {name: n * 60 / took for name, n in used(watched.requests(), requests).items()},
                'resident': {which: {name: memory(pid, 'status', 'VmRSS') for name, pid in bed.pids().items()}
                             for which, bed in (('with', watched), ('without', other))},
                'monitor': (monitor.cpu() - ours) / took,
                'monitor_memory': sum(memory(pid, 'smaps_rollup', 'Pss') for pid in pids)}


def main():
    build, scratch = map(pathlib.Path, sys.argv[1:3])
    connections, up, seconds, pairs = map(int, sys.argv[3:])
    # Names of netns that only this mount namespace has, and sockets for nobody else.
    run('mount', '-t', 'tmpfs', 'tmpfs', '/run')
    bench = Bench(build, scratch, quick=False, pairs=pairs, as_json=False)
    beds = [Bed(name, scratch, connections, up) for name in ('a', 'b')]
    print(json.dumps({'pairs': [pair(bench, beds[i % 2], beds[1 - i % 2], up, seconds) for i in range(pairs)]}))


if __name__ == '__main__':
    main()
