"""What a quiet account's requests take while another account works hard: bench/neighbours calls it.

The server has all cores and its default settings, as the clients do; the loud account's clients are a process that yields to all others,
as if they were on a machine of their own. They send their next request as soon as they have an answer, and whichever it is; with
--heed they wait as long as Retry-After says.
"""

import argparse
import collections
import contextlib
import http.client
import json
import multiprocessing
import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import urllib.parse

import customer
import machine
import postgresql
import server

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
# What is measured, and the pause between two of them in seconds.
KINDS = {"GET": 0.01, "PATCH": 0.02, "refresh": 0.02, "log-in": 0.1, "readiness": 0.1}

NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many}) ",
    "postgres": "WITH n(i) AS (SELECT generate_series(1, {many})) ",
}
ID = {
    "sqlite": "printf('0198{account:04x}-0000-7000-8000-%012x', i)",
    "postgres": "'0198{account:04x}-0000-7000-8000-' || lpad(to_hex(i), 12, '0')",
}
# Users like the template, each with a name of their own.
MULTIPLY = """
INSERT INTO resources (account, resource_type, id, version, created, last_modified, active, provisioned, display, document)
    {numbers} SELECT r.account, r.resource_type, {id}, 1, r.created, r.last_modified, r.active, r.provisioned,
    replace(r.display, 'template', 'user' || i), replace(r.document, 'template', 'user' || i)
    FROM n, (SELECT * FROM resources WHERE account = {account} AND display LIKE 'template%') AS r;
INSERT INTO attribute_values (account, attribute, key, resource, is_unique)
    SELECT v.account, v.attribute, replace(v.key, 'template', replace(u.display, '@load.example', '')), u.seq, v.is_unique
    FROM attribute_values AS v, resources AS t, resources AS u
    WHERE t.account = {account} AND t.display LIKE 'template%' AND v.account = t.account AND v.resource = t.seq
    AND u.account = t.account AND u.display LIKE 'user%';
UPDATE resource_counts SET n = n + {many} WHERE account = {account} AND resource_type =
    (SELECT resource_type FROM resources WHERE account = {account} AND display LIKE 'template%')
    AND shard = (SELECT min(shard) FROM resource_counts AS c WHERE c.account = {account} AND c.resource_type =
    (SELECT resource_type FROM resources WHERE account = {account} AND display LIKE 'template%'));
"""
FILL_GROUPS = """
INSERT INTO members (group_seq, member_seq)
    SELECT g.seq, u.seq FROM resources AS g, resources AS u WHERE g.account = {account} AND g.display LIKE 'group%'
    AND u.account = g.account AND u.display LIKE 'user%';
"""


class Connection:
    """One connection that is kept, and opened again when it was closed."""

    def __init__(self, url):
        self.at = urllib.parse.urlsplit(url).netloc
        self.conn = None

    def ask(self, method, path, body=None, headers=None):
        for attempt in (1, 2):
            fresh = self.conn is None
            if fresh:
                self.conn = http.client.HTTPConnection(self.at, timeout=150)
                self.conn.connect()
                self.conn.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self.conn.request(method, path, body=body, headers=headers or {})
                answer = self.conn.getresponse()
                text = answer.read()
                if answer.will_close:
                    self.close()
                return answer.status, answer.headers, text
            except (http.client.HTTPException, OSError):
                self.close()
                if fresh or attempt == 2:
                    raise

    def close(self):
        if self.conn:
            self.conn.close()
            self.conn = None


def scim_headers(token):
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}


