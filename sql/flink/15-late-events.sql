DROP TABLE IF EXISTS late_events;
CREATE TABLE late_events (
  event_id STRING,
  event_type STRING,
  event_time TIMESTAMP(3),
  watermark_at TIMESTAMP(3),
  server_id STRING,
  killer_id STRING,
  killer_team STRING,
  victim_id STRING,
  victim_team STRING,
  assist_id STRING,
  player_id STRING,
  team STRING,
  points INT,
  latency_ms INT,
  winner_team STRING
) WITH (
  'connector' = 'kinesis',
  'stream' = '${lateEventsStream}',
  'aws.region' = '${region}',
  'sink.flush-buffer.timeout' = '1000',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);
