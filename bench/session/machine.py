"""The machine: its cores, and whether anybody else uses them."""

import os
import platform
import time

# The server has a core of its own, the generator another.
SERVER_CORE = 0
GENERATOR_CORE = 1


def pinned(core, *command):
    """The command, held to one core if there is one for it."""
    return list(map(str, command)) if core is None else ["taskset", "--cpu-list", str(core), *map(str, command)]


def cores():
    return len(os.sched_getaffinity(0))


def describe():
    model = platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    except OSError:
        pass
    return f"{cores()} cores of {model}, one for the server"


def _ticks():
    with open("/proc/stat", encoding="utf-8") as lines:
        numbers = [int(n) for n in lines.readline().split()[1:9]]
    return sum(numbers), numbers[3] + numbers[4]


def busy(seconds):
    """The share of the machine in use by others, while we wait."""
    total, idle = _ticks()
    time.sleep(seconds)
    total_after, idle_after = _ticks()
    return 1 - (idle_after - idle) / max(1, total_after - total)
