"""Other SCIM and OAuth servers beside ours, in one session: bench/peers calls it.

One after the other has core 0 to itself, gets the same users from the same generator on core 1, answers the same questions and the same
scenarios, and is killed and started again. Ratios are ours to theirs, with ours on SQLite.
"""

import argparse
import copy
import json
import pathlib
import shutil
import signal
import sys
import tempfile

import customer
import machine
import peer_servers
import postgresql
import scenarios
import server
from peer_answers import Asked
from table import number, row

SQLITE, POSTGRES = "gateway, SQLite", "gateway, PostgreSQL"
NAMES = [scenario.name for scenario in scenarios.SCENARIOS if scenario.name in peer_servers.SCIM + peer_servers.OAUTH]
KEPT = {SQLITE: "on disk: SQLite in WAL with `synchronous=FULL`", POSTGRES: "on disk: PostgreSQL with `fsync` and `synchronous_commit` on"}
# Of the generator's users, what the gateway's schema has and the RFC's has not.
OURS_ALONE = "role"


def options():
    parser = argparse.ArgumentParser(prog="bench/peers", description=__doc__.split("\n\n", maxsplit=1)[1])
    kinds = [kind.name for kind in peer_servers.KINDS]
    parser.add_argument("--users", type=int, default=10_000, help="stored before measuring (default %(default)s)")
    parser.add_argument("--peers", default=",".join(kinds), help="which, separated by commas (default %(default)s)", dest="chosen")
    parser.add_argument("--postgres", action="store_true", help="ours on PostgreSQL too")
    parser.add_argument("--only", help="scenarios to run, separated by commas: " + ", ".join(NAMES))
    parser.add_argument("--secs", type=float, default=5, help="length of a run (default %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each scenario after one that does not count; the median is shown (default %(default)s)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write all figures there too")
    parser.add_argument("--no-build", action="store_true", help="measure what was built last")
    parser.add_argument("--gateway", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--programs", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--built", type=pathlib.Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    asked.profile = None
    for given, known in [(asked.only, NAMES), (asked.chosen, kinds)]:
        unknown = set((given or "").split(",")) - set(known) - {""}
        if unknown:
            sys.exit(f"bench/peers: no {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if machine.cores() < 2:
        sys.exit("bench/peers: two cores are needed, one for the server and one for the generator")
    return asked


class Load(scenarios.Load):
    """Users as the server accepts them."""

    def __init__(self, asked, started, who, kind=None):
        super().__init__(asked, started, [who])
        self.kind = kind

    def generate(self, scenario, arguments):
        return super().generate(scenario, [*arguments, "--without", OURS_ALONE if self.kind else ""])

    def _run(self, scenario):
        # Once without being counted: a runtime that compiles while it runs is not yet what it will be.
        runs, self.asked.runs = self.asked.runs, 1
        super()._run(scenario)
        self.asked.runs = runs
        return super()._run(scenario)

    def _oauth(self, scenario, arguments):
        # A peer may have forgotten the first token by now.
        self.token = self.customer.access_token()
        return super()._oauth(scenario, arguments)

    def fill(self, users):
        """How it went: users a second, and processor seconds for a thousand."""
        past_it = self.kind and self.kind.past_it
        told = self.generate("seed", ["--conc", 64, "--n", 1 if past_it else users])
        error = next((line["first_error"] for line in told if line["errors"]), None)
        if error:
            sys.exit(f"bench/peers: loading users: {error}")
        if past_it:
            peer_servers.fill_past(self.server, self.customer, users)
            return {}
        self.server.settle()
        made, wall, cpu = (sum(line[name] for line in told) for name in ("ok", "wall_s", "cpu_s"))
        return {"rps": made / wall, "cpu_s_per_1000": cpu * 1000 / made}


def main():
    # Told to stop, it takes its servers along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench/peers: stopped"))
    asked = options()
    home = pathlib.Path(tempfile.mkdtemp(prefix="gateway-peers-"))
    busy = machine.busy(2)
    heading = f"{asked.users} users; commit {server.commit()}; {machine.describe()}; {busy:.0%} busy with other things"
    print(heading, file=sys.stderr)
    found = {}
    try:
        found[SQLITE] = ours(asked, home / "sqlite")
        if asked.postgres:
            cluster = postgresql.Cluster(home / "postgresql")
            try:
                found[POSTGRES] = ours(asked, home / "gateway", cluster)
            finally:
                cluster.stop()
        for kind in peer_servers.KINDS:
            if kind.name in asked.chosen.split(","):
                theirs = peer(asked, kind, home / kind.name)
                if theirs:
                    found[kind.name] = theirs
        print(heading, render(found), sep="\n\n")
        if asked.json:
            asked.json.write_text(json.dumps({"session": heading, "servers": found}, indent=1) + "\n")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def ours(asked, home, cluster=None):
    home.mkdir(mode=0o755)
    started = server.Server(asked.gateway, home, cluster)
    who = customer.Customer(started, home)
    told = measured(asked, Load(narrowed(asked, NAMES), started, who), who, lambda: server.Server(asked.gateway, home, cluster), "")
    return {**told, "keeps": KEPT[POSTGRES if cluster else SQLITE], "versions": f"commit {server.commit()}"}


def peer(asked, kind, home):
    home.mkdir()
    started = peer_servers.start(kind, asked.programs, asked.built, home)
    if not started:
        print(f"{kind.name} is not built: left out", file=sys.stderr)
        return None
    who = peer_servers.Customer(started)
    load = Load(narrowed(asked, kind.scenarios), started, who, kind)
    told = measured(asked, load, who, lambda: peer_servers.start(kind, asked.programs, asked.built, home), OURS_ALONE)
    return {**told, "keeps": kind.keeps, "versions": peer_servers.versions(kind)}


def narrowed(asked, there):
    """What was asked for, with the scenarios that this server has."""
    mine = copy.copy(asked)
    mine.only = ",".join(name for name in (asked.only or ",".join(NAMES)).split(",") if name in there) or "none"
    return mine


def measured(asked, load, who, again, without):
    """Loads, asks, measures, kills, and asks once more. `again` starts the server on what it kept."""
    wanted = load.asked.only.split(",")
    scim, oauth = set(wanted) & set(peer_servers.SCIM), set(wanted) & set(peer_servers.OAUTH)
    started, questions = load.server, Asked(load.server, who, load.token)
    at_rest = server.Server.memory_mib(started)["own"]
    try:
        loaded = load.fill(asked.users) if scim else None
        if scim:
            questions.about_users(without)
        if oauth:
            questions.about_tokens()
        figures = load.run_all()
        if "cc" in oauth:
            questions.after_many_tokens()
        questions.token = who.access_token()
        started.process.kill()
        started.process.wait()
        started = again()
        questions.after_a_kill(started, scim, oauth)
    finally:
        started.stop()
    return {"at_rest_mib": at_rest, "loaded": loaded, "said": questions.said, "figures": figures}


def render(found):
    """Three tables: the figures, what was said to the questions, and what each keeps."""
    lines = [row(["scenario", "server", "/s", "p99 ms", "cpu s per 1000", "MiB", "ours/theirs by rate", "ours/theirs by cpu", "failed"]),
             row(["---"] * 2 + ["---:"] * 6 + ["---"])]
    for scenario in NAMES:
        of = {name: figure for name, told in found.items() for figure in told["figures"] if figure["scenario"] == scenario}
        lines += [row([scenario, name, *cells(figure, of[SQLITE], name)]) for name, figure in of.items()]
    asked = list(dict.fromkeys(question for told in found.values() for question in told["said"]))
    lines += ["", row(["question", *found]), row(["---"] * (1 + len(found)))]
    lines += [row([question, *(str(told["said"].get(question, "")).split(":")[0] for told in found.values())]) for question in asked]
    lines += ["", *(f"{name}: {question}: {said}"[:300] for name, told in found.items() for question, said in told["said"].items() if said != "yes")]
    lines += ["", row(["server", "what was measured", "keeps what it acknowledged", "MiB at rest", "loaded, users a second", "cpu s per 1000"]),
              row(["---"] * 3 + ["---:"] * 3)]
    for name, told in found.items():
        loaded = told["loaded"] or {}
        rate = number(loaded.get("rps")) if told["loaded"] != {} else "to its table"
        lines.append(row([name, told["versions"], told["keeps"], number(told["at_rest_mib"]), rate, number(loaded.get("cpu_s_per_1000"))]))
    return "\n".join(lines)


def cells(figure, ours_is, name):
    failed = sum(line.get("errors", 0) for line in figure["runs"])
    told = f"{failed}: {figure['errors']}" if failed else "0"
    if not figure["rps"]:
        return [""] * 6 + [told]
    shown = [number(figure[field]) for field in ("rps", "p99_ms", "cpu_s_per_1000", "own_mib")]
    if name == SQLITE or not ours_is["cpu_s_per_1000"]:
        return [*shown, "", "", told]
    return [*shown, number(ours_is["rps"] / figure["rps"]), number(figure["cpu_s_per_1000"] / ours_is["cpu_s_per_1000"]), told]


if __name__ == "__main__":
    main()
