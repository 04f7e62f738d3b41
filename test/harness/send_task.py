"""Sends one task and waits for its result. Standard input: JSON with broker, task, queue, args, kwargs, timeout (seconds).
Standard output: a line with its id once it is sent, then a line {"result": …} or {"error": "…"}."""
import json
import sys

from celery import Celery

work = json.load(sys.stdin)
app = Celery("send", broker=work["broker"], backend="rpc://", set_as_current=True)
# A broker that is away is an error here and now, for the test to see.
app.conf.broker_connection_retry = False
sent = app.send_task(
    work["task"], args=work.get("args", []), kwargs=work.get("kwargs", {}), queue=work["queue"], retry=False
)
print(sent.id, flush=True)
try:
    answer = {"result": sent.get(timeout=work["timeout"])}
except Exception as error:
    answer = {"error": f"{type(error).__name__}: {error}"}
print(json.dumps(answer), flush=True)
