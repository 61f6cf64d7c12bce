#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what configdump says of ipsec.conf with what a real pluto has loaded of it, field by field.

usage: config_whack.py FACTS STATUS

FACTS: configdump's lines. STATUS: `ipsec whack --status`. Output: TAP.
"""
import json
import re
import sys

sys.dont_write_bytecode = True

from comparison import Comparison  # noqa: E402

METHODS = {"secret": "psk", "rsasig": "pubkey", "ecdsa": "pubkey", "never": "", "null": "null"}


def read_status(lines):
    """{connection: [what is said of it, line by line]}"""
    loaded = {}
    for line in lines:
        found = re.match(r'000 "([^"]+)": +(.*)', line.rstrip("\n"))
        if found:
            loaded.setdefault(found.group(1), []).append(found.group(2))
    return loaded


def selector(text):
    """As facts spell what pluto spells PREFIX:UDP/1701."""
    prefix, _, ports = text.partition(":") if "::" not in text else (text, "", "")
    proto, _, port = ports.lower().partition("/")
    return prefix + (f"[{proto}/{port}]" if proto and port != "0-65535" else f"[{proto}]" if proto else "")


class Connections(Comparison):
    def connection(self, c, k, lines):
        said = "; ".join(lines)
        shunt = k["action"] != "protect"

        def same(what, ours, theirs):
            self.same(f"{c['connection']}: {what}", ours, theirs)

        def find(pattern):
            found = re.search(pattern, said)
            return found.group(1) if found else None

        policy = find(r"policy: ([^;]*);").split("+")
        local, remote = lines[0].split(";")[0].split("...")
        local_ts, _, local_host = local.rpartition("===")
        remote_host, _, remote_ts = remote.partition("===")
        host = re.compile(r"^[^\[]*")
        same("local host", c["local"], host.match(local_host).group())
        same("remote host", c["remote"], host.match(remote_host).group())
        # The host itself is not written; what anybody may have is not known from a file.
        same("local selector", k["local_ts"], selector(local_ts) if local_ts else k["local_ts"])
        if not k["remote_ts"].startswith("dynamic"):
            same("remote selector", k["remote_ts"], selector(remote_ts) if remote_ts else k["remote_ts"])
        for end, who in ("local", "our"), ("remote", "their"):
            same(f"{end} identity", c.get(f"{end}_id", "(none)"), find(rf"{who} id=([^;]*)(;|$)"))
            method = find(rf"{who} auth:([a-zA-Z]*)").lower()
            same(f"{end} authentication", c.get(f"{end}_auth", ""), METHODS[method])
        same("version", c["version"], 1 if "IKEv1" in policy else 2)
        same("mode", k["mode"], 1 if "TUNNEL" in policy else 0)
        same("action", k["action"], "pass" if "PASS" in policy else "protect")
        same("mobike", c.get("mobike", False), "MOBIKE" in policy)
        same("encapsulation", c.get("encap", False), find(r"encaps:(\w+)") == "yes")
        same("protocol", k["proto"], 51 if "AUTHENTICATE" in policy else 50)
        same("IKE life", c.get("rekey_s", 0) + c.get("reauth_s", 0) + c.get("over_s", 0), int(find(r"ike_life: (\d+)")))
        same("IPsec life", k.get("life_s", 0), int(find(r"ipsec_life: (\d+)")))
        same("rekeying", c.get("rekey_s", 0) > 0 and k.get("rekey_s", 0) > 0, "DONT_REKEY" not in policy and not shunt)
        if k.get("rekey_s"):
            same("margin", k["life_s"] - k["rekey_s"], int(find(r"rekey_margin: (\d+)")))
        same("DPD", c.get("dpd_s", 0), int(find(r"delay:(\d+)s")))
        same("priority", str(k.get("priority", "auto")), find(r"sa_prio:(\w+)") if not shunt else "auto")
        mark = find(r"; mark: (\d+)/")
        same("mark", k.get("mark_in", 0), int(mark) if mark else 0)


def main():
    facts = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
    loaded = read_status(open(sys.argv[2], encoding="utf-8"))
    conns = {f["connection"]: f for f in facts if "connection" in f}
    children = {f["child"]: f for f in facts if "child" in f}
    wanted = [n for n in conns if children[n]["intent"] != "disabled"]
    to = Connections()
    to.same("the connections", sorted(wanted), sorted(loaded))
    for name in wanted:
        if name in loaded:
            to.connection(conns[name], children[name], loaded[name])
    print(f"1..{to.n}")
    return to.wrong != 0


if __name__ == "__main__":
    sys.exit(main())
