INSERT INTO player_metrics
SELECT
  window_start,
  window_end,
  player_id,
  team,
  SUM(kill),
  SUM(death),
  CAST(SUM(kill) AS DOUBLE) / (CASE WHEN SUM(death) = 0 THEN 1 ELSE SUM(death) END)
FROM TABLE(TUMBLE(TABLE player_sides, DESCRIPTOR(event_time), INTERVAL '${windowSeconds}' SECOND))
GROUP BY window_start, window_end, player_id, team;

INSERT INTO team_metrics
SELECT
  window_start,
  window_end,
  team,
  SUM(kill),
  SUM(death),
  COUNT(DISTINCT player_id),
  CAST(SUM(kill) AS DOUBLE) / (CASE WHEN SUM(death) = 0 THEN 1 ELSE SUM(death) END)
FROM TABLE(TUMBLE(TABLE player_sides, DESCRIPTOR(event_time), INTERVAL '${windowSeconds}' SECOND))
GROUP BY window_start, window_end, team;
