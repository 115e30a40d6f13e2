"""What replicas on one PostgreSQL do together: bench/replicas calls it.

All of them and PostgreSQL have one core, so what is compared is the processor time of a request: what replicas cost each other. The
connections of the generator go to each replica in turn.
"""

import argparse
import pathlib
import shutil
import subprocess
import tempfile
import threading

import customer
import machine
import postgresql
import scenarios
import server

KINDS = {"get": 32, "filter": 32, "deactivate": 64, "create": 64}
ACTIVITY = ("SELECT count(*) FILTER (WHERE state = 'active'), count(*) FILTER (WHERE state LIKE 'idle in%'), count(*) "
            "FROM pg_stat_activity WHERE datname = 'gateway' AND pid <> pg_backend_pid()")


def options():
    parser = argparse.ArgumentParser(prog="bench/replicas", description=__doc__)
    parser.add_argument("--replicas", default="1,2,4", help="how many (default %(default)s)")
    parser.add_argument("--users", type=int, default=10_000, help="stored before measuring (default %(default)s)")
    parser.add_argument("--accounts", type=int, default=10, help="they are in (default %(default)s)")
    parser.add_argument("--secs", type=float, default=5, help="length of a run (default %(default)s)")
    parser.add_argument("--runs", type=int, default=2, help="of each kind; the median counts (default %(default)s)")
    parser.add_argument("--no-build", action="store_true", help="measure what was built last")
    parser.add_argument("--gateway", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--programs", type=pathlib.Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    asked.database = "postgres"
    return asked


class Activity:
    """How many statements run at a time, and how many connections there are: asked every tenth of a second."""

    def __init__(self, cluster):
        psql = [cluster.bin / "psql", "-qAt", "-F", " ", cluster.url(server.DATABASE)]
        self.process = subprocess.Popen(psql, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.seen = []
        self.process.stdin.write(ACTIVITY + " \\watch 0.1\n")
        self.process.stdin.flush()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            fields = line.split()
            if len(fields) == 3 and all(field.isdigit() for field in fields):
                self.seen.append(tuple(map(int, fields)))

    def stop(self):
        """Mean and most statements at work, mean of transactions between two statements, and connections."""
        self.process.terminate()
        self.reader.join(5)
        seen = self.seen or [(0, 0, 0)]
        active, between = [one[0] for one in seen], [one[1] for one in seen]
        return sum(active) / len(seen), max(active), sum(between) / len(seen), max(one[2] for one in seen)


class Replicas:
    """They answer as one server to the scenarios."""

    def __init__(self, asked, home, cluster, count):
        self.servers, self.cluster, self.home = [], cluster, home
        for n in range(count):
            place = home / f"replica-{n}"
            (place / "data").mkdir(parents=True)
            if n:
                shutil.copy(home / "replica-0" / "data" / "bench.key", place / "data" / "bench.key")
            self.servers.append(server.Server(asked.gateway, place, cluster))

    @property
    def pids(self):
        return [one.process.pid for one in self.servers] + [self.cluster.pid]

    @property
    def url(self):
        return self.servers[0].url

    @property
    def admin_token(self):
        return self.servers[0].admin_token

    def scim_urls(self):
        return ",".join(one.url + "/scim/v2" for one in self.servers)

    def settle(self):
        self.cluster.settle(server.DATABASE)

    def stop(self):
        for one in self.servers:
            one.stop()


def session(asked, count):
    home = pathlib.Path(tempfile.mkdtemp(prefix="gateway-replicas-"))
    cluster, replicas = postgresql.Cluster(home / "postgresql"), None
    try:
        replicas = Replicas(asked, home, cluster, count)
        customers = [customer.Customer(replicas, home, f"customer-{n}") for n in range(1, asked.accounts + 1)]
        load = scenarios.Load(asked, replicas, customers)
        load.seed(asked.users)
        for kind, connections in KINDS.items():
            activity = Activity(cluster)
            told = load.generate(kind, ["--conc", connections, "--runs", asked.runs])
            working, most, between, open_ones = activity.stop()
            errors = sum(line.get("errors", 0) for line in told)
            runs = sorted((line for line in told if "rps" in line), key=lambda line: line["cpu_s_per_1000"])
            middle = runs[len(runs) // 2]
            cells = [str(count), kind, str(connections), f"{middle['rps']:.0f}", f"{middle['p99_ms']:.1f}", f"{middle['cpu_s_per_1000']:.3f}",
                     f"{1000 / middle['cpu_s_per_1000']:.0f}", f"{working:.1f}; {most}", f"{between:.1f}", str(open_ones), str(errors)]
            print("| " + " | ".join(cells) + " |", flush=True)
    finally:
        if replicas:
            replicas.stop()
        cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


def main():
    asked = options()
    print(f"{machine.describe()}, and PostgreSQL and all replicas on it; {machine.busy(2):.0%} busy with other things")
    print("| replicas | requests | conn. | /s | p99 ms | cpu s per 1000 | /cpu s | statements at work: mean; most | between two: mean | "
          "connections | errors |")
    print("| ---: | --- |" + " ---: |" * 9)
    for count in map(int, asked.replicas.split(",")):
        session(asked, count)


if __name__ == "__main__":
    main()
