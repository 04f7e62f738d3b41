"""Celery's own way to send tasks, timed. Standard input: JSON with broker, queue, count and one of
- "task" and "kwargs": sends that many messages, with confirms where "confirm" is true; answers {"seconds"};
- "url": has bench_work.fetch fetch it that often, one after the other; answers {"times": seconds from sending to the result}."""
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "project"))
from bench_work import app, fetch  # noqa: E402

work = json.load(sys.stdin)
app.conf.broker_url = work["broker"]
app.conf.broker_transport_options = {"confirm_publish": work.get("confirm", False)}
WARM_UP = 20


def send():
    app.send_task(work["task"], kwargs=work["kwargs"], queue=work["queue"])


def result():
    begin = time.perf_counter()
    fetch.apply_async((work["url"],), queue=work["queue"]).get(timeout=30)
    return time.perf_counter() - begin


act = send if "task" in work else result
for _ in range(WARM_UP):
    act()
begin = time.perf_counter()
times = [act() for _ in range(work["count"])]
print(json.dumps({"seconds": time.perf_counter() - begin} if "task" in work else {"times": times}))
