"""Performs requests as the task does, without a worker. Argument: the folder of cyme_webhook.py. Each line of standard input is
{"id", "url", …, "policy", "seconds", "limit"}, each line of standard output {"id", "result"} or {"id", "error": {"type", "message",
"module", "traceback"}}, in the order in which they are done."""
import json
import pickle
import sys
import threading
import traceback

sys.path.insert(0, sys.argv[1])
import cyme_webhook  # noqa: E402

lock = threading.Lock()


class Given:
    def __init__(self, document):
        self._document = document

    def policy(self):
        return cyme_webhook.Policy(self._document)


def run(work):
    def limited(*args, **kwargs):
        return cyme_webhook.fetch(*args, **kwargs, seconds=work.get("seconds", 20), limit=work.get("limit", 10 * 1024 * 1024))

    try:
        file = cyme_webhook.PolicyFile(work["policy_file"]) if "policy_file" in work else Given(work["policy"])
        arguments = [work["url"], work.get("method", "GET"), *map(work.get, ("headers", "body", "is_base64"))]
        answer = {"result": cyme_webhook.perform(file, *arguments, request=limited)}
    except Exception as error:
        # As Celery does on the way from the pool to the worker.
        assert repr(pickle.loads(pickle.dumps(error))) == repr(error)
        (message,) = error.args
        answer = {
            "error": {
                "type": type(error).__name__,
                "message": message,
                "module": type(error).__module__,
                "traceback": traceback.format_exc(),
            }
        }
    with lock:
        print(json.dumps({"id": work["id"], **answer}), flush=True)


for line in sys.stdin:
    threading.Thread(target=run, args=(json.loads(line),), daemon=True).start()
