#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes C tables of catalog/*.toml:  catalog.py ids|tables|daemonlog CATALOG_DIR OUTPUT

Refuses IDs and names that are used twice, unknown references and missing keys, by name.
"""
import os
import re
import sys
import tomllib

LEVELS = ("information", "warning", "error")
LOGS = ("security", "system", "application")
DIRECTIONS = {"": 0, "in": 1, "out": 2, "fwd": 3}
WINDOWS_IDS = {*range(541, 548), 4719, 4960, 4961, 4962, 4963, 4965, 5478, 5479, 5480, 5483, 5484, 5485}
STATISTIC_KEYS = {"key", "title", "kind", "unit", "definition", "source", "cause", "action", "events"}
EVENT_KEYS = {"id", "name", "subcategory", "outcome", "level", "title", "message", "cause", "action", "since"}


def fail(text):
    sys.exit(f"catalog: {text}")


def read(directory, name):
    with open(os.path.join(directory, name + "s.toml" if name != "subcategory" else "subcategories.toml"), "rb") as f:
        return tomllib.load(f)[name]


def unique(rows, key, what):
    seen = set()
    for row in rows:
        if row[key] in seen:
            fail(f"{what} {row[key]} is there twice")
        seen.add(row[key])


def check_statistics(statistics, events):
    unique(statistics, "key", "statistic")
    known = {e["id"] for e in events} | WINDOWS_IDS
    for s in statistics:
        where = f"statistic {s.get('key')}"
        if set(s) != STATISTIC_KEYS:
            fail(f"{where}: missing or unknown {', '.join(sorted(set(s) ^ STATISTIC_KEYS))}")
        if not re.fullmatch(r"(mainmode|quickmode)\.[a-z_]+", s["key"]) or s["kind"] not in ("counter", "gauge"):
            fail(f"{where}: key or kind is none of ours")
        if s["key"].split(".")[1] != s["title"].lower().replace(" ", "_"):
            fail(f"{where}: the key is not made of the title")
        if set(s["events"]) - known:
            fail(f"{where}: no event {set(s['events']) - known}")


def check(events, subcategories, counters):
    unique(events, "id", "event ID")
    unique(events, "name", "event name")
    unique(counters, "name", "counter")
    keys = {s["key"] for s in subcategories}
    names = {e["name"] for e in events}
    for e in events:
        where = f"event {e.get('id')}"
        if EVENT_KEYS - set(e):
            fail(f"{where}: missing {', '.join(sorted(EVENT_KEYS - set(e)))}")
        if set(e) - EVENT_KEYS - {"log"}:
            fail(f"{where}: unknown {', '.join(sorted(set(e) - EVENT_KEYS - {'log'}))}")
        if e["subcategory"] not in keys or e["level"] not in LEVELS or e["outcome"] not in ("success", "failure"):
            fail(f"{where}: subcategory, level or outcome is none of ours")
        if e.get("log", "security") not in LOGS:
            fail(f"{where}: log is none of {', '.join(LOGS)}")
        if e["id"] < 10001 and e["id"] not in WINDOWS_IDS:
            fail(f"{where}: IDs below 10001 are Windows'")
        if re.sub(r"\{[a-z_]+\}", "", e["message"]).count("{"):
            fail(f"{where}: a brace in the message is not a field")
    for c in counters:
        if c["event"] not in names:
            fail(f"counter {c['name']}: no event {c['event']}")
        if c["direction"] not in DIRECTIONS:
            fail(f"counter {c['name']}: direction {c['direction']}")


def text(s):
    return '"' + s.replace("\\", "\\\\").replace('"', '\\"') + '"'


def ids(events, subcategories, statistics):
    yield "/* Made by tools/catalog.py from catalog/. Do not edit. */"
    yield "#pragma once"
    yield "enum event_id {"
    for e in events:
        yield f"\tEVENT_{e['name'].upper()} = {e['id']},"
    yield "};"
    yield "enum subcategory {"
    for s in subcategories:
        yield f"\tSUBCATEGORY_{s['key'].upper()},"
    yield "\tSUBCATEGORY_N,"
    yield "};"
    yield "enum statistic_id {"
    for s in statistics:
        yield f"\tSTATISTIC_{s['key'].upper().replace('.', '_')},"
    yield "\tSTATISTIC_N,"
    yield "};"


def tables(events, subcategories, counters, statistics):
    by_name = {e["name"]: e["id"] for e in events}
    yield "/* Made by tools/catalog.py from catalog/. Do not edit. */"
    yield '#include "catalog/catalog.h"'
    yield "const struct catalog_event catalog_events[] = {"
    for e in sorted(events, key=lambda e: e["id"]):
        yield "\t{ %d, %s, SUBCATEGORY_%s, %s, %s, %s, %s, %s, %s, %s, %s }," % (
            e["id"], text(e["name"]), e["subcategory"].upper(), text(e["outcome"]), text(e.get("log", "security")),
            text(e["level"]), text(e["title"]), text(e["message"]), text(e["cause"]), text(e["action"]), text(e["since"]))
    yield "};"
    yield "const size_t catalog_n_events = sizeof(catalog_events) / sizeof(catalog_events[0]);"
    yield "const struct catalog_subcategory catalog_subcategories[SUBCATEGORY_N] = {"
    for s in subcategories:
        yield "\t{ %s }," % ", ".join(text(s[k]) for k in ("name", "category", "volume", "audits", "purpose"))
    yield "};"
    yield "const struct catalog_counter catalog_counters[] = {"
    for c in counters:
        yield "\t{ %s, %d, %d, %s, %s, %s, %s }," % (
            text(c["name"]), by_name[c["event"]], DIRECTIONS[c["direction"]], "true" if c.get("lookups") else "false",
            text(c["title"]), text(c["cause"]), text(c["action"]))
    yield "};"
    yield "const size_t catalog_n_counters = sizeof(catalog_counters) / sizeof(catalog_counters[0]);"
    yield "const struct catalog_statistic catalog_statistics[STATISTIC_N] = {"
    for s in statistics:
        yield "\t{ %s, %s }," % (
            ", ".join(text(s[k]) for k in ("key", "title", "kind", "unit", "definition", "source", "cause", "action")),
            text(", ".join(map(str, s["events"]))))
    yield "};"


DAEMONS = ("strongswan", "libreswan")
MEANINGS = ("failure", "context", "loaded", "stopping")
SIDES = ("either", "initiator", "responder")
CAPTURES = ("_", "peer", "local", "id", "local_id", "ours", "theirs", "conn", "child", "cert", "issuer")
CAPTURE = re.compile(r"\{(%s)\}" % "|".join(CAPTURES))
PARTS_MAX = 8  # as DAEMONLOG_PARTS_MAX
LINE_KEYS = {"daemon", "pattern", "seen", "example"}
FAILURE_KEYS = {"cause", "about", "who", "final"}
LINE_OPTIONS = {"means", "who", "up_cause", "up_about", "fallback", "since", "until"}


def check_lines(lines):
    unique([{"both": (r.get("daemon"), r.get("pattern"))} for r in lines], "both", "daemon log line")
    for r in lines:
        where = f"daemon log line {r.get('pattern')}"
        needed = LINE_KEYS | (FAILURE_KEYS if r.get("means", "failure") == "failure" else set())
        if needed - set(r):
            fail(f"{where}: missing {', '.join(sorted(needed - set(r)))}")
        if set(r) - needed - LINE_OPTIONS:
            fail(f"{where}: unknown {', '.join(sorted(set(r) - needed - LINE_OPTIONS))}")
        if r["daemon"] not in DAEMONS or r.get("means", "failure") not in MEANINGS or r.get("who", "either") not in SIDES:
            fail(f"{where}: daemon, means or who is none of ours")
        if {r.get("about", "ike"), r.get("up_about", "ike")} - {"ike", "child"}:
            fail(f"{where}: about is ike or child")
        parts = parts_of(r["pattern"])
        if any(not literal for literal, _ in parts[1:]) or len(parts) > PARTS_MAX:
            fail(f"{where}: captures side by side, or too many of them")
        if r["pattern"] != r["pattern"].strip() or not r["pattern"]:
            fail(f"{where}: blanks at an end")


def parts_of(pattern):
    """[(literal, capture behind it or None)]: "a {_} b" is [("a ", "_"), (" b", None)]."""
    pieces = CAPTURE.split(pattern)
    return [(pieces[i], pieces[i + 1] if i + 1 < len(pieces) else None) for i in range(0, len(pieces), 2)
            if pieces[i] or i + 1 < len(pieces)]


def daemonlog(lines):
    def flag(b):
        return "true" if b else "false"
    yield "/* Made by tools/catalog.py from catalog/daemon-log.toml. Do not edit. */"
    yield '#include "catalog/daemonlog.h"'
    yield "const struct daemonlog_entry daemonlog_entries[] = {"
    for r in lines:
        parts = ", ".join("{ %s, %d, DAEMONLOG_%s }" % (
            text(literal), len(literal.encode()), {None: "END", "_": "ANY"}.get(capture, str(capture).upper()))
            for literal, capture in parts_of(r["pattern"]))
        about = r.get("about", "ike") == "child"
        yield "\t{ .daemon = DAEMON_%s, .means = DAEMONLOG_%s, .who = DAEMONLOG_%s, .cause = CAUSE_%s, .up_cause = CAUSE_%s," % (
            r["daemon"].upper(), r.get("means", "failure").upper(), r.get("who", "either").upper(),
            r.get("cause", "unknown").upper(), r.get("up_cause", r.get("cause", "unknown")).upper())
        yield "\t  .child = %s, .up_child = %s, .final = %s, .fallback = %s, .n_parts = %d, .parts = { %s }," % (
            flag(about), flag(about or r.get("up_about") == "child"), flag(r.get("final")), flag(r.get("fallback")),
            len(parts_of(r["pattern"])), parts)
        yield "\t  .since = %s, .until = %s, .seen = %s, .example = %s }," % tuple(
            text(r.get(k, "")) for k in ("since", "until", "seen", "example"))
    yield "};"
    yield "const size_t daemonlog_n_entries = sizeof(daemonlog_entries) / sizeof(daemonlog_entries[0]);"


def write(lines):
    with open(sys.argv[3], "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("ids", "tables", "daemonlog"):
        sys.exit(__doc__)
    if sys.argv[1] == "daemonlog":
        with open(os.path.join(sys.argv[2], "daemon-log.toml"), "rb") as f:
            log = tomllib.load(f)["line"]
        check_lines(log)
        write(daemonlog(log))
        return
    events, subcategories, counters, statistics = (
        read(sys.argv[2], n) for n in ("event", "subcategory", "counter", "statistic"))
    check(events, subcategories, counters)
    check_statistics(statistics, events)
    lines = (ids(events, subcategories, statistics) if sys.argv[1] == "ids"
             else tables(events, subcategories, counters, statistics))
    write(lines)


main()
