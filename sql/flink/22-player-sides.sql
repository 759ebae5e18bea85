-- One row for who killed, one for who died. The array must use a column: Flink plans no constant one.
DROP TEMPORARY VIEW IF EXISTS player_sides;
CREATE TEMPORARY VIEW player_sides AS
SELECT *
FROM (
  SELECT
    event_time,
    CASE WHEN side LIKE 'K%' THEN killer_id ELSE victim_id END AS player_id,
    CASE WHEN side LIKE 'K%' THEN killer_team ELSE victim_team END AS team,
    CASE WHEN side LIKE 'K%' THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS kill,
    CASE WHEN side LIKE 'K%' THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END AS death
  FROM events_on_time CROSS JOIN UNNEST(ARRAY['K' || event_id, 'D' || event_id]) AS sides (side)
  WHERE event_type = 'kill'
)
WHERE player_id IS NOT NULL;
