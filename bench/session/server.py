"""The gateway as a process: on a fresh database; on one core with one worker, or on all cores with its defaults."""

import base64
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import machine
from postgresql import free_port

DATABASE = "gateway"


def commit():
    """Of the tree that is measured."""
    told = subprocess.run(
        ["git", "-C", os.path.dirname(__file__), "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    )
    return told.stdout.strip() or "uncommitted"


def move(program, source, home, cluster):
    """The users, the customers and the key of a session kept on SQLite become those of a new one on PostgreSQL."""
    if not cluster or (home / "users.tsv").exists():
        sys.exit("bench/run: --loaded-from is for a new session on PostgreSQL")
    (home / "data").mkdir(exist_ok=True)
    for path in [*source.glob("customer*.json"), source / "users.tsv", source / "data" / "bench.key"]:
        shutil.copy(path, home / path.relative_to(source))
    environment = {
        **os.environ,
        "GATEWAY__DATABASE__URL": f"sqlite:{source / 'data' / 'gateway.db'}",
        "GATEWAY__DATA__DIR": str(source / "data"),
        "GATEWAY__SECURITY__MASTER_KEY": (source / "data" / "bench.key").read_text(),
    }
    begun = time.monotonic()
    subprocess.run([program, "move", "--to", cluster.database(DATABASE)], env=environment, cwd=home, check=True, stdout=sys.stderr)
    print(f"moved in {time.monotonic() - begun:.0f} s", file=sys.stderr)
    cluster.settle(DATABASE)


class Server:
    def __init__(self, program, home, cluster, core=machine.SERVER_CORE, settings=()):
        self.cluster, self.home = cluster, home
        self.data = home / "data"
        self.data.mkdir(exist_ok=True)
        self.admin_token = secrets.token_hex(32)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        url = cluster.database(DATABASE) if cluster else f"sqlite:{self.data / 'gateway.db'}"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GATEWAY__")},
            "GATEWAY__SERVER__BIND": f"127.0.0.1:{port}",
            "GATEWAY__SERVER__WORKERS": "0" if core is None else "1",
            "GATEWAY__DATABASE__URL": url,
            "GATEWAY__DATA__DIR": str(self.data),
            "GATEWAY__ADMIN__TOKEN": self.admin_token,
            "GATEWAY__LOG__FILTER": "warn",
            # Kept with the data; replicas on PostgreSQL need the same one.
            "GATEWAY__SECURITY__MASTER_KEY": self.master_key(),
            # A session with a million users is longer than an access token lives.
            "GATEWAY__OAUTH__ACCESS_TOKEN_MINUTES": "1440",
            **dict(settings),
        }
        self.log = home / "gateway.log"
        with open(self.log, "w", encoding="utf-8") as log:
            command = machine.pinned(core, program, "serve")
            self.process = subprocess.Popen(command, env=environment, cwd=home, stdout=log, stderr=log)
        self._wait()

    def master_key(self):
        kept = self.data / "bench.key"
        if not kept.exists():
            kept.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
        return kept.read_text()

    def _wait(self):
        for _ in range(600):
            if self.process.poll() is not None:
                sys.exit("bench/run: the gateway ended:\n" + self.log.read_text())
            try:
                with urllib.request.urlopen(self.url + "/health/ready", timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        sys.exit("bench/run: the gateway is not ready after a minute:\n" + self.log.read_text())

    @property
    def pids(self):
        """Whose processor time and memory count: with PostgreSQL, the database's too."""
        return [self.process.pid] + ([self.cluster.pid] if self.cluster else [])

    def memory_mib(self):
        """The gateway's own memory, without the pages of mapped files."""
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="utf-8") as lines:
            fields = dict(line.split(":", 1) for line in lines if ":" in line and not line[0].isdigit())
        kib = {name: int(text.split()[0]) for name, text in fields.items() if text.split()[:1] and text.split()[0].isdigit()}
        return {
            "resident": round(kib.get("Rss", 0) / 1024, 1),
            "own": round((kib.get("Pss", 0) - kib.get("Pss_File", 0)) / 1024, 1),
        }

    def scim_urls(self):
        return self.url + "/scim/v2"

    def settle(self):
        """As after a day's requests: what is stored is in memory, as far as it fits."""
        if self.cluster:
            self.cluster.settle(DATABASE)
            return
        with open(self.data / "gateway.db", "rb") as file:
            while file.read(1 << 20):
                pass

    def stored_bytes(self):
        if self.cluster:
            return self.cluster.bytes_of(DATABASE)
        return sum(path.stat().st_size for path in self.data.glob("gateway.db*"))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
        complaints = self.log.read_text().strip()
        if complaints:
            print("the gateway said:\n" + complaints[-2000:], file=sys.stderr)
