-- Shards: ${shards}
DROP TABLE IF EXISTS game_events;
CREATE TABLE game_events (
  event_id STRING,
  event_type STRING,
  event_time TIMESTAMP(3),
  match_id STRING,
  server_id STRING,
  killer_id STRING,
  killer_team STRING,
  victim_id STRING,
  victim_team STRING,
  weapon STRING,
  WATERMARK FOR event_time AS event_time - INTERVAL '${watermarkSeconds}' SECOND
) WITH (
  'connector' = 'kinesis',
  'stream' = '${eventsStream}',
  'aws.region' = '${region}',
  ${startPosition},
  -- The default, five reads a second, takes a shard's whole read quota; Firehose reads the same shards.
  'scan.shard.getrecords.intervalmillis' = '1000',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601',
  'json.ignore-parse-errors' = 'true'
);
