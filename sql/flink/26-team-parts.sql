-- What an event tells of teams: a kill, a death, an assist, an objective, a match won and one lost.
DROP TEMPORARY VIEW IF EXISTS team_parts;
CREATE TEMPORARY VIEW team_parts AS
SELECT
  happened_at,
  CASE
    WHEN part LIKE 'D%' THEN victim_team
    WHEN part LIKE 'O%' THEN team
    WHEN part LIKE 'W%' OR part LIKE 'L%' THEN SUBSTRING(part FROM 2)
    ELSE killer_team
  END AS team,
  CASE WHEN part LIKE 'W%' OR part LIKE 'L%' THEN CAST(NULL AS STRING) ELSE SUBSTRING(part FROM 2) END AS player_id,
  CASE WHEN part LIKE 'K%' THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS kill,
  CASE WHEN part LIKE 'D%' THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS death,
  CASE WHEN part LIKE 'A%' THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS assist,
  CASE WHEN part LIKE 'O%' THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS objective,
  CASE WHEN part LIKE 'O%' THEN CAST(points AS BIGINT) ELSE CAST(0 AS BIGINT) END AS points,
  CASE WHEN part LIKE 'W%' THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS match_won,
  CASE WHEN part LIKE 'W%' OR part LIKE 'L%' THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS match_ended
FROM events_counted
CROSS JOIN UNNEST(ARRAY[
  'K' || killer_id,
  'D' || victim_id,
  'A' || assist_id,
  'O' || player_id,
  'W' || winner_team,
  'L' || CASE winner_team WHEN 'red' THEN 'blue' WHEN 'blue' THEN 'red' END
]) AS parts (part)
WHERE event_type IN ('kill', 'objective', 'match_end') AND part IS NOT NULL;
