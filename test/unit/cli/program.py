#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole of ipsecmon against a small monitor of our own:  program.py IPSECMON"""
import json
import os
import pty
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlparse

IPSECMON = sys.argv[1]
FOLDER = tempfile.mkdtemp(prefix="ipsecmon-program-")
SOCKET = FOLDER + "/socket"


FINGERPRINT = "a1e9156054e04fac899ae9f275132cdc07a5dbc4ea2c2ad3a1ffc6e0d253681f"
HEADS = ['{"type":"signed-head","number":%d,"host":"test","boot":"b","time":"2026-11-22T03:04:05.000006Z","segment":1,"line":%d,'
         '"seq":%d,"digest":"%s","key":"%s","sig":"%s"}' % (n, 3 * n, 2 * n, "d" * 64, FINGERPRINT, "5" * 128) for n in range(1, 31)]
KEYS = ('{"type":"key","key":"PRINT","number":1,"host":"test","time":"2026-11-22T03:04:05.000006Z","by":"PRINT","sig":"%s"}\n'
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n" %
        ("5" * 128)).replace("PRINT", FINGERPRINT)


def event(seq, **other):
    e = {"v": 1, "seq": seq, "time": f"2026-11-22T03:04:{seq % 60:02}.000000Z", "id": 4960, "level": "error",
         "count": 1, "counter": "XfrmInStateProtoError", "message": f"message {seq}"}
    return {**e, **other}


class Monitor(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    events = [event(n) for n in range(1, 101)]
    rows = {"sa": [{"netns": "init", "src": "192.0.2.1", "dst": "192.0.2.2", "proto": "esp", "spi": 0xC0FFEE,
                    "mode": "tunnel", "bytes": 1234567, "packets": 12, "encryption": "a\x1b[31mb"}],
            "reconcile": [{"netns": "init", "counter": "XfrmInNoStates", "kernel": 7, "attributed": 6, "unattributed": 0,
                           "suppressed": 0, "difference": 1}]}
    asked = []
    streams = []  # one list of events a connection; then it breaks
    put = None

    def log_message(self, *args):
        pass

    def answer(self, status, body, kind="application/json"):
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def lines(self, rows):
        self.answer(200, "".join(json.dumps(r) + "\n" for r in rows), "application/x-ndjson")

    def do_GET(self):
        url = urlparse(self.path)
        query = {k: v[0] for k, v in parse_qs(url.query).items()}
        name = url.path.removeprefix("/api/v1/")
        Monitor.asked.append((self.command, name, query))
        if name == "status":
            self.answer(200, json.dumps({"host": "test", "version": "0.1.0", "release": "6.1", "uptime_s": 3723,
                                         "sa": 1, "sources": [{"name": "audit", "state": "absent", "reason": "off",
                                                               "blind": "who"}],
                                         "now": "2026-11-22T03:10:00.000000Z"}))
        elif name == "events":
            rows = self.events
            if query.get("order") == "desc":
                rows = rows[::-1]
            self.lines(rows[:int(query.get("limit", len(rows)))])
        elif name == "stream":
            self.stream(int(query["since_seq"]))
        elif name == "log/segments":
            self.answer(200, json.dumps({"items": [
                {"name": f"{1:020}.jsonl.zst", "first_seq": 1, "size": 6},
                {"name": f"{50:020}.jsonl", "first_seq": 50, "size": 6},
                {"name": f"{90:020}.jsonl", "first_seq": 90, "size": 6}]}))
        elif name == f"log/segments/{90:020}.jsonl":  # sealed since it was listed
            self.answer(404, json.dumps({"error": "no such segment", "hint": None}))
        elif name == "log/heads":
            self.answer(200, "".join(h + "\n" for h in HEADS), "application/x-ndjson")
        elif name == "log/keys":
            self.answer(200, KEYS, "application/x-pem-file")
        elif name.startswith("log/segments/"):
            self.answer(200, name[-6:], "application/x-ndjson")
        elif name in self.rows:
            self.lines(self.rows[name])
        else:
            self.answer(404, json.dumps({"error": "no such thing", "hint": None}))

    def stream(self, since):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b": alive\n\n")
        if Monitor.streams:
            for e in Monitor.streams.pop(0):
                if e["seq"] > since:
                    self.wfile.write(f"id: {e['seq']}\nevent: event\ndata: {json.dumps(e)}\n\n".encode())
            self.wfile.write(b"id: 999\nevent: event\ndata: {\"seq\": 9")  # cut in the middle
        else:
            time.sleep(30)
        self.close_connection = True

    def do_POST(self):
        Monitor.asked.append((self.command, self.path, {}))
        self.answer(200, '{"fresh":true,"reason":null}')

    def do_PUT(self):
        Monitor.put = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if Monitor.put["setting"] == "both":
            self.answer(403, '{"error":"you may not","hint":"ask root"}')
        else:
            self.answer(200, '{"changed":1}')


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self):
        connection, _ = super().get_request()
        return connection, ("", 0)

    def handle_error(self, request, client_address):
        pass


