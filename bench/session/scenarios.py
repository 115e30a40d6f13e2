"""What is measured: each scenario's generator, its target on SQLite (PostgreSQL: half of it), and the limit it is held against."""

import dataclasses
import json
import subprocess
import sys

import machine
from limits import median


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    connections: int
    # A second; for `milliseconds`, at the most.
    target: float
    # (on SQLite, on PostgreSQL), and the share of it that is wanted.
    limits: tuple
    share: float = None
    generator: str = "scim_bench"
    arguments: tuple = ()
    milliseconds: bool = False
    # Users it needs; with fewer stored, they are added before it.
    needs: int = 0
    runs: int = None

    def target_on(self, database):
        if database == "sqlite":
            return self.target
        return self.target * 2 if self.milliseconds else self.target / 2


READ = ("http_read_by_id", "http_read_by_id")
NAME = ("http_read_by_name", "http_read_by_name")
PAGE = ("sqlite_page_100_by_key", "postgres_page_100_by_key")
WRITE = ("sqlite_insert_full_32_a_commit", "postgres_insert_32_connections")
WRITE_8 = ("sqlite_insert_full_8_a_commit", "postgres_insert_8_connections")
BEARER = ("http_bearer", "http_bearer")

# In this order: what adds users comes after what depends on their number.
SCENARIOS = [
    Scenario("get", 8, 16_000, READ, 0.5),
    Scenario("filter", 8, 14_000, NAME, 0.45),
    Scenario("page_first", 8, 700, PAGE, 0.2),
    Scenario("page_last", 8, 700, PAGE, 0.2),
    Scenario("import", 1, 50_000, PAGE, runs=1),
    Scenario("cc", 8, 20_000, BEARER, generator="oauth_bench", arguments=("--scope", "provision:scim")),
    Scenario("introspect", 8, 12_000, READ, generator="oauth_bench"),
    Scenario("refresh", 8, 2_000, WRITE_8, generator="oauth_bench"),
    Scenario("deactivate", 32, 4_000, WRITE),
    Scenario("group_add_10", 32, 3_000, WRITE, arguments=("--members", 10)),
    Scenario("group_add_1000", 32, 3_000, WRITE, arguments=("--members", 1000)),
    Scenario("create", 32, 4_000, WRITE, 0.3),
    Scenario("group_add_10000", 32, 3_000, WRITE, arguments=("--members", 10_000), needs=15_000),
    Scenario("group_add_100000", 32, 3_000, WRITE, arguments=("--members", 100_000), needs=105_000),
    Scenario("group_put_20000", 1, 150, (None, None), arguments=("--members", 20_000), milliseconds=True, needs=20_010),
]
NAMES = [scenario.name for scenario in SCENARIOS]


class Load:
    def __init__(self, asked, server, customers):
        self.asked, self.server, self.customer = asked, server, customers[0]
        self.token = self.customer.access_token()
        self.tokens = [self.token, *(customer.access_token() for customer in customers[1:])]
        self.chains = server.home / "refresh-tokens"

    def seed(self, users):
        """Loads up to so many users; how many a second, or None when they were there."""
        if self._stored() >= users:
            if users:
                self.server.settle()
            return None
        told = self.generate("seed", ["--conc", 64, "--n", users])
        for line in told:
            if line["errors"]:
                sys.exit(f"bench/run: loading users: {line['first_error']}")
        self.server.settle()
        return round(sum(line["ok"] for line in told) / sum(line["wall_s"] for line in told))

    def _stored(self):
        try:
            with open(self.customer.state, encoding="utf-8") as lines:
                return sum(1 for _ in lines)
        except FileNotFoundError:
            return 0

    def run_all(self):
        wanted = (self.asked.only or ",".join(NAMES)).split(",")
        figures = []
        for scenario in SCENARIOS:
            # The largest group only where the users are there anyway, or it was asked for by name.
            too_large = scenario.needs > max(25_000, self._stored()) and not self.asked.only
            if scenario.name in wanted and not too_large:
                figures.append(self._run(scenario))
                print(f"{scenario.name}: {figures[-1]['rps']}/s", figures[-1]["errors"] or "", file=sys.stderr)
        return figures

    def _run(self, scenario):
        self.seed(scenario.needs)
        arguments = ["--conc", scenario.connections, "--runs", scenario.runs or self.asked.runs, *scenario.arguments]
        recorder = self._record(scenario)
        try:
            if scenario.generator == "oauth_bench":
                told = self._oauth(scenario.name, arguments)
            else:
                name = scenario.name.rstrip("0123456789").rstrip("_") if scenario.arguments else scenario.name
                told = self.generate(name, arguments)
        except RuntimeError as refused:
            told = [{"errors": 1, "first_error": " ".join(str(refused).split())[:300]}]
        if recorder:
            recorder.wait()
        runs = [line for line in told if "rps" in line]
        errors = next((line["first_error"] for line in told if line.get("first_error")), None)

        def middle(field):
            numbers = [line[field] for line in runs if field in line]
            return median(numbers) if numbers else 0

        return {
            "scenario": scenario.name,
            "connections": scenario.connections,
            "rps": middle("rps"),
            "p50_ms": middle("p50_ms"),
            "p99_ms": middle("p99_ms"),
            "cpu_s_per_1000": middle("cpu_s_per_1000"),
            # Without the database's, where that is a process of its own.
            "own_cpu_s_per_1000": middle("first_cpu_s_per_1000"),
            "own_mib": max((line["own_mib"] for line in runs), default=0),
            "pss_mib": max((line["pss_mib"] for line in runs), default=0),
            "errors": errors,
            "runs": told,
        }

    def _common(self):
        return ["--secs", self.asked.secs, "--pid", ",".join(map(str, self.server.pids))]

    def generate(self, scenario, arguments):
        return self._generate("scim_bench", ["--scenario", scenario, "--base", self.server.scim_urls(), "--token", ",".join(self.tokens),
                                             "--state", self.customer.state, *self._common(), *arguments])

    def _oauth(self, scenario, arguments):
        given = ["--scenario", scenario, "--base", self.server.url + "/oauth2", "--client-id", self.customer.client_id,
                 "--client-secret", self.customer.client_secret, *self._common(), *arguments]
        if scenario == "introspect":
            given += ["--token", self.token]
        if scenario == "refresh":
            self.chains.write_text("".join(token + "\n" for token in self.customer.refresh_tokens(8)))
            given += ["--refresh-tokens", self.chains]
        return self._generate("oauth_bench", given)

    def _generate(self, program, arguments):
        command = machine.pinned(machine.GENERATOR_CORE, self.asked.programs / program, *arguments)
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        told = [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode:
            told.append({"errors": 1, "first_error": done.stderr.strip()[-300:]})
        return told

    def _record(self, scenario):
        """perf, for as long as one run."""
        if not self.asked.profile:
            return None
        self.asked.profile.mkdir(parents=True, exist_ok=True)
        out = self.asked.profile / f"{scenario.name}.perf"
        command = ["perf", "record", "--quiet", "--freq", "499", "--call-graph", "dwarf,8192", "--output", out, "--delay", "1000",
                   "--pid", str(self.server.process.pid), "--", "sleep", str(min(4, self.asked.secs))]
        return subprocess.Popen([str(word) for word in command], stderr=subprocess.DEVNULL)
