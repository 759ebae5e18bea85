"""boto3 as a producer of the bench: sends as many events as each line of its input asks for, and says the number once all are acknowledged."""

import os
import sys
import urllib3
import boto3

urllib3.disable_warnings()
env = os.environ
kinesis = boto3.client(
    "kinesis",
    endpoint_url=f"https://{env['BENCH_HOST']}:{env['BENCH_PORT']}",
    region_name=env["AWS_REGION"],
    verify=False,
)
stream = env["BENCH_STREAM"]
end = int(env["BENCH_NUMBER_ENDS"])
event = env["BENCH_EVENT"].encode()
head, tail = event[: end - 8], event[end:]
keys = [f"bench-match-{i}" for i in range(64)]

number = 0
print("ready", flush=True)
for line in sys.stdin:
    count = int(line)
    left = count
    while left > 0:
        size = min(500, left)
        records = [{"Data": b"%b%08d%b" % (head, n, tail), "PartitionKey": keys[n % 64]} for n in range(number, number + size)]
        number += size
        left -= size
        while records:
            answer = kinesis.put_records(StreamName=stream, Records=records)
            if answer["FailedRecordCount"] == 0:
                break
            records = [record for record, result in zip(records, answer["Records"]) if "ErrorCode" in result]
    print(count, flush=True)