def environment(**more):
    return {**os.environ, "IPSECMON_SOCKET": SOCKET, "TZ": "UTC", "LC_ALL": "C.UTF-8", **more}


def run(*args, **more):
    Monitor.asked.clear()
    return subprocess.run([IPSECMON, *args], capture_output=True, text=True, timeout=20, env=environment(**more))


def check(what, *facts):
    if not all(facts):
        raise AssertionError(f"{what}: {facts}")


def lists():
    r = run("show", "sa")
    check(r, r.returncode == 0, "0x00c0ffee" in r.stdout, "192.0.2.2" in r.stdout, r.stderr == "")
    check(Monitor.asked, Monitor.asked[0][0] == "POST")
    r = run("show", "sa", "-j")
    check(r, json.loads(r.stdout)["spi"] == 0xC0FFEE)
    r = run("-ospi,dst", "show", "sa", "-j")
    check(r, list(json.loads(r.stdout)) == ["spi", "dst"])
    r = run("show", "sa", "-t", "-o", "spi,bytes", "--where", "proto=esp", "--sort=-bytes", "--limit", "3")
    check(r, r.stdout.endswith("\t1234567\n"), r.stdout.count("\n") == 1)
    check(Monitor.asked, Monitor.asked[1][2] == {"where": "proto=esp", "sort": "-bytes", "limit": "3"})
    r = run("show", "sa", "-o", "encryption")
    check(r, "\x1b" not in r.stdout)


def wrong_usage():
    for args, meant in ((["shwo"], "'show'"), (["show", "sa", "-o", "sip"], "spi"),
                        (["show", "sa", "--where", "sip=1"], "spi"), (["show", "sa", "--sort", "x"], "bytes"),
                        (["events", "--id", "4966"], "4966"), (["events", "--id", "x"], "'x'"),
                        (["audit", "set", "driver", "nome"], "'none'"), (["audit", "export", "x", "--from=2", "--to=1"], "behind")):
        r = run(*args)
        check(r, r.returncode == 2, meant in r.stderr, r.stdout == "", not Monitor.asked)


def events_once():
    r = run("events")
    lines = r.stdout.splitlines()
    check(r, len(lines) == 50, lines[0] == "Nov 22 03:04:51 x  4960 message 51", lines[-1].endswith("message 100"))
    r = run("events", "--limit", "2", "-j")
    check(r, [json.loads(x)["seq"] for x in r.stdout.splitlines()] == [99, 100])
    r = run("events", "--since", "2026-01-01", "--id", "4960,4961", "-n")
    check(r, len(r.stdout.splitlines()) == 100, r.stdout.startswith("2026-11-22T03:04:01.000000Z x"))
    check(Monitor.asked, Monitor.asked[0][2]["order"] == "asc", Monitor.asked[0][2]["id"] == "4960,4961",
          Monitor.asked[0][2]["since"] == "2026-01-01T00:00:00.000000Z")


