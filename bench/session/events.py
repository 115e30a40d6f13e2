"""How fast a feed of a million events is read from its beginning to its end: bench/events calls it."""

import argparse
import contextlib
import json
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import time

import access
import machine
import postgresql
import server

# Events like those of real users, again and again.
MULTIPLY = {
    "sqlite": """INSERT INTO events (id, at, account, account_id, kind, body)
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {times})
        SELECT substr(e.id, 1, 24) || printf('%012x', i), e.at, e.account, e.account_id, e.kind, e.body
        FROM n CROSS JOIN (SELECT * FROM events WHERE kind = 'user.created' ORDER BY seq LIMIT {each}) AS e""",
    "postgres": """INSERT INTO events (id, at, account, account_id, kind, body)
        SELECT substr(e.id, 1, 24) || lpad(to_hex(i), 12, '0'), e.at, e.account, e.account_id, e.kind, e.body
        FROM generate_series(1, {times}) AS n(i) CROSS JOIN (SELECT * FROM events WHERE kind = 'user.created' ORDER BY seq LIMIT {each}) AS e""",
}
EACH = 1_000


def sql(bench, text):
    cluster = bench.server.cluster
    if cluster:
        psql = [cluster.bin / "psql", "-qAt", "-v", "ON_ERROR_STOP=1", cluster.url(server.DATABASE), "-c", text]
        subprocess.run(psql, capture_output=True, text=True, check=True)
    else:
        with contextlib.closing(sqlite3.connect(bench.server.data / "gateway.db", timeout=600)) as conn, conn:
            conn.execute(text)


def poll(bench, whose):
    """Reads all there is, as a reader does that begins; says how many events and bytes."""
    found, size, after = 0, 0, ""
    while True:
        bench.connection.request("GET", f"/events?limit=1000{whose}{after}", headers={"Authorization": f"Bearer {bench.server.admin_token}"})
        answer = bench.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"/events: {answer.status} {text.decode()[:500]}")
        # What a reader makes of it is its own affair: the ends of the answer are enough to go on.
        found += text.count(b'"type":"user.created"')
        size += len(text)
        rest = json.loads("{" + text[text.rindex(b'"cursor"'):].decode())
        after = "&after=" + rest["cursor"]
        if not rest["more"]:
            return found, size


def main():
    parser = argparse.ArgumentParser(prog="bench/events", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--events", type=int, default=1_000_000, help="how many (default %(default)s)")
    parser.add_argument("--no-build", action="store_true", help="measure what was built last")
    parser.add_argument("--gateway", type=pathlib.Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    home = pathlib.Path(tempfile.mkdtemp(prefix="gateway-bench-"))
    cluster, bench = None, None
    try:
        if asked.database == "postgres":
            cluster = postgresql.Cluster(home / "postgresql")
        bench = access.Bench(asked, home, cluster)
        bench.fill(EACH)
        sql(bench, MULTIPLY[asked.database].format(times=asked.events // EACH, each=EACH))
        print(f"{asked.database}; {asked.events} events and those that were there; {machine.describe()}\n")
        print("| reader | events | a second | MB a second | cpu s for 1,000,000 |")
        print("|---|---:|---:|---:|---:|")
        for reader, whose in [("of all accounts", ""), ("of one account", f"&account={bench.account}")]:
            before, began = access.cpu_seconds(bench.server.pids), time.perf_counter()
            found, size = poll(bench, whose)
            took, cpu = time.perf_counter() - began, access.cpu_seconds(bench.server.pids) - before
            print(f"| {reader} | {found} | {found / took:.0f} | {size / took / 1e6:.1f} | {cpu * 1e6 / found:.1f} |", flush=True)
    finally:
        if bench:
            bench.server.stop()
        if cluster:
            cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
