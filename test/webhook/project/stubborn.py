"""An app whose configuration says the opposite of all that a URL task needs."""
import os
import signal
import time

from celery import Celery
from cyme_webhook import WebhookTask

app = Celery("stubborn")
app.conf.update(
    result_backend="cache+memory://",
    result_serializer="pickle",
    result_persistent=False,
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    task_track_started=False,
    task_acks_late=False,
    task_acks_on_failure_or_timeout=False,
    task_reject_on_worker_lost=True,
    task_time_limit=1,
    task_soft_time_limit=1,
    task_annotations={"*": {"ignore_result": True, "time_limit": 1, "track_started": False}},
)


@app.task(name="stubborn.slow")
def slow():
    """One of the user's own: cut off by the limits above."""
    time.sleep(60)


@app.task(name="stubborn.again", base=WebhookTask, bind=True)
def again(self):
    if self.request.retries == 0:
        raise self.retry(countdown=0)
    return "at last"


@app.task(name="stubborn.die", base=WebhookTask)
def die():
    os.kill(os.getpid(), signal.SIGKILL)
