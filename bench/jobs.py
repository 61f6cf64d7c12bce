# SPDX-License-Identifier: Apache-2.0
"""The benchmarks; each a function whose first line of documentation is what `bench/run list` says."""
from harness import Netns, need, need_root


def per(results, key='cpu'):
    """Seconds a thing, of runs that say how many they did."""
    return [r[key] / r['n'] for r in results]


def rate(results, key='wall'):
    return [r['n'] / r[key] for r in results]


# Also set for our processes (src/main/supervisor/child.c).
OURS = ['env', 'GLIBC_TUNABLES=glibc.malloc.hugetlb=1']


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
                'ours': lambda: bench.run(OURS + pin + netns.inside(program, 'model')),
                'ip': ip,
                'walk': lambda: bench.run(pin + netns.inside(program, 'walk')),
            })
            for r in results['ours'] + results['walk']:
                if r['n'] != n:
                    raise ValueError(f'{r["n"]} of {n} policies were seen')
            job = f'{n:,} policies into the model, CPU a policy'
            ours = per(results['ours'])
            bench.row(job, ours, 's', 'times faster than ip', per(results['ip']), 'times', ('>=', 4))
            bench.row(job, ours, 's', 'times a bare libmnl walk', per(results['walk']), 'less', ('<=', 1.4))
            bench.row(job, [r['resident'] / n for r in results['ours']], 'B', note='resident memory a policy',
                      goal=('<=', 256))


ALL = {'policies': policies}
