"""The figures as a table for people (and for docs/performance.md: it is Markdown)."""

from scenarios import SCENARIOS

COLUMNS = ["scenario", "conn.", "/s", "p50 ms", "p99 ms", "cpu s per 1000", "of it ours", "/cpu s", "MiB", "limit /s", "ratio", "ratio of cpu", "wanted", "target", ""]


def number(value):
    if value is None:
        return ""
    if value >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def render(session, figures, limits):
    rest = session["at_rest_mib"]
    lines = [
        f"{session['database']}, {session['users']} users in {session['accounts']} account(s), commit {session['commit']}; {session['machine']}; "
        f"{session['busy_with_other_things']:.0%} busy with other things",
        f"memory at rest: {rest['own']} MiB of its own, {rest['resident']} MiB with mapped files; "
        f"stored: {session['stored_bytes'] / 2**20:.0f} MiB; loaded at {session['seeded_per_second']}/s",
        "",
        row(COLUMNS),
        row(["---"] + ["---:"] * (len(COLUMNS) - 2) + ["---"]),
    ]
    by_name = {scenario.name: scenario for scenario in SCENARIOS}
    lines += [row(cells(by_name[figure["scenario"]], figure, session["database"], limits)) for figure in figures]
    lines += ["", *(f"{f['scenario']}: {f['errors']}" for f in figures if f["errors"])]
    if limits:
        lines += ["", "limits: " + ", ".join(f"{name} {number(limit['per_s'])}/s" for name, limit in limits.items())]
    return "\n".join(lines).rstrip()


def row(values):
    return "| " + " | ".join(values) + " |"


def cells(scenario, figure, database, limits):
    # A page has a hundred users, and the import is counted in users.
    pages = 100 if scenario.name == "import" else 1
    limit = (limits or {}).get(scenario.limits[database == "postgres"], {})
    ratio = figure["rps"] / pages / limit["per_s"] if limit else None
    target = scenario.target_on(database)
    reached = 0 < figure["p50_ms"] <= target if scenario.milliseconds else figure["rps"] >= target
    cpu = figure["cpu_s_per_1000"]
    # The same in processor time: the ratio on a machine without other work.
    ratio_of_cpu = 1000 / cpu / pages / limit["per_cpu_s"] if limit and cpu and limit["per_cpu_s"] else None
    return [
        scenario.name,
        str(figure["connections"]),
        number(figure["rps"]),
        number(figure["p50_ms"]),
        number(figure["p99_ms"]),
        number(cpu),
        number(figure["own_cpu_s_per_1000"]) if database == "postgres" else "all",
        number(1000 / cpu) if cpu else "",
        number(figure["own_mib"]),
        number(limit.get("per_s")),
        number(ratio),
        number(ratio_of_cpu),
        number(scenario.share),
        ("≤ " if scenario.milliseconds else "") + number(target) + (" ms" if scenario.milliseconds else ""),
        "failed" if figure["errors"] else "reached" if reached else "missed",
    ]
