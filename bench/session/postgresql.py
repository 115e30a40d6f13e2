"""A throw-away PostgreSQL beside the server, durable as in production (fsync on)."""

import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys

import machine


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def programs():
    """The folder of pg_ctl: PG_BIN, Debian's newest, or on the path."""
    if os.environ.get("PG_BIN"):
        return pathlib.Path(os.environ["PG_BIN"])
    debian = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    if debian:
        return debian[-1].parent
    found = shutil.which("pg_ctl")
    if found:
        return pathlib.Path(found).parent
    sys.exit("bench/run: no PostgreSQL is installed (Debian's package is `postgresql`); or set PG_BIN to the folder of pg_ctl")


def shared_buffers_mib():
    """A quarter of the machine's memory, as PostgreSQL's manual advises; 4 GiB at most."""
    return min(4096, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4 // 2**20)


class Cluster:
    def __init__(self, home, core=machine.SERVER_CORE):
        self.bin, self.home, self.core = programs(), home, core
        self.data = home / "data"
        self.port = free_port()
        home.mkdir(parents=True, exist_ok=True)
        if os.getuid() == 0:
            # The server refuses to run as root.
            user = pwd.getpwnam("postgres")
            os.chown(home, user.pw_uid, user.pw_gid)
            for folder in home.parents:
                if folder.owner() == "root" and len(folder.parts) > 2:
                    folder.chmod(folder.stat().st_mode | 0o011)
        if not (self.data / "PG_VERSION").exists():
            self._run("initdb", "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C")
        settings = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=100 "
            f"-c fsync=on -c synchronous_commit=on -c shared_buffers={shared_buffers_mib()}MB -c max_wal_size=4GB -c checkpoint_timeout=15min"
        )
        self._run("pg_ctl", "-w", "-t", "60", "-l", self.home / "server.log", "-o", settings, "start")
        self.pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])

    def _run(self, program, *arguments):
        command = machine.pinned(self.core, self.bin / program, "-D", self.data, *arguments)
        if os.getuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]
        with open(self.home / f"{program}.log", "w", encoding="utf-8") as log:
            done = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        if done.returncode:
            sys.exit(f"bench/run: {program} failed:\n" + (self.home / f"{program}.log").read_text())

    def database(self, name):
        """The URL of a database of this name, made if it is not there."""
        psql = [self.bin / "psql", "-qAt", self.url("postgres"), "-c"]
        listed = subprocess.run([*psql, "SELECT datname FROM pg_database"], capture_output=True, text=True, check=True)
        if name not in listed.stdout.split():
            subprocess.run([*psql, f'CREATE DATABASE "{name}"'], check=True)
        return self.url(name)

    def url(self, name):
        return f"postgres://bench@127.0.0.1:{self.port}/{name}"

    def bytes_of(self, name):
        asked = f"SELECT pg_database_size('{name}')"
        told = subprocess.run([self.bin / "psql", "-qAt", self.url(name), "-c", asked], capture_output=True, text=True)
        return int(told.stdout.strip() or 0)

    def settle(self, name):
        """What autovacuum, the next checkpoint and a day's requests would have done by and by: the tables are in its memory, as far as they fit."""
        warm = "SELECT count(pg_prewarm(oid)) FROM pg_class WHERE relkind IN ('r', 'i') AND pg_relation_size(oid) > 0"
        statements = ["VACUUM ANALYZE", "CHECKPOINT", "CREATE EXTENSION IF NOT EXISTS pg_prewarm", warm]
        asked = [word for statement in statements for word in ("-c", statement)]
        subprocess.run([self.bin / "psql", "-qAt", self.url(name), *asked], check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        self._run("pg_ctl", "-m", "immediate", "stop")
