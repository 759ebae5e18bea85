DROP TABLE IF EXISTS server_metrics;
CREATE TABLE server_metrics (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  server_id STRING,
  events BIGINT,
  players BIGINT,
  latencies BIGINT,
  latency_25 BIGINT,
  latency_50 BIGINT,
  latency_75 BIGINT,
  latency_100 BIGINT,
  latency_150 BIGINT,
  latency_200 BIGINT,
  latency_300 BIGINT,
  latency_500 BIGINT
) WITH (
  'connector' = 'kinesis',
  'stream' = '${serverMetricsStream}',
  'aws.region' = '${region}',
  'sink.flush-buffer.timeout' = '1000',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);
