-- One row for who killed, one for who died, one for who assisted. The array must use columns: Flink plans no constant one.
DROP TEMPORARY VIEW IF EXISTS player_parts;
CREATE TEMPORARY VIEW player_parts AS
SELECT
  happened_at,
  SUBSTRING(part FROM 2) AS player_id,
  CASE WHEN part LIKE 'D%' THEN victim_team ELSE killer_team END AS team,
  CASE WHEN part LIKE 'K%' THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS kill,
  CASE WHEN part LIKE 'D%' THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS death,
  CASE WHEN part LIKE 'A%' THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS assist
FROM events_counted CROSS JOIN UNNEST(ARRAY['K' || killer_id, 'D' || victim_id, 'A' || assist_id]) AS parts (part)
WHERE event_type = 'kill' AND part IS NOT NULL;
