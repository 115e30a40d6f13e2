"""What answers about access take: bench/access calls it."""

import argparse
import http.client
import json
import os
import pathlib
import shutil
import statistics
import tempfile
import time
import urllib.parse

import machine
import postgresql
import server

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
CORE = "urn:ietf:params:scim:schemas:core:2.0:"


def cpu_seconds(pids):
    """The processor time of processes, and of those that they started."""
    ticks = 0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(") ", 1)[1].split()
        except OSError:
            continue  # it has ended
        if int(stat.parent.name) in pids or int(fields[1]) in pids:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Bench:
    def __init__(self, asked, home, cluster):
        self.server = server.Server(asked.gateway, home, cluster, core=None)
        host = urllib.parse.urlsplit(self.server.url)
        self.connection = http.client.HTTPConnection(host.hostname, host.port, timeout=300)
        self.account = self.ask("POST", "/admin/accounts", {"name": "acme", "product_environments": ["prod", "stage"]})["id"]
        at = f"/admin/accounts/{self.account}"
        client = self.ask("POST", f"{at}/clients", {"name": "bench", "profile": "okta"})["client_id"]
        self.token = self.ask("POST", f"/admin/clients/{client}/tokens", {"name": "bench"})["token"]

    def ask(self, method, path, body=None, token=None):
        headers = {"Authorization": f"Bearer {token or self.server.admin_token}"}
        headers["Content-Type"] = "application/scim+json" if token else "application/json"
        self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {text.decode()[:500]}")
        return json.loads(text) if text else {}

    def fill(self, users):
        """Users, every second of them in one of ten groups, and a rule for each group."""
        ids = []
        for begin in range(0, users, 100):
            operations = [
                {"method": "POST", "path": "/Users", "bulkId": f"u{n}",
                 "data": {"schemas": [f"{CORE}User"], "userName": f"user{n}@acme.test", "role": "reports"}}
                for n in range(begin, min(begin + 100, users))
            ]
            done = self.ask("POST", "/scim/v2/Bulk", {"schemas": [BULK], "Operations": operations}, self.token)
            ids += [one["location"].rsplit("/", 1)[1] for one in done["Operations"]]
        for group in range(10):
            members = [{"value": one} for one in ids[2 * group::20]]
            body = {"schemas": [f"{CORE}Group"], "displayName": f"Group {group}", "members": members}
            self.ask("POST", "/scim/v2/Groups", body, self.token)
        rules = [{"group_name": f"Group {n}", "environments": ["prod"]} for n in range(10)]
        at = f"/admin/accounts/{self.account}"
        self.ask("PUT", f"{at}/access", {"rules": rules})
        self.ask("PATCH", at, {"unset_environments": "none"})

    def question(self, user):
        return {"subject": {"type": "user", "id": f"user{user}@acme.test"}, "action": {"name": "enter"},
                "resource": {"type": "environment", "id": "prod"}, "context": {"account": "acme"}}

    def measure(self, name, times, work):
        work(0)
        took, before = [], cpu_seconds(self.server.pids)
        for n in range(times):
            began = time.perf_counter()
            work(n)
            took.append((time.perf_counter() - began) * 1000)
        cpu = (cpu_seconds(self.server.pids) - before) * 1000 / times
        took.sort()
        print(f"| {name} | {times} | {statistics.median(took):.2f} | {took[int(len(took) * 0.95)]:.2f} | {cpu:.2f} |", flush=True)

    def who_may_enter(self, at=""):
        found, after = 0, ""
        while after is not None:
            page = self.ask("GET", f"/admin/accounts/{self.account}/access/users?environment=prod&limit=1000{at}{after}")
            found += len(page["items"])
            after = f"&after={page['next']}" if page.get("next") else None
        return found


def main():
    parser = argparse.ArgumentParser(prog="bench/access", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--users", type=int, default=10_000, help="how many users (default %(default)s)")
    parser.add_argument("--no-build", action="store_true", help="measure what was built last")
    parser.add_argument("--gateway", type=pathlib.Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    home = pathlib.Path(tempfile.mkdtemp(prefix="gateway-bench-"))
    cluster, bench = None, None
    try:
        if asked.database == "postgres":
            cluster = postgresql.Cluster(home / "postgresql")
        bench = Bench(asked, home, cluster)
        bench.fill(asked.users)
        print(f"{asked.database}; {asked.users} users, ten groups with a rule each, half of the users in one; {machine.describe()}\n")
        print("| question | times | median ms | 95 % ms | cpu ms each |")
        print("|---|---:|---:|---:|---:|")
        users, at = asked.users, f"/admin/accounts/{bench.account}"
        ask, question = bench.ask, bench.question
        bench.measure("one evaluation", 1000, lambda n: ask("POST", "/access/v1/evaluation", question(n * 7 % users)))
        batch = lambda n: {"evaluations": [question((n * 1000 + i) % users) for i in range(1000)]}
        bench.measure("a batch of 1,000, each of another user", 20, lambda n: ask("POST", "/access/v1/evaluations", batch(n)))
        bench.measure("the access of a user, with reasons", 500, lambda n: ask("GET", f"{at}/access/user?userName=user{n}@acme.test"))
        bench.measure("who may enter, all pages", 10, lambda _: bench.who_may_enter())
        what_if = {"unset_environments": "all"}
        bench.measure("what-if, the first 5,000 users", 5, lambda _: ask("POST", f"{at}/access/what-if?limit=1000", what_if))
        then = time.strftime("&at=%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        time.sleep(2)
        for n in range(0, users, 10):
            user = ask("GET", f"/scim/v2/Users?filter=userName%20eq%20%22user{n}@acme.test%22", token=bench.token)["Resources"][0]["id"]
            operation = {"op": "replace", "path": "role", "value": "billing"}
            body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}
            ask("PATCH", f"/scim/v2/Users/{user}", body, bench.token)
        bench.measure("the same list as it was, a tenth changed since", 10, lambda _: bench.who_may_enter(then))
    finally:
        if bench:
            bench.server.stop()
        if cluster:
            cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
