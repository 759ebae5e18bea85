-- Each event that came after its window had closed, once, with the window that it belongs to.
CREATE OR REPLACE VIEW ${database}.late_arrivals AS
SELECT
  event_id,
  event_type,
  event_time,
  watermark_at,
  date_add('second', date_diff('second', TIMESTAMP '1970-01-01 00:00:00.000', event_time) / ${windowSeconds} * ${windowSeconds}, TIMESTAMP '1970-01-01 00:00:00.000') AS window_start,
  date_add('second', date_diff('second', TIMESTAMP '1970-01-01 00:00:00.000', event_time) / ${windowSeconds} * ${windowSeconds} + ${windowSeconds}, TIMESTAMP '1970-01-01 00:00:00.000') AS window_end,
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
FROM (
  SELECT
    event_id,
    event_type,
    CAST(replace(event_time, 'T', ' ') AS timestamp(3)) AS event_time,
    CAST(replace(watermark_at, 'T', ' ') AS timestamp(3)) AS watermark_at,
    server_id,
    killer_id,
    killer_team,
    victim_id,
    victim_team,
    assist_id,
    player_id,
    team,
    CAST(points AS bigint) AS points,
    CAST(latency_ms AS bigint) AS latency_ms,
    winner_team,
    row_number() OVER (PARTITION BY event_id ORDER BY event_time) AS copy
  FROM ${database}.late_events
  WHERE event_type <> 'heartbeat' AND ${delivered}
)
WHERE copy = 1
