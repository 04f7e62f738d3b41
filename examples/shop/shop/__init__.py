"""A small shop: what Celery calls a project. `celery -A shop worker` in the folder above runs it."""
