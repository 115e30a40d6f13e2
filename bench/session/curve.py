"""A session of bench/run at each number of users, on both databases: a table, and a drawing of what each size costs: bench/curve calls it.

SQLite's data grows from one size to the next; PostgreSQL gets it by `gateway move`, anew for each size.
"""

import argparse
import json
import math
import pathlib
import shutil
import subprocess
import sys
import tempfile

import scenarios

WITHOUT_GROUPS = [name for name in scenarios.NAMES if not name.startswith("group_") and name != "import"]
SIZES = "1000,10000,100000,1000000"
TITLES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
# Ten that can be told apart (Okabe and Ito's, and two greys).
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c7a00", "#000000", "#7f7f7f", "#9467bd", "#8c564b", "#17becf"]
# Of one drawing, in pixels.
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 470, 330, 56, 40, 16, 44


def options():
    parser = argparse.ArgumentParser(prog="bench/curve", description=__doc__)
    parser.add_argument("--sizes", default=SIZES, help="numbers of users, in rising order (default %(default)s)")
    parser.add_argument("--databases", default="sqlite,postgres", help="default %(default)s")
    parser.add_argument("--accounts", type=int, default=10, help="as of bench/run (default %(default)s)")
    parser.add_argument("--only", default=",".join([*WITHOUT_GROUPS, "group_add_10"]), help="as of bench/run (default %(default)s)")
    parser.add_argument("--secs", type=float, default=3, help="as of bench/run (default %(default)s)")
    parser.add_argument("--runs", type=int, default=2, help="as of bench/run (default %(default)s)")
    parser.add_argument("--json", type=pathlib.Path, required=True, metavar="FILE", help="the figures; those it has are not measured again")
    parser.add_argument("--draw", type=pathlib.Path, required=True, metavar="FILE", help="the drawing (SVG)")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIRECTORY", help="keep SQLite's data there, and find it there again")
    parser.add_argument("--no-build", action="store_true", help="measure what was built last")
    parser.add_argument("--run", type=pathlib.Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    asked = options()
    sizes = [int(size) for size in asked.sizes.split(",")]
    figures = json.loads(asked.json.read_text()) if asked.json.exists() else {}
    home = asked.keep or pathlib.Path(tempfile.mkdtemp(prefix="gateway-curve-"))
    try:
        for size in sizes:
            for database in asked.databases.split(","):
                if f"{database} {size}" not in figures:
                    figures[f"{database} {size}"] = session(asked, home, database, size)
                    asked.json.write_text(json.dumps(figures, indent=1) + "\n")
    finally:
        if not asked.keep:
            shutil.rmtree(home, ignore_errors=True)
    print(table(figures, sizes))
    asked.draw.write_text(drawing(figures, sizes))


def session(asked, home, database, size):
    """The figures of bench/run, by scenario."""
    told = home / "session.json"
    home.mkdir(parents=True, exist_ok=True)
    command = [asked.run, "--no-build", "--no-limits", "--database", database, "--users", size, "--accounts", asked.accounts,
               "--only", asked.only, "--secs", asked.secs, "--runs", asked.runs, "--json", told]
    if database == "sqlite":
        command += ["--keep", home / "sqlite"]
    elif (home / "sqlite").exists():
        command += ["--loaded-from", home / "sqlite"]
    subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr)
    found = json.loads(told.read_text())
    return {"session": found["session"], "figures": {one["scenario"]: one for one in found["figures"] if not one["errors"]}}


def per_cpu_second(figures, database, size, name):
    cost = figures.get(f"{database} {size}", {}).get("figures", {}).get(name, {}).get("cpu_s_per_1000")
    return 1000 / cost if cost else None


def measured(figures):
    seen = {name for one in figures.values() for name in one["figures"]}
    return [name for name in scenarios.NAMES if name in seen]