class Bench:
    def __init__(self, asked, home, cluster):
        self.asked, self.cluster, self.kind = asked, cluster, asked.database
        self.server = server.Server(asked.gateway, home, cluster, core=None, settings=[pair.split("=", 1) for pair in asked.set])
        self.file = self.server.data / "gateway.db"
        self.quiet = customer.Customer(self.server, home, "quiet")
        self.loud = customer.Customer(self.server, home, "loud")
        self.fill(self.quiet, 1000)
        self.fill(self.loud, asked.users)
        self.groups = self.make_groups(self.loud, 16)
        self.server.settle()
        self.refresh_tokens = self.quiet.refresh_tokens(1)

    def sql(self, text):
        if self.cluster:
            psql = [self.cluster.bin / "psql", "-qAt", "-v", "ON_ERROR_STOP=1", self.cluster.url(server.DATABASE), "-c", text]
            return subprocess.run(psql, capture_output=True, text=True, check=True).stdout.strip()
        with contextlib.closing(sqlite3.connect(self.file, timeout=600)) as conn:
            if text.lstrip().startswith("SELECT"):
                return "\n".join(str(row[0]) for row in conn.execute(text))
            conn.executescript("BEGIN;" + text + "COMMIT;")
            return ""

    def account(self, whose):
        return int(self.sql(f"SELECT seq FROM accounts WHERE name = '{whose.name}'"))

    def fill(self, whose, many):
        user = {
            "schemas": [USER], "userName": "template@load.example", "displayName": "template@load.example", "title": "Engineer",
            "name": {"givenName": "Ada", "familyName": "Of Load"}, "role": "billing", "active": True,
            "emails": [{"value": "template@load.example", "type": "work", "primary": True}],
        }
        created = self.scim(whose, "POST", "/scim/v2/Users", user)
        account, numbers = self.account(whose), NUMBERS[self.kind].format(many=many)
        ids = ID[self.kind].format(account=account)
        self.sql(MULTIPLY.format(account=account, many=many, numbers=numbers, id=ids))
        found = self.scim(whose, "GET", "/scim/v2/Users?filter=userName%20eq%20%22user7@load.example%22")
        assert found["totalResults"] == 1, found
        return created["id"]

    def make_groups(self, whose, many):
        ids = [self.scim(whose, "POST", "/scim/v2/Groups", {"schemas": [GROUP], "displayName": f"group{n}"})["id"] for n in range(many)]
        self.sql(FILL_GROUPS.format(account=self.account(whose)))
        return ids

    def users(self, whose):
        return self.sql(f"SELECT id FROM resources WHERE account = {self.account(whose)} AND display LIKE 'user%'").split()

    def scim(self, whose, method, path, body=None):
        status, _, text = Connection(self.server.url).ask(method, path, body and json.dumps(body), scim_headers(whose.access_token()))
        assert status < 300, (status, text)
        return json.loads(text)


class Quiet:
    """The account whose requests are measured."""

    def __init__(self, bench):
        self.customer, self.url = bench.quiet, bench.server.url
        self.users, self.token = bench.users(bench.quiet), bench.quiet.access_token()
        self.tokens = bench.refresh_tokens

    def measure(self, seconds, told):
        """In a process of its own: milliseconds of each kind, and what failed."""
        self.ends = time.monotonic() + seconds
        self.took, self.failed = collections.defaultdict(list), collections.Counter()
        threads = [threading.Thread(target=self.loop, args=(kind, pause)) for kind, pause in KINDS.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        told.put((dict(self.took), dict(self.failed), self.tokens))

    def loop(self, kind, pause):
        conn, n = Connection(self.url), 0
        while time.monotonic() < self.ends:
            began = time.perf_counter()
            try:
                self.once(kind, conn, n)
            except Exception as error:  # it is counted, and the next one tried
                self.failed[f"{kind}: {error!r}"[:150]] += 1
                conn.close()
            self.took[kind].append((time.perf_counter() - began) * 1000)
            n += 1
            time.sleep(pause)

    def once(self, kind, conn, n):
        user = f"/scim/v2/Users/{self.users[n * 37 % len(self.users)]}"
        if kind == "GET":
            status, _, text = conn.ask("GET", user, None, scim_headers(self.token))
        elif kind == "PATCH":
            change = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "title", "value": f"Title {n} {time.time()}"}]}
            status, _, text = conn.ask("PATCH", user, json.dumps(change), scim_headers(self.token))
        elif kind == "refresh":
            given = self.customer._token(grant_type="refresh_token", refresh_token=self.tokens[0])
            self.tokens = [given["refresh_token"]]
            return
        elif kind == "log-in":
            self.customer.log_in()
            return
        else:
            status, _, text = conn.ask("GET", "/health/ready")
        assert status == 200, (status, text[:200])


