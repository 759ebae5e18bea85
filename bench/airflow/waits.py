"""Runs operators of Airflow's amazon provider at their defaults, side by side, each in a process of its own.

    waits.py JOBS OUTPUT

JOBS is a JSON list of {"kind", "id", "after", …}, each begun `after` seconds; a line {"kind", "id", "seen"} of JSON goes to OUTPUT for each, in seconds since
the epoch.
"""

import json
import logging
import multiprocessing
import sys
import time
from unittest.mock import MagicMock

from airflow.providers.amazon.aws.operators.athena import AthenaOperator
from airflow.providers.amazon.aws.operators.glue_crawler import GlueCrawlerRunOperator
from airflow.providers.amazon.aws.operators.kinesis_analytics import KinesisAnalyticsV2StartApplicationOperator
from airflow.providers.amazon.aws.operators.quicksight import QuickSightCreateIngestionOperator


def application(job):
    return KinesisAnalyticsV2StartApplicationOperator(task_id="t", application_name=job["id"])


def crawl(job):
    operator = GlueCrawlerRunOperator(task_id="t", crawler_name=job["id"])
    # It logs these once the crawl has ended; the local AWS has none.
    none = dict.fromkeys(
        ("LastRuntimeSeconds", "MedianRuntimeSeconds", "TablesCreated", "TablesUpdated", "TablesDeleted"), 0
    )
    operator.hook.glue_client.get_crawler_metrics = lambda **_: {"CrawlerMetricsList": [none]}
    return operator


def query(job):
    return AthenaOperator(task_id="t", query=job["sql"], database=job["database"], workgroup=job["workgroup"])


def ingestion(job):
    data_set, name = job["id"].split("/")
    return QuickSightCreateIngestionOperator(task_id="t", data_set_id=data_set, ingestion_id=name)


OPERATORS = {"application": application, "crawl": crawl, "query": query, "ingestion": ingestion}


def run(job, lock, output):
    time.sleep(job["after"])
    operator = OPERATORS[job["kind"]](job)
    result = operator.execute(MagicMock())
    line = {"kind": job["kind"], "id": result if job["kind"] == "query" else job["id"], "seen": time.time()}
    with lock, open(output, "a") as lines:
        lines.write(json.dumps(line) + "\n")


def main():
    logging.disable(logging.CRITICAL)
    with open(sys.argv[1]) as jobs:
        wanted = json.load(jobs)
    forked = multiprocessing.get_context("fork")
    lock = forked.Lock()
    children = [forked.Process(target=run, args=(job, lock, sys.argv[2])) for job in wanted]
    for child in children:
        child.start()
    for child in children:
        child.join()
    failed = [job["kind"] for job, child in zip(wanted, children) if child.exitcode != 0]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
