"""How long it takes to end many grants at once, and whether the next request at another replica knows: bench/revocation calls it."""

import argparse
import contextlib
import json
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import customer
import machine
import postgresql
import server

FINGERPRINTS = {"sqlite": "randomblob(32)", "postgres": "sha256(random()::text::bytea || i::text::bytea)"}
# Grants like the newest, and a refresh token for each.
MULTIPLY = """
INSERT INTO grants (client, account, owner, owner_id, scope, created)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many})
    SELECT g.client, g.account, g.owner, g.owner_id, g.scope, g.created
    FROM n, (SELECT * FROM grants WHERE owner IS NOT NULL ORDER BY seq DESC LIMIT 1) AS g;
INSERT INTO refresh_tokens (fingerprint, grant_seq, generation, created, expires)
    SELECT {fingerprint}, i, 0, 1800000000000, 1900000000000 FROM (SELECT g.seq AS i FROM grants AS g
    WHERE g.ended IS NULL AND NOT EXISTS (SELECT 1 FROM refresh_tokens AS t WHERE t.grant_seq = g.seq)) AS bare;
"""


class Bench:
    def __init__(self, asked, home, cluster):
        self.cluster, self.kind = cluster, asked.database
        self.replicas = [server.Server(asked.gateway, home, cluster) for _ in range(2)]
        self.file = self.replicas[0].data / "gateway.db"
        self.customer = customer.Customer(self.replicas[0], home)
        account = self.admin("GET", "/admin/accounts?name=bench")["items"][0]["id"]
        user = self.admin("GET", f"/admin/accounts/{account}/users")["items"][0]["id"]
        self.user = f"/admin/accounts/{account}/users/{user}"

    def admin(self, method, path, body=None):
        first = self.replicas[0]
        request = urllib.request.Request(first.url + path, json.dumps(body).encode() if body else None, method=method)
        request.add_header("Authorization", f"Bearer {first.admin_token}")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=600) as answer:
            return json.loads(answer.read() or "null")

    def sql(self, text):
        if self.cluster:
            psql = [self.cluster.bin / "psql", "-qAt", "-v", "ON_ERROR_STOP=1", self.cluster.url(server.DATABASE), "-c", text]
            return subprocess.run(psql, capture_output=True, text=True, check=True).stdout.strip()
        with contextlib.closing(sqlite3.connect(self.file, timeout=600)) as conn:
            if text.lstrip().startswith("SELECT"):
                return str(conn.execute(text).fetchone()[0])
            conn.executescript("BEGIN;" + text + "COMMIT;")
            return ""

    def asks(self, replica, token):
        """The status of a SCIM request, and its milliseconds."""
        request = urllib.request.Request(replica.url + "/scim/v2/Users?count=1")
        request.add_header("Authorization", f"Bearer {token}")
        began = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                answer.read()
                status = answer.status
        except urllib.error.HTTPError as refused:
            status = refused.code
        return status, (time.perf_counter() - began) * 1000

    def end(self, many):
        """Ends `many` grants of one person by deactivating them."""
        refresh = self.customer.refresh_tokens(1)[0]
        token = self.customer._token(grant_type="refresh_token", refresh_token=refresh)["access_token"]
        if many > 1:
            self.sql(MULTIPLY.format(many=many - 1, fingerprint=FINGERPRINTS[self.kind]))
        # Settled before anything is measured: what was loaded is written, and the planner knows it.
        self.sql("ANALYZE;" if self.cluster else "SELECT 1")
        open_ones = int(self.sql("SELECT COUNT(*) FROM grants WHERE ended IS NULL AND owner IS NOT NULL"))
        # The next commits would check in what the load left in the write-ahead log, and cut it short.
        for n in range(5):
            self.admin("PATCH", self.user, {"title": f"Owner of {many}, {n}"})
        asked = [self.asks(replica, token) for _ in range(25) for replica in self.replicas]
        assert all(status == 200 for status, _ in asked), asked
        began = time.perf_counter()
        self.admin("PATCH", self.user, {"active": False})
        took = (time.perf_counter() - began) * 1000
        after = [self.asks(replica, token) for _ in range(25) for replica in reversed(self.replicas)]
        assert all(status == 401 for status, _ in after), after
        pending = int(self.sql("SELECT COUNT(*) FROM endings"))
        began = time.perf_counter()
        while int(self.sql("SELECT COUNT(*) FROM endings")) > 0:
            time.sleep(1)
        settled = time.perf_counter() - began
        left = int(self.sql("SELECT COUNT(*) FROM grants WHERE ended IS NULL AND owner IS NOT NULL"))
        self.admin("PATCH", self.user, {"active": True})
        again = [self.asks(replica, token)[0] for replica in self.replicas]
        assert pending == 1 and left == 0 and again == [401, 401], (pending, left, again)
        median = lambda rows: statistics.median(ms for _, ms in rows)
        return open_ones, median(asked), took, after[0][1], median(after), settled


def main():
    parser = argparse.ArgumentParser(prog="bench/revocation", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--grants", default="1,1000,1000000", help="numbers of grants, separated by commas (default %(default)s)")
    parser.add_argument("--no-build", action="store_true", help="measure what was built last")
    parser.add_argument("--gateway", type=pathlib.Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    home = pathlib.Path(tempfile.mkdtemp(prefix="gateway-bench-"))
    cluster, bench = None, None
    try:
        if asked.database == "postgres":
            cluster = postgresql.Cluster(home / "postgresql")
        bench = Bench(asked, home, cluster)
        print(f"{asked.database}; {machine.describe()}; milliseconds")
        print("| grants | request before | deactivation | first request after, other replica | request after | written down after s |")
        print("|---:|---:|---:|---:|---:|---:|")
        for many in asked.grants.split(","):
            count, before, took, first, after, settled = bench.end(int(many))
            print(f"| {count} | {before:.2f} | {took:.2f} | {first:.2f} | {after:.2f} | {settled:.0f} |", flush=True)
    finally:
        for replica in bench.replicas if bench else []:
            replica.stop()
        if cluster:
            cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
