# SPDX-License-Identifier: Apache-2.0
"""The benchmarks; each a function whose first line of documentation is what `bench/run list` says."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from harness import Netns, Skip, need, need_root

HERE = pathlib.Path(__file__).resolve().parent


def per(results, key='cpu'):
    """Seconds a thing, of runs that say how many they did."""
    return [r[key] / r['n'] for r in results]


def rate(results, key='wall'):
    return [r['n'] / r[key] for r in results]


def policies(bench):
    """The kernel's policies into the model, against `ip xfrm policy` and a bare libmnl walk.

    CPU time: it is one thread that never waits, and the neighbours on the machine count less.
    """
    program = bench.program('bench/bench-policies')
    need('ip')
    with Netns() as netns:
        there = 0
        for n in [100_000] if bench.quick else [100_000, 1_000_000]:
            bench.run(netns.inside(program, 'fill', there, n))
            there = n
            pin = bench.pin()

            def ip():
                return {**bench.run(pin + netns.inside('ip', 'xfrm', 'policy'), reads=False), 'n': n}

            results = bench.turns({
                'ours': lambda: bench.run(pin + netns.inside(program, 'model')),
                'ip': ip,
                'walk': lambda: bench.run(pin + netns.inside(program, 'walk')),
            })
            for r in results['ours'] + results['walk']:
                if r['n'] != n:
                    raise ValueError(f'{r["n"]} of {n} policies were seen')
            job = f'{n:,} policies into the model, CPU a policy'
            ours = per(results['ours'])
            bench.row(job, ours, 's', 'x faster than ip', per(results['ip']), 'times', ('>=', 4))
            bench.row(job, ours, 's', 'x a bare libmnl walk', per(results['walk']), 'less', ('<=', 1.4))
            bench.row(job, [r['resident'] / n for r in results['ours']], 'B', note='resident memory a policy',
                      goal=('<=', 256))
            results = bench.turns({'monitor': lambda: whole_monitor(bench, netns, n), 'ip': ip}, 3)
            bench.row(f'{n:,} policies, all processes of the monitor', per(results['monitor']), 's',
                      'x faster than ip', per(results['ip']), 'times')


class Monitor:
    """A whole monitor, for as long as the block runs; in a netns, if one is given."""

    def __init__(self, bench, configuration, netns=None):
        self.bench, folder = bench, bench.scratch / 'monitor'
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / 'conf').write_text(configuration)
        self.socket = folder / 'socket'
        self.command = [bench.program('ipsecmond'), '--foreground', '--config', folder / 'conf', '--state-dir', folder,
                        '--socket', self.socket]
        if netns:
            self.command = netns.inside(*self.command)

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def ask(self, *words):
        """JSON objects that the command line gives; none as long as nobody answers."""
        p = subprocess.run([self.bench.program('ipsecmon'), '--socket', self.socket, *words, '-j'], capture_output=True,
                           text=True)
        return [json.loads(line) for line in p.stdout.splitlines()] if p.returncode == 0 else []

    def until(self, condition, why):
        end = time.monotonic() + 60
        while not condition():
            if time.monotonic() > end:
                raise Skip(why)
            time.sleep(0.1)

    def pids(self):
        pid = self.process.pid
        return [pid, *map(int, pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split())]

    def cpu(self):
        """Seconds that its processes have used."""
        stats = [pathlib.Path(f'/proc/{p}/stat').read_text().rpartition(')')[2].split() for p in self.pids()]
        return sum(int(t) for stat in stats for t in stat[11:13]) / os.sysconf('SC_CLK_TCK')


def whole_monitor(bench, netns, n):
    """CPU seconds of all processes, from their start until the model has n policies."""
    with Monitor(bench, 'netns = {"init"}\nevidence = {}\n', netns) as monitor:
        monitor.until(lambda: any(s['policy'] >= n for s in monitor.ask('status')), 'the monitor does not see the policies')
        return {'cpu': monitor.cpu(), 'n': n}


def changes(bench):
    """Policies that come and go, followed by the source and the core: what was lost, is the model exact?"""
    program = bench.program('bench/bench-changes')
    n = 100_000 if bench.quick else 400_000
    for rate, title in (40_000, '40,000 changes a second'), (0, 'changes as fast as the kernel takes them'):
        results = []
        for _ in range(bench.pairs):
            with Netns() as netns:
                results.append(bench.run(netns.inside(program, n, rate)))
        bench.row(title, [r['n'] / (r['changes_ns'] / 1e9) for r in results], '/s', note='changes made')
        bench.row(title, [r['lost'] for r in results], '', note='told as lost',
                  goal=None if rate == 0 else ('<=', 0))
        bench.row(title, [int(r['exact'] and r['in_step']) for r in results], '', note='exact in the end (1: yes)',
                  goal=('>=', 1))
        bench.row(title, [r['cpu'] / r['n'] for r in results], 's', note='our CPU a change')


def log(bench):
    """The event log: groups of 1, 100, 1,000 events against append + fdatasync, and SQLite (WAL, FULL).

    Wall time: the disk is what it is about.
    """
    program = bench.program('bench/bench-log')
    for group, n in ((1, 500), (100, 20_000), (1000, 200_000)):
        n = n // 4 if bench.quick else n
        size = []

        def ours():
            shutil.rmtree(bench.scratch / 'log', ignore_errors=True)
            r = bench.run([program, 'ours', bench.scratch / 'log', n, group])
            size.append(round(r['octets'] / n))
            return r

        def sqlite():
            for path in bench.scratch.glob('sqlite*'):
                path.unlink()
            return bench.run([program, 'sqlite', bench.scratch / 'sqlite', n, group])

        results = bench.turns({
            'ours': ours,
            'append': lambda: bench.run([program, 'append', bench.scratch / 'append', n, group, size[0]]),
            'sqlite': sqlite,
        })
        job = f'durable events, {group:,} a group ({size[0]} octets each)'
        rates = rate(results['ours'])
        bench.row(job, rates, '/s', 'of append + fdatasync', rate(results['append']), 'less',
                  ('>=', 0.9 if group == 1 else 0.5))
        bench.row(job, rates, '/s', 'x SQLite', rate(results['sqlite']), 'less')
        if group == 1000:
            bench.row(job, per(results['ours']), 's', note='our CPU an event')


def make_log(bench, name, n, audit=None, segment=64 << 20):
    bench.run([bench.program('bench/mklog'), '-S', segment, *(['-a', audit] if audit else []), bench.scratch / name, n])
    return bench.scratch / name


def sealed(bench):
    """Octets of a sealed event, and how fast sealing is."""
    n = 200_000 if bench.quick else 2_000_000
    directory = make_log(bench, 'sealed', n, segment=16 << 20)
    r = bench.run([bench.program('bench/bench-log'), 'seal', directory])
    bench.row(f'{n:,} events, sealed', [r['octets'] / r['n']], 'B', note='an event', goal=('<=', 70))
    bench.row(f'{n:,} events, sealed', [r['n'] / r['cpu']], '/s', note='events a second of CPU')
    shutil.rmtree(directory)


def queries(bench):
    """The last 100 events of an id and a source, of 10 million: through the index."""
    n = 1_000_000 if bench.quick else 10_000_000
    program = bench.program('bench/indexbench')
    directory = make_log(bench, 'queries', n)
    r = bench.run([program, directory, 2000 if bench.quick else 20_000])
    job = f'the last 100 events of a kind and peer, of {n:,}'
    for key, what, goal in (('p50_ms', 'p50', 0.25e-3), ('p99_ms', 'p99', 1e-3), ('p50_cpu_ms', 'p50 of CPU', None),
                            ('p99_cpu_ms', 'p99 of CPU', None)):
        bench.row(job, [r[key] / 1e3], 's', note=what, goal=goal and ('<=', goal))
    bench.row(job, [r['octets_an_event']], 'B', note='index, an event', goal=('<=', 120))
    bench.row(job, [r['events'] / r['built_s']], '/s', note='events indexed')
    shutil.rmtree(directory)


def scan(bench):
    """All of a million events, one by one, against `ausearch -i` over the same packets' audit records."""
    need('ausearch')  # of auditd
    n = 100_000 if bench.quick else 1_000_000
    program = bench.program('ipsecmon')
    records = bench.scratch / 'audit.log'
    directory = make_log(bench, 'scan', n, records)
    peer = '10.0.0.7'  # one of 20,000

    def scan_for(*words):
        return bench.run([program, 'audit', 'scan', directory, *words], reads=False)

    results = bench.turns({
        'ours': lambda: scan_for('--where', f'src={peer}'),
        'all': lambda: scan_for('-j'),
        # It has no question for an address in these records: it shows them all.
        'ausearch': lambda: bench.run(['ausearch', '-if', records, '-m', 'MAC_IPSEC_EVENT', '-i'], reads=False),
        'grep': lambda: bench.run(['grep', '-F', peer, *sorted((directory / 'log').iterdir())], reads=False),
    }, min(bench.pairs, 3))
    cpu = {name: [r['cpu'] for r in rs] for name, rs in results.items()}
    job = f'one peer among {n:,} events, no index, CPU'
    bench.row(job, cpu['ours'], 's', 'x faster than ausearch -i', cpu['ausearch'], 'times', ('>=', 30))
    bench.row(job, cpu['ours'], 's', 'x grep', cpu['grep'], 'less')
    bench.row(f'all of {n:,} events shown, CPU', cpu['all'], 's', 'x faster than ausearch -i', cpu['ausearch'],
              'times')
    shutil.rmtree(directory)


