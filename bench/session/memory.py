"""How much memory the gateway takes when much is asked for, not read, or sent: bench/memory calls it."""

import argparse
import concurrent.futures
import json
import pathlib
import shutil
import socket
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import customer
import machine
import postgresql
import server

PATH = "/scim/v2/Users"
# A value of an attribute has at most 64 KiB.
PART = 60_000


class Bench:
    def __init__(self, asked, home, cluster):
        self.server = server.Server(asked.gateway, home, cluster)
        self.customer = customer.Customer(self.server, home)
        self.token = self.fresh_token()
        self.host = urllib.parse.urlsplit(self.server.url)

    def fresh_token(self):
        return self.customer._token(grant_type="client_credentials", scope="provision:scim")["access_token"]

    def call(self, method, path, body=None, token=None):
        """The status, the answer, and how long it may wait until it asks again."""
        request = urllib.request.Request(self.server.url + path, json.dumps(body).encode() if body else None, method=method)
        request.add_header("Authorization", f"Bearer {token or self.token}")
        request.add_header("Content-Type", "application/scim+json")
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()

    def fill(self, users, kib):
        """Users of so many KiB; fewer where the gateway allows no more."""
        while True:
            photos = [{"value": f"https://p.example/{n}/" + "p" * PART, "type": "photo"} for n in range(kib * 1024 // (PART + 60))]
            for n in range(users):
                body = {
                    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                    "userName": f"large{n}@bench.example",
                    "role": "reports",
                    "photos": photos,
                }
                status, answer = self.call("POST", PATH, body)
                if status != 201:
                    break
            if status == 201:
                return kib
            detail = json.loads(answer).get("detail", answer)
            print(f"users of {kib} KiB are refused: {status}: {detail}\n")
            kib = 240 if kib > 240 else kib // 2

    def store(self, users, megabytes, account):
        """Users as they were stored before there was a limit."""
        sqlite = self.server.cluster is None
        size = megabytes * 1_000_000
        padding = f"replace(hex(zeroblob({size // 2})), '0', 'a')" if sqlite else f"repeat('a', {size})"
        document = f"""'{{"userName":"old' || i || '","active":true,"title":"' || {padding} || '"}}'"""
        self.sql(
            "INSERT INTO resources (account, resource_type, id, version, created, last_modified, active, provisioned, display, document) "
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {users}) "
            f"SELECT (SELECT seq FROM accounts WHERE name = '{account}'), 1, 'old' || i, 1, 1, 1, TRUE, FALSE, 'old' || i, {document} FROM n"
        )

    def sql(self, text):
        if self.server.cluster:
            import subprocess

            cluster = self.server.cluster
            subprocess.run([cluster.bin / "psql", "-qAt", "-v", "ON_ERROR_STOP=1", cluster.url(server.DATABASE), "-c", text], check=True)
            return
        import contextlib
        import sqlite3

        with contextlib.closing(sqlite3.connect(self.server.data / "gateway.db", timeout=60)) as conn:
            conn.execute(text)
            conn.commit()

    def memory(self, field):
        with open(f"/proc/{self.server.process.pid}/status", encoding="utf-8") as lines:
            return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))

    def begin(self):
        """The peak is counted from here."""
        time.sleep(2)
        with open(f"/proc/{self.server.process.pid}/clear_refs", "w", encoding="utf-8") as peak:
            peak.write("5")
        return self.memory("VmRSS")

    def row(self, load, before, outcome):
        peak = self.memory("VmHWM")
        time.sleep(2)
        print(f"| {load} | {outcome} | {before:.0f} | {peak:.0f} | {self.memory('VmRSS'):.0f} |", flush=True)

    def at_once(self, many, load):
        before = self.begin()
        with concurrent.futures.ThreadPoolExecutor(many) as pool:
            answers = list(pool.map(lambda _: self.call("GET", f"{PATH}?count=60"), range(many)))
        pages = [f"{json.loads(body).get('itemsPerPage', '-')} users, {len(body) / 1e6:.1f} MB" for status, body in answers if status == 200]
        refused = [status for status, _ in answers if status != 200]
        self.row(load, before, "; ".join(sorted(set(pages))) + (f"; {len(refused)} × {refused[0]}" if refused else ""))

    def connect(self):
        stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream.settimeout(20)
        stream.connect((self.host.hostname, self.host.port))
        return stream

    def head(self, method, path, token, more=""):
        return f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{more}\r\n".encode()

    def unread(self, many, load):
        before = self.begin()
        streams = []
        for _ in range(many):
            streams.append(self.connect())
            streams[-1].sendall(self.head("GET", f"{PATH}?count=60", self.token))
        statuses = [stream.recv(12)[9:].decode() for stream in streams]
        time.sleep(3)
        said = ", ".join(f"{statuses.count(status)} × {status}" for status in sorted(set(statuses)))
        self.row(load, before, said)
        for stream in streams:
            stream.close()

    def revoked(self, many, load):
        token = self.fresh_token()
        fields = urllib.parse.urlencode({"token": token}).encode()
        request = urllib.request.Request(self.server.url + "/oauth2/revoke", fields)
        import base64

        pair = f"{self.customer.client_id}:{self.customer.client_secret}"
        request.add_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
        urllib.request.urlopen(request, timeout=20).read()
        before = self.begin()
        streams = []
        more = "Content-Type: application/json\r\nContent-Length: 4000000\r\n"
        for _ in range(many):
            stream = self.connect()
            stream.sendall(self.head("POST", PATH, token, more))
            streams.append(stream)
        sent = 0
        for stream in streams:
            stream.settimeout(1)
            try:
                for _ in range(39):
                    stream.sendall(b"a" * 100_000)
                    sent += 100_000
            except OSError:
                pass
        statuses = []
        for stream in streams:
            try:
                statuses.append(stream.recv(12)[9:].decode() or "closed")
            except OSError:
                statuses.append("no answer yet")
        said = ", ".join(f"{statuses.count(status)} × {status}" for status in sorted(set(statuses)))
        self.row(load, before, f"{said}; {sent / 1e6:.0f} MB went to the socket")
        for stream in streams:
            stream.close()


def main():
    parser = argparse.ArgumentParser(prog="bench/memory", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--users", type=int, default=60, help="how many large users (default %(default)s)")
    parser.add_argument("--kib", type=int, default=3900, help="how large each, if that is allowed (default %(default)s)")
    parser.add_argument("--stored", action="store_true", help="users of 4 MB, written into the database past the gateway")
    parser.add_argument("--no-build", action="store_true", help="measure what was built last")
    parser.add_argument("--gateway", type=pathlib.Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    home = pathlib.Path(tempfile.mkdtemp(prefix="gateway-bench-"))
    cluster, bench = None, None
    try:
        if asked.database == "postgres":
            cluster = postgresql.Cluster(home / "postgresql")
        bench = Bench(asked, home, cluster)
        if asked.stored:
            bench.store(asked.users, 4, "bench")
            what = f"{asked.users} users of 4 MB that were stored before the limit"
        else:
            what = f"{asked.users} users of {bench.fill(asked.users, asked.kib)} KiB"
        print(f"{asked.database}; {what}; {machine.describe()}; MiB\n")
        print("| load | answers | resident before | most | resident after |")
        print("|---|---|---:|---:|---:|")
        bench.at_once(1, "one `GET /Users?count=60`")
        bench.at_once(4, "four at once")
        bench.unread(8, "eight that do not read")
        bench.unread(64, "sixty-four that do not read")
        bench.revoked(88, "a revoked token, 88 bodies of 4 MB")
    finally:
        if bench:
            bench.server.stop()
        if cluster:
            cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
