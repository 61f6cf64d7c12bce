#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the statistics of Main Mode and Quick Mode of one end against independent counts, from one reading to the next.

usage: statistics.py DAEMON END FOLDER

The folder has "before" and "after" (JSON lines of both nouns of ipsecmon), and likewise of both times "stat.…" (labtool stat),
"counters.…" (swanctl --counters --raw, whack --globalstatus), "udp.…" (the kernel's sockets) and "log.…" (the length of the
daemon's log); "log"; "monitor" (ip -s xfrm monitor SA, all the time), "state" (ip -s xfrm state), "addresses", "sas" (the
daemon's list), and "did": what the script did itself, "KEY COUNT" a line. Without "counters.after" the daemon is not the one from
before, and nothing that it counts is compared. Prints a line for each number that differs and fails then; in "moved" it leaves
the keys that have moved.
"""
import collections
import json
import pathlib
import re
import sys

DAEMON, END = sys.argv[1:3]
FOLDER = pathlib.Path(sys.argv[3])
STRONGSWAN = DAEMON == 'strongswan'
# Of these the lab can say nothing: jobs of the daemon's own, which come and go; cards that encrypt; programs of ours.
NOT_COMPARED = {'mainmode.acquire_heap_size', 'mainmode.get_spi_failures', 'mainmode.send_failures'}
# So often pluto is asked for its states (LIBRESWAN_OFTEN_S), and so long it may take to answer.
LIST_S = 10 + 5


def text_of(name):
    path = FOLDER / name
    return path.read_text(errors='replace') if path.exists() else ''


def told(name):
    rows = map(json.loads, text_of(name).splitlines())
    return {row['key']: row for row in rows if row.get('netns') == END and row.get('daemon') is None}


def rise(name, total):
    """How much it rose from the one time to the other."""
    return total(text_of(f'{name}.after')) - total(text_of(f'{name}.before'))


# ---- the kernel

class Sa:
    def __init__(self, block):
        head = re.search(r'src (\S+) dst (\S+)\s+proto (\w+) spi (0x[0-9a-f]+)\S* reqid (\d+)\S* mode (\S+)', block)
        self.src, self.dst, self.proto, self.spi, self.reqid, self.mode = head.groups()
        self.cipher = bool(re.search(r'(?m)^\s+(?:enc|aead) ', block))
        self.integrity = bool(re.search(r'(?m)^\s+(?:aead|auth|auth-trunc) ', block))
        counts = re.search(r'lifetime current:\s+(\d+)\(bytes\)', block)
        self.bytes = int(counts[1]) if counts else 0
        failed = re.search(r'replay \d+ failed (\d+)', block)
        self.failed = int(failed[1]) if failed else 0
        self.key = self.dst, self.proto, self.spi


def blocks(name):
    """(word in front, SA) of those with keys."""
    for block in re.split(r'(?m)^(?=(?:Deleted |Updated |Expired )?src )', text_of(name)):
        word = re.match(r'(Deleted |Updated |Expired )?src \S+ dst \S+\s+proto \w+ spi', block)
        if word:
            sa = Sa(block)
            if sa.cipher or sa.integrity:
                yield (word[1] or '').strip(), sa


ADDRESSES = set(re.findall(r' inet6? ([0-9a-f.:]+)[/ ]', text_of('addresses')))
ALIVE = {sa.key: sa for _, sa in blocks('state')}
# All that there were, each as it was seen last; which were added, which got their keys by an update; which went.
ALL, added, updated, went = {}, collections.Counter(), set(), 0
for word, sa in blocks('monitor'):
    if word == '':
        added[sa.key] += 1
    elif word == 'Updated' and sa.key not in ALL:
        updated.add(sa.key)
    elif word == 'Deleted':
        went += 1
    ALL[sa.key] = sa
ALL.update(ALIVE)


def carried(out, which):
    return sum(sa.bytes for sa in ALL.values() if (sa.src in ADDRESSES) == out and which(sa))


def pairs(which):
    """One without its twin counts as a pair."""
    ways = collections.defaultdict(lambda: [0, 0])
    for sa in filter(which, ALIVE.values()):
        out = sa.src in ADDRESSES
        ways[sa.src if out else sa.dst, sa.dst if out else sa.src, sa.proto, sa.reqid, sa.mode][out] += 1
    return sum(map(max, ways.values()))


def drops(text):
    return collections.Counter({row['counter']: row['kernel'] for row in map(json.loads, text.splitlines())
                                if row['netns'] == END})


def dropped(*counters):
    return rise('stat', lambda text: sum(drops(text)[counter] for counter in counters))


def tunnel(sa):
    return sa.mode in ('tunnel', 'beet')


FAILED = sum(sa.failed for sa in ALL.values())
expected = {
    'mainmode.key_additions': sum(n for key, n in added.items() if ALL[key].src in ADDRESSES),
    'mainmode.key_updates': sum(ALL[key].dst in ADDRESSES for key in updated),
    'quickmode.active_security_associations': pairs(lambda sa: True),
    'quickmode.active_tunnels': pairs(tunnel),
    'quickmode.pending_key_operations': 0,
    'quickmode.key_additions': sum(added.values()) + len(updated),
    'quickmode.key_deletions': went,
    'quickmode.bad_spi_packets': dropped('XfrmInNoStates'),
    'quickmode.packets_with_replay_detection': dropped('XfrmInStateSeqError'),
    'quickmode.packets_not_authenticated': FAILED,
    'quickmode.packets_not_decrypted': dropped('XfrmInStateProtoError', 'XfrmInStateModeError', 'XfrmInHdrError') - FAILED,
    'quickmode.confidential_bytes_sent': carried(True, lambda sa: sa.cipher),
    'quickmode.confidential_bytes_received': carried(False, lambda sa: sa.cipher),
    'quickmode.authenticated_bytes_sent': carried(True, lambda sa: sa.integrity),
    'quickmode.authenticated_bytes_received': carried(False, lambda sa: sa.integrity),
    'quickmode.transport_bytes_sent': carried(True, lambda sa: sa.mode == 'transport'),
    'quickmode.transport_bytes_received': carried(False, lambda sa: sa.mode == 'transport'),
    'quickmode.bytes_sent_in_tunnels': carried(True, tunnel),
    'quickmode.bytes_received_in_tunnels': carried(False, tunnel),
    'quickmode.offloaded_security_associations': 0,
    'quickmode.offloaded_bytes_sent': 0,
    'quickmode.offloaded_bytes_received': 0,
}
# Without programs in the kernel it is derived from them.
expected['mainmode.total_get_spi'] = expected['mainmode.key_updates']

# ---- what the script did itself

did = collections.Counter()
for line in text_of('did').splitlines():
    key, _, count = line.partition(' ')
    did[key] += int(count)
# Refused by the kernel: told by audit.
expected['mainmode.key_addition_failures'] = did['refused.out']
expected['mainmode.key_update_failures'] = did['refused.in']

# ---- the daemon

LOG = (FOLDER / 'log').read_bytes()[int(text_of('log.before') or 0):].decode(errors='replace') if (FOLDER / 'log').exists() else ''


def numbers(pattern):
    """Of how many SAs the log says so."""
    return len(set(re.findall(pattern, LOG)))


def counter(pattern):
    return rise('counters', lambda text: sum(int(n) for n in re.findall(rf'(?m)(?:^|[ {{])(?:{pattern})=(\d+)', text)))


def given_up():
    """Requests of pluto's that were deleted before they came to anything, even to a failure: nobody sees them between two lists."""
    deleted = re.findall(r'#(\d+): deleting state \(STATE_(?:V2_PARENT_I\d|MAIN_I\d)\) aged ([\d.]+)s', LOG)
    failed = r'#{}: (?!deleting).*(?:fatal error|_CHOSEN notification|timeout exceeded)'
    return sum(float(age) <= LIST_S and not re.search(failed.format(unique), LOG) for unique, age in deleted)


def socket_drops(text):
    return sum(int(line.split()[-1]) for line in text.splitlines()[1:] if re.match(r'\s*\d+: \w+:(01F4|1194) ', line))


if text_of('counters.after'):
    expected.update({
        'mainmode.active_acquire': 0,
        'mainmode.connection_list_size': 0,
        'mainmode.soft_associations': 0,
        'mainmode.receive_failures': rise('udp', socket_drops),
    })
    if STRONGSWAN:
        expected.update({
            'mainmode.receive_heap_size': counter(r'[a-z-]+-in-(?:req|resp)'),
            'mainmode.invalid_cookies_received': counter('invalid-spi'),
            'mainmode.invalid_packets_received': counter('invalid'),
            'mainmode.isadb_list_size': len(re.findall(r'uniqueid=\d+ version=', text_of('sas'))),
            'mainmode.ike_main_mode': numbers(r'IKE_SA \S+\[(\d+)\] (?:established|rekeyed) between'),
            'mainmode.ike_quick_mode': numbers(r'CHILD_SA \S+\{(\d+)\} established with SPIs'),
            # That of a rekey is in the log, too, but it is no request.
            'mainmode.total_acquire': numbers(r'initiating (?:\w+ Mode )?IKE_SA \S+\[(\d+)\] to') - counter('ike-rekey-init'),
            'quickmode.rekeys': counter('child-rekey'),
        })
        if not did['uncertain']:
            expected['mainmode.authentication_failures'] = did['authentication']
            expected['mainmode.negotiation_failures'] = did['negotiation']
            expected['mainmode.acquire_failures'] = did['acquire']
    else:
        begun = numbers(r'#(\d+): initiating IKEv[12](?: Main Mode)? connection')
        expected.update({
            'mainmode.receive_heap_size': None,
            'mainmode.isadb_list_size': sum(map(int, re.findall(r'(?m)^current\.states\.ike=(\d+)', text_of('counters.after')))),
            'mainmode.authentication_failures': counter(
                r'total\.ikev[12]\.(?:sent|recv)\.notifies\.error\.AUTH(?:ENTICATION|ORIZATION)_FAILED'),
            'mainmode.negotiation_failures': counter(
                r'total\.ike\.ikev[12]\.failed|total\.ikev2\.(?:sent|recv)\.notifies\.error\.TS_UNACCEPTABLE'),
            # pluto 4.10 drops both and counts neither.
            'mainmode.invalid_cookies_received': None,
            'mainmode.invalid_packets_received': None,
            'mainmode.ike_main_mode': numbers(r'#(\d+): (?:(?:initiator|responder) (?:established|rekeyed)|ISAKMP|IKE SA).*IKE SA'
                                              r'|#(\d+): I(?:KE|SAKMP) SA established'),
            # Of a child that pluto answers by IKEv1 its own counter, which is what is read, says two.
            'mainmode.ike_quick_mode': numbers(r'#(\d+): (?:(?:initiator|responder) (?:established|rekeyed) Child SA|IPsec SA established)')
            + numbers(r'#(\d+): sent Quick Mode reply, inbound IPsec SA installed'),
            'mainmode.total_acquire': range(begun - given_up(), begun + 1),
            'quickmode.rekeys': numbers(r'#(\d+): (?:initiator|responder) rekeyed Child SA'),
        })
        if not did['uncertain']:
            expected['mainmode.acquire_failures'] = did['acquire']

# ---- the comparison

before, after = told('before'), told('after')
differ, moved = [], []
for key in sorted(before.keys() | after.keys()):
    one, two = before.get(key), after.get(key)
    if not one or not two:
        differ.append(f'{key}: it is told at one time only')
        continue
    if one['value'] is None or two['value'] is None:
        rose = None
    else:
        rose = two['value'] if two['kind'] == 'gauge' else two['value'] - one['value']
    if rose:
        moved.append(key)
    if key in NOT_COMPARED or key not in expected:
        continue
    if rose != expected[key] and not (isinstance(expected[key], range) and rose in expected[key]):
        differ.append(f'{key}: ipsecmon {rose} ({two.get("note") or ""}), counted {expected[key]}')
for key in sorted(expected.keys() - after.keys()):
    differ.append(f'{key}: it is not told')
(FOLDER / 'moved').write_text('\n'.join(moved) + '\n')
for line in differ:
    print(f'{END}: {line}')
sys.exit(bool(differ))
