"""The limits of the machine, measured in the same session: what the ratios are ratios of."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request

import machine
from postgresql import free_port


def lines(command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"bench/run: {command[3]} failed")
    return [json.loads(line) for line in done.stdout.splitlines()]


def median(numbers):
    return sorted(numbers)[len(numbers) // 2]


def measure(asked, home, cluster):
    """Name of the limit to what it allows: per second, and per second of the server's processor time."""
    print("measuring the limits", file=sys.stderr)
    database = cluster.database("limits") if cluster else home / "limits"
    if not cluster:
        database.mkdir(exist_ok=True)
    program = machine.pinned(machine.SERVER_CORE, asked.programs / "limit_db")
    told = lines([*program, f"--{asked.database}", database, "--rows", asked.users, "--secs", min(3, asked.secs),
                  "--pid", cluster.pid if cluster else ""])
    found = {line["limit"]: _entry(line["per_s"], line["cpu_us"] / 1e6) for line in told}
    found.update(_http(asked, database, cluster))
    return found


def _entry(per_second, cpu_each):
    return {"per_s": per_second, "per_cpu_s": round(1 / cpu_each) if cpu_each else None}


def _http(asked, database, cluster):
    port = free_port()
    source = ["--postgres", database] if cluster else ["--sqlite", database / "read.db"]
    program = machine.pinned(machine.SERVER_CORE, asked.programs / "limit_http", "--bind", f"127.0.0.1:{port}", *source)
    process = subprocess.Popen(program)
    try:
        _wait(port)
        pids = ",".join(str(pid) for pid in [process.pid] + ([cluster.pid] if cluster else []))
        found = {}
        for name, path in [("http_bearer", "/bearer"), ("http_read_by_id", f"/{asked.database}/id/{{n}}"),
                           ("http_read_by_name", f"/{asked.database}/name/{{n}}")]:
            generator = machine.pinned(machine.GENERATOR_CORE, asked.programs / "plain_bench")
            told = lines([*generator, "--url", f"http://127.0.0.1:{port}{path}", "--rows", asked.users, "--conc", 8,
                          "--token", "bench-token", "--secs", min(3, asked.secs), "--runs", asked.runs, "--pid", pids])
            for line in told:
                if line["errors"]:
                    sys.exit(f"bench/run: the limit {name}: {line['first_error']}")
            cpu = median([line["cpu_s_per_1000"] for line in told]) / 1000
            found[name] = _entry(median([line["rps"] for line in told]), cpu)
        return found
    finally:
        process.terminate()
        process.wait()


def _wait(port):
    for _ in range(100):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/fixed", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    sys.exit("bench/run: limit_http does not answer")
