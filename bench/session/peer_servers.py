"""The servers beside ours as processes: which they are, how each is started, and what it keeps of what it acknowledged."""

import base64
import contextlib
import dataclasses
import json
import os
import pathlib
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.parse
import urllib.request
import uuid

import machine
from postgresql import free_port

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "peer-servers"
TOKEN = secrets.token_hex(16)
CLIENT_ID, CLIENT_SECRET = "bench", secrets.token_hex(16)


@dataclasses.dataclass(frozen=True)
class Kind:
    name: str
    scenarios: tuple
    # Where its SCIM endpoints begin.
    base: str
    keeps: str
    # Its users are written to its table, all but the first: by POST, ten thousand take it many minutes.
    past_it: bool = False


SCIM = ("get", "filter", "page_first", "deactivate", "create")
OAUTH = ("cc", "introspect")

KINDS = [
    Kind("scim-server", SCIM, "/scim/v2", "on disk: SQLite as the crate opens it, a rollback journal with `synchronous=FULL`",
         past_it=True),
    Kind("scimmy", SCIM, "/scim/v2", "nothing: users are in a Map of ours, for the library has no store"),
    Kind("scim2-server", SCIM, "/v2", "nothing: its in-memory storage"),
    Kind("oidc-provider", OAUTH, "/", "nothing: its in-memory adapter, which holds the thousand entries used last"),
]


def command(kind, programs, built, port, home):
    """How it is started, or None where it was not built."""
    folder = built / kind.name
    if kind.name == "scim-server":
        words = [programs / "peer-scim-server", f"127.0.0.1:{port}", home / "users.db", TOKEN]
    elif kind.name == "scim2-server":
        words = [folder / "bin" / "python", folder / "server.py", port, TOKEN]
    else:
        given = [TOKEN] if kind.name == "scimmy" else [CLIENT_ID, CLIENT_SECRET]
        words = [node(), folder / "server.js", port, *given]
        # One without its libraries was copied and not built.
        if not (folder / "node_modules").exists():
            return None
    return words if words[0] and pathlib.Path(words[0]).exists() else None


def node():
    """The one that NODE names, or that of the path."""
    return os.environ.get("NODE") or shutil.which("node")


def versions(kind):
    """What is measured, from the lock file it was built by, and what it runs on."""
    folder = SOURCES / kind.name
    if kind.name == "scim-server":
        locked = {p["name"]: p["version"] for p in tomllib.loads((folder / "Cargo.lock").read_text())["package"]}
        return ", ".join(f"{name} {locked[name]}" for name in ["scim-server", "axum", "tokio"])
    if kind.name == "scim2-server":
        locked = dict(line.split("==") for line in (folder / "requirements.txt").read_text().split() if "==" in line)
        python = ".".join(map(str, sys.version_info[:3]))
        return ", ".join([*(f"{name} {locked[name]}" for name in ["scim2-server", "uvicorn", "uvloop"]), f"Python {python}"])
    named = json.loads((folder / "package.json").read_text())["dependencies"]
    locked = json.loads((folder / "package-lock.json").read_text())["packages"]
    runtime = subprocess.run([node(), "--version"], capture_output=True, text=True).stdout.strip()
    return ", ".join([*(f"{name} {locked[f'node_modules/{name}']['version']}" for name in named), f"Node {runtime}"])


class Peer:
    """On the server's core, with one worker, in its production mode."""

    def __init__(self, kind, words, home, port):
        self.kind, self.home = kind, home
        self.url = f"http://127.0.0.1:{port}"
        self.log = home / "peer.log"
        with open(self.log, "a", encoding="utf-8") as log:
            environment = {**os.environ, "NODE_ENV": "production"}
            self.process = subprocess.Popen(machine.pinned(machine.SERVER_CORE, *words), env=environment, cwd=home, stdout=log, stderr=log)
        self._wait()

    def _wait(self):
        for _ in range(300):
            if self.process.poll() is not None:
                sys.exit(f"bench/peers: {self.kind.name} ended:\n" + self.log.read_text())
            try:
                with urllib.request.urlopen(self.url + "/", timeout=1):
                    return
            except urllib.error.HTTPError:
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        sys.exit(f"bench/peers: {self.kind.name} does not answer after half a minute:\n" + self.log.read_text())

    @property
    def pids(self):
        return [self.process.pid]

    def scim_urls(self):
        return self.url + self.kind.base

    def settle(self):
        pass

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Customer:
    """What the generators are given: a client of the peer, and where they note the users."""

    def __init__(self, peer):
        self.peer, self.state = peer, peer.home / "users.tsv"
        self.client_id, self.client_secret = CLIENT_ID, CLIENT_SECRET

    def access_token(self):
        if self.peer.kind.scenarios != OAUTH:
            return TOKEN
        form = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "provision:scim"}).encode()
        request = urllib.request.Request(self.peer.url + "/oauth2/token", form)
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode())
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())["access_token"]


def fill_past(peer, customer, users):
    """scim-server looks at all users before it adds one, so the second to the last are written to its table, as copies of the first."""
    with open(customer.state, "a", encoding="utf-8") as state, contextlib.closing(sqlite3.connect(peer.home / "users.db")) as database, database:
        tenant, kind, first = database.execute("SELECT tenant_id, resource_type, data FROM scim_resources").fetchone()
        for n in range(1, users):
            name, id = f"user{(n * 2_654_435_761) % 2**32:08x}@example.com", str(uuid.uuid4())
            user = json.loads(first)
            user.update(id=id, userName=name, displayName=f"Given{n} Family{n}", externalId=f"00u{n:017}")
            user["name"].update(givenName=f"Given{n}", familyName=f"Family{n}")
            user["emails"][0]["value"] = name
            database.execute("INSERT INTO scim_resources VALUES (?, ?, ?, ?)", (tenant, kind, id, json.dumps(user, separators=(",", ":"))))
            state.write(f"{name}\t{id}\t0\n")


def start(kind, programs, built, home):
    """The peer, or None where it was not built."""
    port = free_port()
    words = command(kind, programs, built, port, home)
    return Peer(kind, words, home, port) if words else None
