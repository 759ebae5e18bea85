SELECT
  date_trunc('minute', window_start) AS window_start,
  team,
  SUM(kills) AS kills,
  SUM(deaths) AS deaths
FROM ${database}.team_windows
GROUP BY 1, 2
