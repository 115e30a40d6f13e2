"""One session of measuring: a fresh server, its limits and its figures, in this order. bench/run builds and calls it."""

import argparse
import json
import pathlib
import shutil
import signal
import sys
import tempfile

import customer
import limits
import machine
import postgresql
import scenarios
import server
import table


def options():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--users", type=int, default=10_000, help="stored before measuring (default %(default)s)")
    parser.add_argument("--accounts", type=int, default=1, help="the users are in so many; the first has twice as many as each of the others, "
                        "and its are the groups and pages (default %(default)s)")
    parser.add_argument("--only", help="scenarios to run, separated by commas: " + ", ".join(scenarios.NAMES))
    parser.add_argument("--secs", type=float, default=5, help="length of a run (default %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each scenario; the median counts (default %(default)s)")
    parser.add_argument("--no-limits", action="store_true", help="leave out the limits of the machine, and the ratios")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write all figures there too")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIRECTORY", help="keep the data there, and find it there again")
    parser.add_argument("--loaded-from", type=pathlib.Path, metavar="DIRECTORY", help="begin with the users of a session that was kept on "
                        "SQLite, by `gateway move`")
    parser.add_argument("--profile", type=pathlib.Path, metavar="DIRECTORY", help="perf record of each scenario, put there")
    parser.add_argument("--no-build", action="store_true", help="measure what was built last")
    parser.add_argument("--gateway", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--programs", type=pathlib.Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    # Told to stop, it takes its servers along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench/run: stopped"))
    asked = options()
    unknown = set((asked.only or "").split(",")) - set(scenarios.NAMES) - {""}
    if unknown:
        sys.exit(f"bench/run: no scenario {', '.join(sorted(unknown))}; there are {', '.join(scenarios.NAMES)}")
    if machine.cores() < 2:
        sys.exit("bench/run: two cores are needed, one for the server and one for the generator")
    home = asked.keep or pathlib.Path(tempfile.mkdtemp(prefix="gateway-bench-"))
    home.mkdir(parents=True, exist_ok=True)
    cluster = None
    try:
        if asked.database == "postgres":
            cluster = postgresql.Cluster(home / "postgresql")
        if asked.loaded_from:
            server.move(asked.gateway, asked.loaded_from, home, cluster)
        measure(asked, home, cluster)
    finally:
        if cluster:
            cluster.stop()
        if not asked.keep:
            shutil.rmtree(home, ignore_errors=True)


def measure(asked, home, cluster):
    busy = machine.busy(2)
    print(f"{machine.describe()}; {busy:.0%} of it busy with other things", file=sys.stderr)
    found = None if asked.no_limits else limits.measure(asked, home, cluster)
    gateway = server.Server(asked.gateway, home, cluster)
    try:
        at_rest = gateway.memory_mib()
        names = ["bench", *(f"bench-{n}" for n in range(2, asked.accounts + 1))]
        load = scenarios.Load(asked, gateway, [customer.Customer(gateway, home, name) for name in names])
        print(f"loading up to {asked.users} users", file=sys.stderr)
        seeded = load.seed(asked.users)
        figures = load.run_all()
        version = server.commit()
        heading = {
            "database": asked.database,
            "users": asked.users,
            "accounts": asked.accounts,
            "commit": version,
            "machine": machine.describe(),
            "busy_with_other_things": round(busy, 2),
            "at_rest_mib": at_rest,
            "seeded_per_second": seeded,
            "loaded_from_sqlite": bool(asked.loaded_from),
            "stored_bytes": gateway.stored_bytes(),
        }
        print(table.render(heading, figures, found))
        if asked.json:
            asked.json.write_text(json.dumps({"session": heading, "limits": found, "figures": figures}, indent=1) + "\n")
    finally:
        gateway.stop()


if __name__ == "__main__":
    main()
