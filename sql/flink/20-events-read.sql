-- Late is what the watermark of its own shard has passed when it is read, whatever the other shards do: read again, the same is late again.
DROP TEMPORARY VIEW IF EXISTS events_read;
CREATE TEMPORARY VIEW events_read AS
SELECT
  event_id,
  event_type,
  happened_at,
  CAST(arrival AS TIMESTAMP(3)) AS arrived_at,
  CURRENT_WATERMARK(happened_at) AS watermark_at,
  server_id,
  killer_id,
  killer_team,
  victim_id,
  victim_team,
  assist_id,
  player_id,
  team,
  points,
  latency_ms,
  winner_team
FROM game_events
WHERE event_id IS NOT NULL AND happened_at > TIMESTAMP '1970-01-01 00:00:00.000';
