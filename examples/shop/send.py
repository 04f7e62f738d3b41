"""Sends one task to a queue and prints its result.

    CELERY_BROKER_URL=amqp://… python3 send.py <queue> <task> [argument as JSON]…
    python3 send.py tasks shop.tasks.add 2 3
"""
import json
import sys

from celery.exceptions import TimeoutError
from shop.celery import app

if len(sys.argv) < 3:
    sys.exit(__doc__)
queue, task, *arguments = sys.argv[1:]
sent = app.send_task(task, args=[json.loads(argument) for argument in arguments], queue=queue)
try:
    print(json.dumps(sent.get(timeout=30)))
except TimeoutError:
    sys.exit(f"{task} {sent.id} gave no result within 30 s: does a worker consume from {queue}?")
