"""The application. The broker comes from CELERY_BROKER_URL, which a Cyme branch gives to every worker."""
from celery import Celery

app = Celery("shop", backend="rpc://", include=["shop.tasks"])
