SELECT
  CASE
    WHEN begins >= CAST(current_timestamp - INTERVAL '${historyFineSeconds}' SECOND AS timestamp(3)) THEN ${historyTime}
    WHEN begins >= CAST(current_timestamp - INTERVAL '${historyHourlySeconds}' SECOND AS timestamp(3)) THEN date_trunc('hour', window_start)
    ELSE date_trunc('day', window_start)
  END AS window_start,
  team,
  SUM(kills) AS kills,
  SUM(deaths) AS deaths
FROM (
  SELECT window_start, team, kills, deaths, MIN(window_start) OVER () AS begins
  FROM ${month.team_scores} windows
)
GROUP BY 1, 2
