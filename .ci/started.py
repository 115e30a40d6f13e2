"""A started gateway, and Python packages in pinned versions, for the checks of this directory."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
OPERATOR = "gwo_tester_operator_0123456789abcdef"
# What reads the files of deploy/, in target/deploy.
DEPLOYMENT = ["helm-python-sdk==0.2.2", "kubernetes-validate==1.37.0", "yamllint==1.38.0"]


def inside(venv, packages):
    """Goes on inside an environment that has the packages in these versions."""
    if Path(sys.prefix) == venv:
        return
    stamp = venv / "packages"
    if not stamp.exists() or stamp.read_text() != "\n".join(packages):
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        pip = [venv / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        subprocess.run(pip, check=True)
        stamp.write_text("\n".join(packages))
    os.execv(venv / "bin/python", [str(venv / "bin/python"), *sys.argv])


def settings():
    """Each setting of the page that is written from the gateway's own declarations."""
    page = (TOP / "docs/configuration.md").read_text()
    found = set(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", page, re.MULTILINE))
    if len(found) < 50:
        sys.exit("docs/configuration.md is not read any more")
    return found


@contextlib.contextmanager
def quiet():
    """Helm's library says on standard error which links of a chart it followed."""
    with tempfile.TemporaryFile() as said:
        kept = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextlib.contextmanager
def server(more=None):
    """The gateway that the command line names, with a data directory of its own, and more settings; gives its URL."""
    gateway = Path(sys.argv[1] if len(sys.argv) > 1 else TOP / "target/debug/gateway").resolve()
    with tempfile.TemporaryDirectory() as directory:
        process, url = start(gateway, directory, more)
        try:
            yield url
        finally:
            process.terminate()
            process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(gateway, directory, more=None):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "GATEWAY__SERVER__BIND": f"127.0.0.1:{port}", "GATEWAY__SERVER__PUBLIC_URL": url,
        "GATEWAY__DATA__DIR": directory, "GATEWAY__ADMIN__TOKEN": OPERATOR, "GATEWAY__LOG__FILTER": "warn", **(more or {}),
    }
    process = subprocess.Popen([gateway, "serve"], cwd=directory, env=settings)
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{url}/health/ready").close()
            return process, url
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    process.kill()
    sys.exit(f"{Path(sys.argv[0]).name}: the server did not start")


def call(url, body=None, method=None):
    """What the admin API answers to the operator of the configuration."""
    headers = {"Authorization": f"Bearer {OPERATOR}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as answer:
            return json.loads(answer.read() or "null")
    except urllib.error.HTTPError as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {url}: {error.read().decode()}")
