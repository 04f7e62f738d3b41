"""The tasks of the lifecycle tests. Where a task waits, it waits for a file, so that no test depends on time."""
import os
import subprocess
import time
from pathlib import Path

from celery import Celery

app = Celery("work", backend="rpc://")


@app.task
def add(x, y):
    return x + y


@app.task
def hold(folder, seconds=60):
    """Writes the process that runs it to `folder`/started, and goes on once `folder`/gate is there; then gives "done"."""
    with Path(folder, "started").open("a") as started:
        started.write(f"{os.getpid()}\n")
    for _ in range(seconds * 50):
        if Path(folder, "gate").exists():
            return "done"
        time.sleep(0.02)
    raise TimeoutError(f"nobody opened {folder}/gate")


@app.task
def stray(folder):
    """Holds, after it has started a program with an environment of its own that outlives it."""
    subprocess.Popen(["sleep", "300"], env={})
    return hold(folder)


@app.task
def note(file, line):
    """Adds a line to a file: what was done, and how often."""
    with Path(file).open("a") as done:
        done.write(f"{line}\n")