def table(figures, sizes):
    """Per second of processor time; and the largest size against ten thousand, or against the smallest."""
    base, most = (10_000 if 10_000 in sizes else sizes[0]), sizes[-1]
    lines = []
    for database in TITLES:
        if not any(key.startswith(database) for key in figures):
            continue
        lines += ["", "| " + " | ".join([TITLES[database], *(f"{size:,}".replace(",", " ") for size in sizes), "last to 10 000", "own MiB, last"]) + " |",
                  "| --- |" + " ---: |" * (len(sizes) + 2)]
        for name in measured(figures):
            rates = [per_cpu_second(figures, database, size, name) for size in sizes]
            first, last = per_cpu_second(figures, database, base, name), per_cpu_second(figures, database, most, name)
            ratio = f"{last / first:.2f}" if first and last else ""
            memory = figures.get(f"{database} {most}", {}).get("figures", {}).get(name, {}).get("own_mib", "")
            lines.append("| " + " | ".join([name, *(f"{rate:,.0f}".replace(",", " ") if rate else "" for rate in rates), ratio, str(memory)]) + " |")
    return "\n".join(lines[1:])


def drawing(figures, sizes):
    """One chart beside the other: what a second of processor time does, as a share of what it does at ten thousand users."""
    databases = [database for database in TITLES if any(key.startswith(database) for key in figures)]
    names = measured(figures)
    width, height = WIDTH * len(databases), HEIGHT + 22 * math.ceil(len(names) / 4) + 12
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
             'font-family="system-ui, sans-serif" font-size="12">',
             "<title>Requests a second of processor time, by the number of users, as a share of those at ten thousand</title>",
             f'<rect width="{width}" height="{height}" fill="#ffffff"/>']
    for at, database in enumerate(databases):
        parts += chart(figures, sizes, database, names, at * WIDTH)
    for n, name in enumerate(names):
        x, y = LEFT + (n % 4) * 200, HEIGHT + 12 + 22 * (n // 4)
        parts.append(f'<line x1="{x}" y1="{y}" x2="{x + 22}" y2="{y}" stroke="{COLOURS[n % len(COLOURS)]}" stroke-width="2.5"/>'
                     f'<text x="{x + 28}" y="{y + 4}" fill="#222222">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def chart(figures, sizes, database, names, offset):
    base = 10_000 if 10_000 in sizes else sizes[0]
    most = 1.5
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    spread = max(1e-9, math.log10(sizes[-1]) - math.log10(sizes[0]))

    def x_of(size):
        return offset + LEFT + wide * (math.log10(size) - math.log10(sizes[0])) / spread

    def y_of(share):
        return TOP + high * (1 - min(share, most) / most)

    left, right = offset + LEFT, offset + WIDTH - RIGHT
    parts = [f'<text x="{left}" y="24" font-size="14" font-weight="600" fill="#222222">{TITLES[database]}</text>',
             f'<rect x="{left}" y="{y_of(1.1):.1f}" width="{wide}" height="{y_of(0.9) - y_of(1.1):.1f}" fill="#e8f2e8"/>']
    for share in (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5):
        y = y_of(share)
        parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#dddddd"/>'
                     f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#555555">{share:g}</text>')
    for size in sizes:
        x = x_of(size)
        label = f"{size // 1_000_000} M" if size >= 1_000_000 else f"{size / 1000:g} k"
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="#555555">{label}</text>')
    parts.append(f'<text x="{left + wide / 2}" y="{HEIGHT - 8}" text-anchor="middle" fill="#555555">users</text>')
    for n, name in enumerate(names):
        first = per_cpu_second(figures, database, base, name)
        points = [(x_of(size), y_of(rate / first)) for size in sizes if first and (rate := per_cpu_second(figures, database, size, name))]
        if points:
            colour = COLOURS[n % len(COLOURS)]
            parts.append('<polyline fill="none" stroke-width="2" stroke="' + colour + '" points="' + " ".join(f"{x:.1f},{y:.1f}" for x, y in points) + '"/>')
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
    return parts


if __name__ == "__main__":
    main()
