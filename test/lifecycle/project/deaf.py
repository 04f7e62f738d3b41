"""
A worker that leaves its queues behind Celery's back, and goes on listing them, when a file says how: `once`, `always` (again and again, while
the file is there), or `hoards` (a consumer is left, which takes one message and does nothing with it).
"""
import os
from pathlib import Path

from celery.signals import worker_ready

from work import app  # noqa: F401


@worker_ready.connect
def listen(sender, **_):
    trigger = Path(os.environ["DEAF_WHILE"])

    def hoard():
        channel = sender.connection.channel()
        channel.basic_qos(0, 1, False)
        for queue in sender.task_consumer.queues:
            channel.basic_consume(queue.name, callback=lambda message: None)

    def look():
        if not trigger.exists():
            return
        how = trigger.read_text()
        if how != "always":
            trigger.unlink()
        sender.task_consumer.cancel()
        if how == "hoards":
            hoard()

    sender.timer.call_repeatedly(0.2, look)
