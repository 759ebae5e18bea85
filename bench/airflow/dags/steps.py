"""Five empty tasks, each after the other, run by run: what Airflow takes from the end of one to the start of the next."""

import json
import os
import time
from datetime import datetime, timedelta, timezone

from airflow.sdk import dag, task

# More than are measured: under load a task may fail before it begins.
RUNS = 30
FIRST = datetime(2026, 1, 1, tzinfo=timezone.utc)


@task
def step(number, run_id=None):
    began = time.time()
    with open(os.environ["BENCH_OUTPUT"], "a") as steps:
        steps.write(json.dumps({"run": run_id, "step": number, "began": began, "ended": time.time()}) + "\n")


@dag(
    schedule=timedelta(days=1),
    start_date=FIRST,
    end_date=FIRST + timedelta(days=RUNS),
    catchup=True,
    max_active_runs=1,
    is_paused_upon_creation=False,
)
def steps():
    before = None
    for number in range(5):
        now = step.override(task_id=f"step{number}")(number)
        if before is not None:
            before >> now
        before = now


steps()
