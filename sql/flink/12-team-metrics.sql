DROP TABLE IF EXISTS team_metrics;
CREATE TABLE team_metrics (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  team STRING,
  kills BIGINT,
  deaths BIGINT,
  assists BIGINT,
  players BIGINT,
  objectives BIGINT,
  points BIGINT,
  matches_won BIGINT,
  matches_ended BIGINT,
  kill_death_ratio DOUBLE
) WITH (
  'connector' = 'kinesis',
  'stream' = '${teamMetricsStream}',
  'aws.region' = '${region}',
  'sink.flush-buffer.timeout' = '1000',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);