def find(bench):
    """Which policy a packet meets, of 1,000 to 1,000,000: one by one, in batches, against a plain scan; updates."""
    program = bench.program('bench/bench-find')
    for n in [1_000, 100_000] if bench.quick else [1_000, 100_000, 1_000_000]:
        results = [bench.run([*bench.pin(), program, n]) for _ in range(bench.pairs)]

        def ns(key):
            return [r[key] / 1e9 for r in results]

        job = f'the policy of a packet, of {n:,}'
        bench.row(job, ns('single_ns'), 's', 'x faster than a scan', ns('scan_ns'), 'times')
        for key, what, goal in (('single_ns', 'a lookup', 250e-9), ('batch_ns', 'in batches of 32', 100e-9),
                                ('update_ns', 'an update', 1e-6)):
            bench.row(job, ns(key), 's', note=what, goal=('<=', goal) if n == 1_000_000 else None)
        bench.row(job, [r['octets_a_policy'] for r in results], 'B', note='index, a policy')


def replay(bench):
    """The core alone: a recording of the lab's faults, many times over, as `ipsecmond --replay` reads it."""
    recording = (HERE.parent / 'test/golden/faults.facts').read_bytes()
    times = 20 if bench.quick else 200
    facts, at = 0, 20  # behind the header
    while at < len(recording):
        at += 4 + int.from_bytes(recording[at:at + 4], 'little')
        facts += 1
    path = bench.scratch / 'facts'
    with open(path, 'wb') as f:
        f.write(recording[:20])
        for _ in range(times):
            f.write(recording[20:])
    out = bench.scratch / 'replayed'
    command = [bench.program('ipsecmond'), '--foreground', '--replay', path]
    results = []
    for _ in range(bench.pairs):
        with open(out, 'wb') as f:
            results.append(bench.run(command, into=f))
    events = sum(1 for line in open(out, 'rb') if line.startswith(b'{"v":'))
    job = f'{facts * times:,} facts replayed ({events:,} events)'
    bench.row(job, [facts * times / r['cpu'] for r in results], '/s', note='facts a second of CPU')
    bench.row(job, [events / r['cpu'] for r in results], '/s', note='events a second of CPU')