def follow(args, streams, expected):
    Monitor.streams = streams
    Monitor.asked.clear()
    p = subprocess.Popen([IPSECMON, "events", "-f", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         env=environment())
    lines = [p.stdout.readline() for _ in expected]
    p.send_signal(signal.SIGINT)
    rest, talk = p.communicate(timeout=10)
    check(lines, [int(x.split()[-1]) for x in lines] == expected, rest == "")
    check(talk, p.returncode == 0)
    return talk


def events_followed():
    talk = follow([], [[event(101), event(102)], [event(102), event(103)], [event(106)]], [101, 102, 103, 106])
    check(talk, "events 104 to 105 are not in the log any more" in talk, "away" in talk)
    since = [a[2]["since_seq"] for a in Monitor.asked if a[1] == "stream"]
    check(since, since[:3] == ["100", "102", "103"])
    follow(["--since", "2026-01-01"], [[event(101)]], [*range(1, 102)])
    follow(["--where", "id=4961"], [[event(101), event(102, id=4961)]], [102])


def audit():
    r = run("audit", "reconcile")
    check(r, r.returncode == 1, "XfrmInNoStates" in r.stdout)
    Monitor.rows["reconcile"][0]["difference"] = 0
    check(r, run("audit", "rec").returncode == 0)
    r = run("audit", "set", "ipsec", "driver", "not", "configured")
    check(r, r.returncode == 0, Monitor.put == {"name": "IPsec Driver", "setting": "not configured"}, r.stdout == "")
    r = run("audit", "set", "driver", "both")
    check(r, r.returncode == 1, "you may not" in r.stderr, "ask root" in r.stderr)


def export():
    target = FOLDER + "/copy"
    r = run("audit", "export", target, "--from", "50", "--to", "80")
    check(r, r.returncode == 0, os.listdir(target + "/log") == [f"{50:020}.jsonl"])
    open(target + f"/log/{1:020}.jsonl", "w").close()  # of an earlier export
    r = run("audit", "export", target)
    check(r, r.returncode == 0, sorted(os.listdir(target + "/log")) == [
        f"{1:020}.jsonl.zst", f"{50:020}.jsonl", f"{90:020}.jsonl.zst"])
    check(r, open(target + f"/log/{50:020}.jsonl").read() == ".jsonl"[-6:])
    r = run("audit", "verify", target)
    check(r, r.returncode == 1, "NOT INTACT" in r.stdout, "line 1" in r.stdout)
    own = FOLDER + "/own"
    os.mkdir(own)
    open(own + "/lock", "w").close()
    r = run("audit", "export", own)
    check(r, r.returncode == 1, "state directory" in r.stderr, os.listdir(own) == ["lock"])


def heads():
    r = run("audit", "heads")
    lines = r.stdout.splitlines()
    check(r, r.returncode == 0, len(lines) == 21, lines[0].split() == ["NUMBER", "SIGNED", "SEGMENT", "LINE", "SEQ", "KEY"],
          lines[1].split() == ["11", "2026-11-22T03:04:05Z", "1", "33", "22", FINGERPRINT[:16]], lines[20].split()[0] == "30",
          max(map(len, lines)) <= 80)
    r = run("audit", "heads", "--limit", "2", "-j")
    check(r, r.stdout.splitlines() == HEADS[-2:])
    r = run("audit", "heads", "-j")
    check(r, r.stdout.splitlines() == HEADS)
    r = run("audit", "key")
    check(r, r.returncode == 0, r.stdout == KEYS, FINGERPRINT in r.stderr, "another host" in r.stderr)


def verify_options():
    folder = FOLDER + "/verify"
    os.mkdir(folder)
    none, key = folder + "/none", folder + "/key"
    open(none, "w").close()
    with open(key, "w") as f:
        f.write(KEYS)
    r = run("audit", "verify", folder, "--key", none)
    check(r, r.returncode == 1, "no public key in it" in r.stderr)
    r = run("audit", "verify", folder, "--key", folder + "/missing")
    check(r, r.returncode == 1, "missing: No such file" in r.stderr)
    r = run("audit", "verify", folder, "--key", key, "--head", none)
    check(r, r.returncode == 1, "there is no head in it" in r.stderr)
    r = run("audit", "verify", folder, "--key", key)
    check(r, r.returncode == 1, "no segment of an event log" in r.stderr)


def status():
    for args in ((), ("status",)):
        r = run(*args)
        check(r, r.returncode == 0, "up 1 h 2 min" in r.stdout, "not seen: who" in r.stdout, "7 since boot" in r.stdout,
              max(map(len, r.stdout.splitlines())) <= 80, "\x1b" not in r.stdout)
    check(r, "\x1b[31mabsent" in run("--color=always").stdout)
    check(r, json.loads(run("status", "-j").stdout)["host"] == "test")
    check(r, "ipsecmond 0.1.0" in run("version").stdout)


def not_reached():
    r = run("--socket", FOLDER + "/none")
    check(r, r.returncode == 3, "systemctl start ipsecmond" in r.stderr, r.stdout == "")
    if os.getuid() == 0:
        closed = FOLDER + "/closed"
        s = socket.socket(socket.AF_UNIX)
        s.bind(closed)
        s.listen()
        os.chmod(closed, 0o600)
        os.chmod(FOLDER, 0o755)
        r = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", IPSECMON, "--socket", closed],
                           capture_output=True, text=True)
        check(r, r.returncode == 3, "group ipsecmon" in r.stderr)
    check(r, run("version", "--socket", FOLDER + "/none").returncode == 0)


