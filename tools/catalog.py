#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes C tables of catalog/*.toml:  catalog.py ids|tables CATALOG_DIR OUTPUT

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


def ids(events, subcategories):
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


def tables(events, subcategories, counters):
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


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("ids", "tables"):
        sys.exit(__doc__)
    events, subcategories, counters = (read(sys.argv[2], n) for n in ("event", "subcategory", "counter"))
    check(events, subcategories, counters)
    lines = ids(events, subcategories) if sys.argv[1] == "ids" else tables(events, subcategories, counters)
    with open(sys.argv[3], "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


main()
