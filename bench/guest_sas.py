#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Inside the user-mode kernel: what the monitor spends an interval on so many SAs, beside bare dumps of them.

usage: guest_sas.py BUILD SAS SECONDS RESULT    (RESULT: a file, for one line of JSON)
"""
import json
import pathlib
import subprocess
import sys
import time

build, n, seconds, result = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
MODULES = ('xfrm_user esp4 authenc hmac gcm ghash-generic drbg jitterentropy_rng sha512_generic seqiv echainiv '
           'ctr').split()


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def spent(pids):
    """CPU seconds of each process, by its name."""
    seconds = {}
    for pid in pids:
        name, fields = pathlib.Path(f'/proc/{pid}/stat').read_text().split('(')[1].split(')')
        seconds[name] = sum(map(int, fields.split()[11:13])) / 100
    return seconds


def bare(times):
    said = json.loads(run(f'{build}/bench/bench-sas', 'walk', str(times)))
    if said['n'] != n * times:
        raise SystemExit(f'{said["n"] / times} of {n} SAs')
    return said['cpu_ns'] / 1e9 / times


def ask(*words):
    p = subprocess.run([f'{build}/ipsecmon', '--socket', '/run/bench.sock', *words, '-j'], capture_output=True, text=True)
    return [json.loads(line) for line in p.stdout.splitlines()] if p.returncode == 0 else []


subprocess.run(['modprobe', '-qa', *MODULES])
pathlib.Path('/tmp/state').mkdir(exist_ok=True)
pathlib.Path('/tmp/conf').write_text('')
run(f'{build}/bench/bench-sas', 'fill', str(n))
monitor = subprocess.Popen([f'{build}/ipsecmond', '--foreground', '--config', '/tmp/conf', '--state-dir', '/tmp/state',
                            '--socket', '/run/bench.sock'], stderr=subprocess.DEVNULL)
end = time.monotonic() + 120
while not any(s['name'] == 'xfrm' and s['state'] == 'in step' for s in ask('show', 'source')):
    if time.monotonic() > end or monitor.poll() is not None:
        raise SystemExit('the monitor is not ready')
    time.sleep(0.5)
pids = pathlib.Path(f'/proc/{monitor.pid}/task/{monitor.pid}/children').read_text().split() + [str(monitor.pid)]
# The first rounds are about what is there; then it is quiet.
time.sleep(15)
pairs = []
for _ in range(3):
    walk = bare(30)
    begin, before = time.monotonic(), spent(pids)
    time.sleep(seconds / 3)
    took, after = time.monotonic() - begin, spent(pids)
    interval = [s for s in ask('show', 'source') if s['name'] == 'xfrmstat'][0]['resolution_ms'] / 1000
    used = {name: (after[name] - before[name]) / took * interval for name in after}
    pairs.append({'walk': walk, 'monitor': sum(used.values()), 'processes': used, 'interval': interval})
monitor.terminate()
monitor.wait(30)
pathlib.Path(result).write_text(json.dumps(pairs) + '\n')
