SELECT
  ${historyTime} AS window_start,
  team,
  SUM(kills) AS kills,
  SUM(deaths) AS deaths
FROM ${month.team_windows} windows
GROUP BY 1, 2