class Loud:
    """The account that works hard, from a process of its own."""

    def __init__(self, bench, load, heed):
        self.url, self.token, self.groups = bench.server.url, bench.loud.access_token(), bench.groups
        self.load, self.heed = load, heed
        self.users = bench.users(bench.loud)[:60_000]

    def body(self, group, members):
        return json.dumps({"schemas": [GROUP], "displayName": f"group{group}", "members": [{"value": id} for id in members]}).encode()

    def run(self, seconds, told):
        os.nice(10)
        self.ends, self.statuses = time.monotonic() + seconds, collections.Counter()
        count = 32 if self.load == "scans" else 16
        threads = [threading.Thread(target=self.loop, args=(n,)) for n in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        told.put(dict(self.statuses))

    def loop(self, n):
        conn = Connection(self.url)
        requests = self.requests(n)
        turn = 0
        while time.monotonic() < self.ends:
            method, path, body = requests[turn % len(requests)]
            try:
                status, headers, _ = conn.ask(method, path, body, scim_headers(self.token))
                self.statuses[str(status)] += 1
                if status == 429 and self.heed:
                    time.sleep(int(headers["Retry-After"]))
                elif status != 429:
                    turn += 1
            except Exception as error:
                self.statuses[repr(error)[:100]] += 1
                conn.close()

    def requests(self, n):
        path = f"/scim/v2/Groups/{self.groups[n % len(self.groups)]}"
        if self.load == "puts":
            return [("PUT", path, self.body(n, self.users[10:])), ("PUT", path, self.body(n, self.users[:-10]))]
        if self.load == "refills":
            return [("PUT", path, self.body(n, self.users)), ("PUT", path, self.body(n, []))]
        if self.load == "reads":
            return [("GET", path, None)]
        return [("GET", "/scim/v2/Users?count=100&filter=" + urllib.parse.quote(f'title eq "Nobody {n}"'), None)]


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def phase(bench, quiet, load, seconds, heed):
    context = multiprocessing.get_context("fork")
    told, heard = context.Queue(), context.Queue()
    loud = None
    if load:
        loud = context.Process(target=Loud(bench, load, heed).run, args=(seconds + 3, heard))
        loud.start()
        time.sleep(2)
    probe = context.Process(target=quiet.measure, args=(seconds, told))
    probe.start()
    took, failed, quiet.tokens = told.get()
    probe.join()
    statuses = {}
    if loud:
        statuses = heard.get()
        loud.join()
    return took, failed, statuses


def main():
    parser = argparse.ArgumentParser(prog="bench/neighbours", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--loads", default="puts,scans", help="of puts (16 of a group of 60 000, ten members change), refills (16 that "
                        "fill and empty it), scans (32 unindexed filters), reads (16 GETs of a group of 60 000); default %(default)s")
    parser.add_argument("--users", type=int, default=60_000, help="of the loud account (default %(default)s)")
    parser.add_argument("--secs", type=int, default=20, help="for each load (default %(default)s)")
    parser.add_argument("--heed", action="store_true", help="the loud clients wait as long as Retry-After says")
    parser.add_argument("--set", action="append", default=[], metavar="GATEWAY__X__Y=Z", help="a setting of the server")
    parser.add_argument("--no-build", action="store_true", help="measure what was built last")
    parser.add_argument("--gateway", type=pathlib.Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    home = pathlib.Path(tempfile.mkdtemp(prefix="gateway-bench-"))
    cluster, bench = None, None
    try:
        if asked.database == "postgres":
            cluster = postgresql.Cluster(home / "postgresql", core=None)
        bench = Bench(asked, home, cluster)
        quiet = Quiet(bench)
        print(f"{asked.database}; {machine.describe().replace(', one for the server', '')}; p50 / p99 in milliseconds")
        print("| load | " + " | ".join(KINDS) + " | answers to the load |")
        print("|---|" + "---:|" * len(KINDS) + "---|")
        allowed = None
        for load in [None, *filter(None, asked.loads.split(","))]:
            took, failed, statuses = phase(bench, quiet, load, asked.secs, asked.heed)
            p99 = {kind: percentile(took.get(kind, []), 0.99) for kind in KINDS}
            cells = [f"{percentile(took.get(kind, []), 0.5):.1f} / {p99[kind]:.1f}" for kind in KINDS]
            counted = ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items()))
            print(f"| {load or 'none'} | " + " | ".join(cells) + f" | {counted} |", flush=True)
            for error, count in failed.items():
                print(f"failed {count} times: {error}", flush=True)
            if allowed is None:
                allowed = {kind: 2 * worst + 50 for kind, worst in p99.items()}
                print("| *wanted at most* | " + " | ".join(f"{allowed[kind]:.0f}" for kind in KINDS) + " | |", flush=True)
    finally:
        if bench:
            bench.server.stop()
        if cluster:
            cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
