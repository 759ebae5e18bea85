DROP TABLE IF EXISTS leaderboards;
CREATE TABLE leaderboards (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  place BIGINT,
  player_id STRING,
  kills BIGINT,
  deaths BIGINT,
  assists BIGINT
) WITH (
  'connector' = 'kinesis',
  'stream' = '${leaderboardsStream}',
  'aws.region' = '${region}',
  'sink.flush-buffer.timeout' = '1000',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);
