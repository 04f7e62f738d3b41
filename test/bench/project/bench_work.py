"""The Celery app of the benchmark: what Cyme's URL task does, as a user would write it."""
from urllib.request import urlopen

from celery import Celery

app = Celery("bench_work", backend="rpc://")


@app.task
def fetch(url):
    with urlopen(url) as answer:
        return {"status_code": answer.status, "url": url, "headers": dict(answer.headers), "content": answer.read().decode()}
