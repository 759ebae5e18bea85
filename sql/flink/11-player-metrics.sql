DROP TABLE IF EXISTS player_metrics;
CREATE TABLE player_metrics (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  player_id STRING,
  team STRING,
  kills BIGINT,
  deaths BIGINT,
  assists BIGINT,
  kill_death_ratio DOUBLE
) WITH (
  'connector' = 'kinesis',
  'stream' = '${playerMetricsStream}',
  'aws.region' = '${region}',
  'sink.flush-buffer.timeout' = '1000',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);
