-- Each event that came after its window had closed, with the window that it belongs to. An SQL that goes on makes the windows anew that may not have been out, and what is late
-- for these is as it judges: a row stands for windows that begin from `stands_from` until `stands_until`; of the others an earlier or a later row of the event tells, or none.
CREATE OR REPLACE VIEW ${database}.late_arrivals AS
SELECT
  event_id,
  event_type,
  event_time,
  watermark_at,
  date_add('second', date_diff('second', TIMESTAMP '1970-01-01 00:00:00.000', event_time) / ${windowSeconds} * ${windowSeconds}, TIMESTAMP '1970-01-01 00:00:00.000') AS window_start,
  date_add('second', date_diff('second', TIMESTAMP '1970-01-01 00:00:00.000', event_time) / ${windowSeconds} * ${windowSeconds} + ${windowSeconds}, TIMESTAMP '1970-01-01 00:00:00.000') AS window_end,
  CASE
    WHEN lag(event_id) OVER (PARTITION BY event_id ORDER BY judged.counted_since) IS NULL THEN TIMESTAMP '1970-01-01 00:00:00.000'
    ELSE judged.counted_since - INTERVAL '${slidingLead}' SECOND
  END AS stands_from,
  coalesce(next_since - INTERVAL '${slidingLead}' SECOND, TIMESTAMP '9999-01-01 00:00:00.000') AS stands_until,
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
    CAST(replace(coalesce(counted_since, '1970-01-01T00:00:00'), 'T', ' ') AS timestamp(3)) AS counted_since,
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
    row_number() OVER (PARTITION BY event_id, coalesce(counted_since, '') ORDER BY event_time) AS copy
  FROM ${database}.late_events
  WHERE event_type <> 'heartbeat' AND ${delivered}
) judged
JOIN (
  -- A heartbeat that is late on purpose comes every ten seconds: so each SQL is among these.
  SELECT counted_since, lead(counted_since) OVER (ORDER BY counted_since) AS next_since
  FROM (
    SELECT DISTINCT CAST(replace(coalesce(counted_since, '1970-01-01T00:00:00'), 'T', ' ') AS timestamp(3)) AS counted_since
    FROM ${database}.late_events
    WHERE ${delivered}
  )
) lives ON lives.counted_since = judged.counted_since
WHERE copy = 1
