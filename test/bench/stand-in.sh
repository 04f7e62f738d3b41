# Stands in for Celery as --command: a process that costs nothing. crowd-of-workers.ts answers for it.
exec sleep 1000000
