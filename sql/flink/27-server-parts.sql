-- One row for the event itself, one for each player whom it shows to be online.
DROP TEMPORARY VIEW IF EXISTS server_parts;
CREATE TEMPORARY VIEW server_parts AS
SELECT
  happened_at,
  server_id,
  CASE WHEN part LIKE 'E%' THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS event,
  CASE WHEN part LIKE 'P%' THEN SUBSTRING(part FROM 2) END AS player_id,
  CASE WHEN part LIKE 'E%' AND event_type = 'telemetry' THEN latency_ms END AS latency_ms
FROM events_counted
CROSS JOIN UNNEST(ARRAY['E' || event_type, 'P' || killer_id, 'P' || victim_id, 'P' || assist_id, 'P' || player_id]) AS parts (part)
WHERE server_id IS NOT NULL AND part IS NOT NULL;
