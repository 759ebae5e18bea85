-- Shards: ${shards}
DROP TABLE IF EXISTS game_events;
CREATE TABLE game_events (
  -- As text: the JSON format of Studio's connector ends the job at a line that is no JSON (FLINK-33176).
  line STRING,
  ${eventColumns},
  arrival TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  shard STRING METADATA FROM 'shard-id' VIRTUAL,
  -- A record without a time would end the job, and one of a shard that the note does not name would move another's watermark: both get this one, and are left out behind.
  happened_at AS COALESCE(CASE WHEN ${isOfThese} THEN ${eventTime} END, TIMESTAMP '1970-01-01 00:00:00.000'),
  WATERMARK FOR happened_at AS happened_at - INTERVAL '${watermarkSeconds}' SECOND
) WITH (
  'connector' = 'kinesis',
  'stream' = '${eventsStream}',
  'aws.region' = '${region}',
  ${startPosition},
  -- The default, five reads a second, takes a shard's whole read quota; Firehose reads the same shards.
  'scan.shard.getrecords.intervalmillis' = '1000',
  -- Never again: a shard that is found later would share a subtask. The note is made anew for it.
  'scan.shard.discovery.intervalmillis' = '31536000000',
  'format' = 'raw'
);
