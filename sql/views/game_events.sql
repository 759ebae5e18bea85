-- Each event of a match once, however often it was sent. Types are cast so that a wider column of a later crawl does not make the view stale.
CREATE OR REPLACE VIEW ${database}.game_events AS
SELECT
  event_id,
  event_type,
  CAST(replace(event_time, 'T', ' ') AS timestamp(3)) AS event_time,
  match_id,
  server_id,
  killer_id,
  killer_team,
  victim_id,
  victim_team,
  assist_id,
  weapon,
  CAST(distance AS double) AS distance,
  player_id,
  team,
  objective,
  CAST(points AS bigint) AS points,
  platform,
  region,
  device,
  CAST(fps AS bigint) AS fps,
  CAST(latency_ms AS bigint) AS latency_ms,
  app_version,
  CAST(duration_seconds AS bigint) AS duration_seconds,
  item,
  CAST(price_cents AS bigint) AS price_cents,
  currency,
  winner_team
FROM (
  SELECT *, row_number() OVER (PARTITION BY event_id ORDER BY event_time) AS copy
  FROM ${database}.events
  WHERE event_type <> 'heartbeat' AND ${delivered}
)
WHERE copy = 1
