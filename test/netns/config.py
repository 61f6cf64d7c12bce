#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what configdump says of configuration files with what a real charon has loaded of it, field by field.

usage: config.py FACTS LIST-CONNS [CHARON-LOG]

FACTS: configdump's lines. LIST-CONNS: `swanctl --list-conns --pretty`. CHARON-LOG: with cfg = 2, which has what
list-conns does not, of what came by VICI. Output: TAP.
"""
import json
import re
import sys

sys.dont_write_bytecode = True

from comparison import Comparison  # noqa: E402

SERVICES = {"sip": 5060, "ssh": 22, "telnet": 23, "bacula-dir": 9101, "hp-pdl-datastr": 9100, "l2f": 1701}
MODES = {"TUNNEL": (1, "protect"), "TRANSPORT": (0, "protect"), "BEET": (4, "protect"), "PASS": (0, "pass"),
         "DROP": (0, "drop")}
CLASSES = {"psk": "pre-shared key", "pubkey": "public key", "eap-mschapv2": "EAP"}
VERSIONS = {"IKEv1": 1, "IKEv2": 2, "IKEv1/2": 0}


def read_pretty(lines):
    """The sections, keys and lists of swanctl --pretty as dictionaries and lists."""
    stack, items = [{}], None
    for line in lines:
        text = line.strip()
        if items is not None:
            if text == "]":
                items = None
            else:
                items.append(text)
        elif text.endswith("= ["):
            items = stack[-1].setdefault(text[:-3].strip(), [])
        elif text.endswith("{"):
            stack.append(stack[-1].setdefault(text[:-1].strip(), {}))
        elif text == "}":
            stack.pop()
        elif " = " in text:
            key, value = text.split(" = ", 1)
            stack[-1][key] = value
    return stack[0]


def read_log(lines):
    """{connection: {key: value, "children": {name: {key: value}}}} of what charon says while it loads."""
    loaded, conn, into = {}, None, None
    for line in lines:
        found = re.search(r"\[CFG\]  ?(.*)", line)
        text = found.group(1) if found else ""
        if re.match(r"conn (.*):$", text.strip()) and not text.startswith("  "):
            conn = into = loaded.setdefault(text.strip()[5:-1], {"children": {}})
        elif conn is not None and re.match(r" *child (.*):$", text):
            into = conn["children"].setdefault(text.strip()[6:-1], {})
        elif conn is not None and " = " in text:
            key, value = text.strip().split(" = ", 1)
            if key == "version":
                into = conn
            into[key] = value
    return loaded


def plain(selector):
    """A selector without names of services, which charon takes from its /etc/services."""
    return re.sub(r"/([a-z][a-z0-9-]*)\]", lambda m: "/%d]" % SERVICES[m.group(1)], selector)


class Connections(Comparison):
    def connection(self, c, listed, logged):
        name = c["connection"]

        def same(what, ours, theirs):
            self.same(f"{name}: {what}", ours, theirs)

        same("version", c.get("version", 0), VERSIONS[listed["version"]])
        same("local addresses", c["local"].split(), listed["local_addrs"])
        same("remote addresses", c["remote"].split(), listed["remote_addrs"])
        same("rekeying", c.get("rekey_s", 0), int(listed["rekey_time"]))
        same("reauthentication", c.get("reauth_s", 0), int(listed["reauth_time"]))
        same("uniqueness", c["unique"], listed["unique"].removeprefix("UNIQUE_").lower())
        same("DPD", c.get("dpd_s", 0), int(listed.get("dpd_delay", 0)))
        if logged:
            same("over_time", c.get("over_s", 0), int(logged["over_time"]))
            for key in "mobike", "aggressive", "encap":
                same(key, c.get(key, False), logged[key] == "1")
        for end in "local", "remote":
            rounds = [listed[k] for k in sorted(listed) if re.fullmatch(end + r"-\d+", k)]
            same(f"{end} authentication", [CLASSES[a] for a in c[f"{end}_auth"].split()],
                 # What charon does not name can be any; pubkey is what it takes then.
                 [r.get("class", "public key") for r in rounds])
            ids = [r["id"] for r in rounds if "id" in r]
            same(f"{end} identity", c.get(f"{end}_id", ""), ids[0] if ids else "")

    def child(self, c, listed, logged):
        name = f"{c['of']}/{c['child']}"

        def same(what, ours, theirs):
            self.same(f"{name}: {what}", ours, theirs)

        same("mode", (c["mode"], c["action"]), MODES[listed["mode"]])
        same("local selectors", c["local_ts"].split(), [plain(s) for s in listed["local-ts"]])
        same("remote selectors", c["remote_ts"].split(), [plain(s) for s in listed["remote-ts"]])
        same("dpd_action", c["dpd_action"], listed["dpd_action"])
        same("close_action", c["close_action"], listed["close_action"])
        for what, key in ("time", "s"), ("bytes", "bytes"), ("packets", "packets"):
            # null: not known from the file (it depends on charon's version)
            if c.get(f"rekey_{key}", 0) is not None:
                same(f"rekey_{what}", c.get(f"rekey_{key}", 0), int(listed[f"rekey_{what}"]))
            if logged:
                same(f"life_{what}", c.get(f"life_{key}", 0), int(logged[f"life_{what}"]))
        if not logged:
            return
        intents = {"none": "none", "trap": "on demand", "start": "always"}
        same("start_action", c["intent"], intents[logged["start_action"]])
        for key in "reqid", "priority":
            same(key, c.get(key, 0), int(logged[key]))
        for key in "mark_in", "mark_out":
            same(key, c.get(key, 0), int(logged[key].split("/")[0]))
        same("protocol", c["proto"], 51 if logged["proposals"].startswith("AH:") else 50)
        same("number of proposals", 2 if c["proposals"] == "default" else len(c["proposals"].split(", ")),
             len(logged["proposals"].split(", ")))


def main():
    facts = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
    events = read_pretty(open(sys.argv[2], encoding="utf-8"))
    listed = {name: c for key, section in events.items() if isinstance(section, dict)
              for name, c in (section.items() if "list-conn" in key else [(key, section)])}
    logged = read_log(open(sys.argv[3], encoding="utf-8", errors="replace")) if len(sys.argv) > 3 else {}
    conns = {f["connection"]: f for f in facts if "connection" in f}
    children = [f for f in facts if "child" in f]
    to = Connections()
    to.same("the connections", sorted(conns), sorted(listed))
    to.same("their children", sorted((c["of"], c["child"]) for c in children),
            sorted((n, k) for n, c in listed.items() for k in c["children"]))
    for name, c in conns.items():
        if name in listed:
            to.connection(c, listed[name], logged.get(name))
    for c in children:
        if c["child"] in listed.get(c["of"], {}).get("children", {}):
            to.child(c, listed[c["of"]]["children"][c["child"]],
                     logged[c["of"]]["children"][c["child"]] if logged else None)
    print(f"1..{to.n}")
    return to.wrong != 0


if __name__ == "__main__":
    sys.exit(main())
