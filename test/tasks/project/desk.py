"""The app of the tests of named tasks. Where its results go is said by DESK_BACKEND."""
import os
from pathlib import Path

from celery import Celery

app = Celery("desk", backend=os.environ.get("DESK_BACKEND"))


@app.task(bind=True, name="desk.show")
def show(self, *args, **kwargs):
    """What the worker was given, and by which message."""
    request = self.request
    return {
        "args": list(args),
        "kwargs": kwargs,
        "id": request.id,
        "eta": request.eta,
        "expires": request.expires,
        "priority": request.delivery_info.get("priority"),
        "queue": request.delivery_info.get("routing_key"),
        "shade": request.get("shade"),
    }


@app.task(name="desk.note")
def note(file, word):
    """Adds the word to the file as a line."""
    with Path(file).open("a") as out:
        out.write(f"{word}\n")


@app.task(name="desk.fail")
def fail():
    raise LookupError("the drawer is empty")
