"""What is still answered when more is asked than the server can do: bench/overload calls it.

First the peak: a closed loop, on more and more connections. Then an open loop: requests come at a multiple of the peak, whether or not
those before them were answered, from as many connections as a thousand clients have. What is answered as asked within a second is good.
"""

import argparse
import pathlib
import shutil
import tempfile

import customer
import machine
import postgresql
import scenarios
import server

KINDS = ["get", "deactivate"]
PEAK_CONNECTIONS = [8, 32, 128]


def options():
    parser = argparse.ArgumentParser(prog="bench/overload", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--users", type=int, default=10_000, help="stored before measuring (default %(default)s)")
    parser.add_argument("--accounts", type=int, default=10, help="they are in (default %(default)s)")
    parser.add_argument("--times", default="2,4", help="of the peak (default %(default)s)")
    parser.add_argument("--connections", type=int, default=1000, help="of all clients (default %(default)s)")
    parser.add_argument("--secs", type=float, default=10, help="length of a run (default %(default)s)")
    parser.add_argument("--no-build", action="store_true", help="measure what was built last")
    parser.add_argument("--gateway", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--programs", type=pathlib.Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    asked.runs = 1
    return asked


def main():
    asked = options()
    home = pathlib.Path(tempfile.mkdtemp(prefix="gateway-overload-"))
    cluster, gateway = None, None
    try:
        if asked.database == "postgres":
            cluster = postgresql.Cluster(home / "postgresql")
        busy = machine.busy(2)
        gateway = server.Server(asked.gateway, home, cluster)
        customers = [customer.Customer(gateway, home, f"customer-{n}") for n in range(1, asked.accounts + 1)]
        load = scenarios.Load(asked, gateway, customers)
        load.seed(asked.users)
        print(f"{asked.database}, {asked.users} users in {asked.accounts} accounts; {machine.describe()}; {busy:.0%} busy with other things")
        print("| requests | peak /s | asked /s | good /s | of the peak | p50, p99 ms | late | refused: by status, p99 ms | not sent | cores at work |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
        for kind in KINDS:
            peak = max(load.generate(kind, ["--conc", n, "--runs", 1])[0]["rps"] for n in PEAK_CONNECTIONS)
            for times in map(float, asked.times.split(",")):
                arguments = ["--kind", kind, "--conc", asked.connections, "--runs", 1, "--per-second", round(peak * times)]
                (told,) = load.generate("overload", arguments)
                print(row(kind, peak, told, asked.secs), flush=True)
    finally:
        for started in filter(None, [gateway, cluster]):
            started.stop()
        shutil.rmtree(home, ignore_errors=True)


def row(kind, peak, told, secs):
    refused = ", ".join(f"{count} × {status}" for status, count in told["refused"].items())
    cells = [kind, f"{peak:.0f}", f"{told['asked_per_second']:.0f}", f"{told['good_per_second']:.0f}", f"{told['good_per_second'] / peak:.2f}",
             f"{told['p50_ms']:.0f}, {told['p99_ms']:.0f}", str(told["late"]),
             f"{refused}; {told['refused_p99_ms']:.0f}" if refused else "none", str(told["held_back"]), f"{told['cpu_s'] / secs:.2f}"]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