def sas(bench):
    """What the monitor spends an interval on 10,000 SAs, against one bare dump of them (user-mode kernel)."""
    need('linux.uml')
    bench.program('bench/bench-sas')
    n, seconds = (2_000, 30) if bench.quick else (10_000, 90)
    folder = bench.scratch / 'guest'
    folder.mkdir()
    (folder / 'job').write_text(f'exec python3 {HERE}/guest_sas.py {bench.build} {n} {seconds} /run/lab/out/result\n')
    bench.run(['timeout', '300', 'linux.uml', 'mem=1G', 'rootfstype=hostfs', 'root=/dev/root', 'rootflags=/', 'ro',
               f'init={HERE.parent}/lab/guest/init', 'con=null', 'con0=null,fd:1', 'ssl0=null', f'uml_dir={folder}/uml',
               'loglevel=1', f'lab.out={folder}', 'lab.modules=/usr/lib/uml/modules', 'lab.line=64'], reads=False,
              stdin=subprocess.DEVNULL)
    result = folder / 'result'
    if not result.exists():
        raise ValueError('the user-mode kernel gave no result')
    pairs = json.loads(result.read_text())
    bench.row(f'{n:,} SAs, CPU an interval of {pairs[-1]["interval"]:g} s', [p['monitor'] for p in pairs], 's',
              'x one bare dump', [p['walk'] for p in pairs], 'less', ('<=', 2))
    for process in pairs[0]['processes']:
        bench.row(f'{n:,} SAs, CPU an interval of {pairs[-1]["interval"]:g} s',
                  [p['processes'][process] for p in pairs], 's', note=process)


def bpf(bench):
    """What our BPF programs cost a drop, by the kernel's own count, while clear text meets a policy."""
    need_root()
    need('bpftool', 'ip')
    n = 20_000 if bench.quick else 200_000
    switch = pathlib.Path('/proc/sys/kernel/bpf_stats_enabled')
    before = switch.read_text()
    try:
        switch.write_text('1')
        with Monitor(bench, 'evidence = {"bpf"}\n') as monitor, Netns() as netns:
            rows = bpf_storm(monitor, netns, n)
    finally:
        switch.write_text(before)
    for name, ns, count in rows:
        bench.row(f'BPF, {n:,} packets in the clear against a policy', [ns / count / 1e9], 's',
                  note=f'{name}, {count:,} runs'[:25])
    bench.row(f'BPF, {n:,} packets in the clear against a policy', [sum(r[1] for r in rows) / n / 1e9], 's',
              note='all programs, a drop')