def broken_pipe():
    p = subprocess.Popen([IPSECMON, "events", "--since", "2026-01-01"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         env=environment())
    p.stdout.close()
    check(p, p.stderr.read() == b"", p.wait(10) == 0)
    with open("/dev/full", "w") as full:
        r = subprocess.run([IPSECMON, "help"], stdout=full, stderr=subprocess.PIPE, text=True, env=environment())
    check(r, r.returncode == 1, "No space left" in r.stderr)


def watch():
    p = subprocess.Popen([IPSECMON, "show", "sa", "--watch", "0.2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True, env=environment())
    lines = [p.stdout.readline() for _ in range(5)]
    p.send_signal(signal.SIGINT)
    p.communicate(timeout=10)
    check(lines, p.returncode == 0, lines[2] == "\n", lines[0] == lines[3])
    # On a terminal every picture begins at the top.
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(IPSECMON, [IPSECMON, "show", "sa", "--watch", "0.2"], environment(TERM="xterm"))
    seen = b""
    while seen.count(b"\x1b[H") < 3:
        seen += os.read(fd, 4096)
    os.write(fd, b"\x03")
    while True:
        try:
            if not os.read(fd, 4096):
                break
        except OSError:
            break
    check(seen, os.waitpid(pid, 0)[1] == 0, b"\x1b[2J" in seen)


def bridge():
    request = b"GET /api/v1/status HTTP/1.0\r\n\r\n"
    r = subprocess.run([IPSECMON, "bridge"], input=request, capture_output=True, timeout=10, env=environment())
    check(r, r.returncode == 0, b'"host": "test"' in r.stdout)
    a, b = socket.socketpair()
    far = FOLDER + "/far"
    ends = [subprocess.Popen([IPSECMON, "bridge", *args], stdin=s, stdout=s, stderr=subprocess.DEVNULL, env=environment())
            for s, args in ((a, ["--serial"]), (b, ["--listen", far]))]
    while not os.path.exists(far):
        time.sleep(0.05)
    r = run("show", "sa", "-j", "--socket", far)
    check(r, r.returncode == 0, json.loads(r.stdout)["spi"] == 0xC0FFEE)
    r = run("events", "--since", "2026-01-01", "--socket", far)
    check(r, len(r.stdout.splitlines()) == 100)
    a.close()
    b.close()
    ends[1].send_signal(signal.SIGTERM)
    check(ends, ends[1].wait(10) == 0, ends[0].wait(10) == 0, not os.path.exists(far))
    r = run("bridge", "--listen", SOCKET)
    check(r, r.returncode == 1, "listens there already" in r.stderr)


def too_long(*_):
    raise TimeoutError("took too long")


def main():
    signal.signal(signal.SIGALRM, too_long)
    server = Server(SOCKET, Monitor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tests = (lists, wrong_usage, events_once, events_followed, audit, export, heads, verify_options, status, not_reached, broken_pipe, watch, bridge)
    failed = 0
    print(f"1..{len(tests)}")
    for n, test in enumerate(tests, 1):
        signal.alarm(30)
        try:
            test()
            print(f"ok {n} - {test.__name__}", flush=True)
        except Exception as e:  # each test tells its own failure
            failed += 1
            print(f"not ok {n} - {test.__name__}\n# {type(e).__name__}: {e}", flush=True)
    subprocess.run(["rm", "-r", FOLDER], check=True)
    sys.exit(failed > 0)


main()