def programs(said):
    """{id: (name, ns, runs)} of what bpftool tells of programs."""
    return {p['id']: (p.get('name', '?'), p.get('run_time_ns', 0), p.get('run_cnt', 0)) for p in said}


def bpf_storm(monitor, netns, n):
    """(name, ns, runs) of each of our programs for n drops."""
    def told():
        return programs(json.loads(subprocess.run(['bpftool', 'prog', 'show', '-j'], capture_output=True, text=True,
                                                  check=True).stdout))

    def drops():
        text = subprocess.run(netns.inside('cat', '/proc/net/xfrm_stat'), capture_output=True, text=True).stdout
        return sum(int(line.split()[1]) for line in text.splitlines())

    monitor.until(lambda: any(s['name'] == 'bpf' and s['state'] == 'in step' for s in monitor.ask('show', 'source')),
                  'the monitor has no BPF programs on this kernel: ipsecmon show source')
    for line in ('link add v0 type veth peer name v1', 'link set v1 address 02:00:00:00:00:02', 'link set v0 up',
                 'link set v1 up', 'address add 198.51.100.1/24 dev v1', 'route add 203.0.113.0/24 dev v1',
                 'xfrm policy add src 203.0.113.9 dst 198.51.100.1 dir in tmpl src 203.0.113.9 dst 198.51.100.1 '
                 'proto esp mode transport'):
        subprocess.run(netns.inside('ip', *line.split()), check=True)
    before = told()
    subprocess.run(netns.inside(sys.executable, HERE / 'storm.py', n), check=True)
    after = told()
    if drops() < n:
        raise ValueError(f'only {drops()} of {n} packets were dropped')
    ours = []
    for key, (name, ns, count) in after.items():
        _, ns0, count0 = before.get(key, ('', 0, 0))
        if count > count0:
            ours.append((name, ns - ns0, count - count0))
    return sorted(ours, key=lambda r: -r[1])


def ike(bench):
    """What charon and pluto with 2,000 connections spend on being watched, against one that is not."""
    need_root()
    need('unshare', 'setpriv', 'ip')
    bench.program('ipsecmond')
    lab, tests = HERE.parent / 'lab/ike', HERE.parent / 'test/netns'
    for daemon in 'strongswan', 'libreswan':
        have = subprocess.run([lab / 'fetch', '--have', daemon], capture_output=True, text=True)
        if have.returncode != 0:
            raise Skip(have.stderr.strip().removeprefix('lab: '))
    if not pathlib.Path('/dev/net/tun').is_char_device():
        raise Skip('needs /dev/net/tun, for ESP in userspace')
    connections, up, seconds = 2000, 100, 60
    pairs = bench.pairs if bench.pairs_are_set else 20
    folder = bench.scratch.resolve() / 'ike'
    folder.mkdir()
    # All ends with the first process of the PID namespace, and that with us.
    said = bench.run([tests / 'with_daemons.sh', lab / 'fetch', 'strongswan libreswan', 'setpriv', '--pdeathsig', 'KILL',
                      'unshare', '--pid', '--fork', '--kill-child', '--mount-proc', sys.executable, HERE / 'ike.py',
                      bench.build, folder, connections, up, seconds, pairs])['pairs']
    for name, state in ('charon', f'{up} up'), ('pluto', f'{up} IKE SAs up'):
        job = f'{name}, {connections:,} connections, {state}, CPU a minute ({pairs} pairs)'
        with_, without = ([p[which][name] * 60 for p in said] for which in ('with', 'without'))
        # No ratio: one that nobody watches may have nothing to do at all.
        bench.row(job, with_, 's', note='watched')
        bench.row(job, without, 's', note='not watched')
        bench.row(job, [a - b for a, b in zip(with_, without)], 's', note='difference of the pairs')
        bench.row(job, [p['start'][name] for p in said], 's', note='until the monitor knew all')
        bench.row(job, [p['requests'][name] for p in said], '', note='requests a minute')
        bench.row(job, [p['resident']['with'][name] for p in said], 'B', 'x the memory of the other',
                  [p['resident']['without'][name] for p in said], 'less')
    bench.row('the monitor of both', [p['monitor'] * 60 for p in said], 's', note='CPU a minute')
    bench.row('the monitor of both', [p['monitor_memory'] for p in said], 'B', note='memory (PSS)')


ALL = {job.__name__: job for job in (policies, changes, log, sealed, queries, scan, find, replay, sas, bpf, ike)}
