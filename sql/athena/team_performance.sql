-- Kills, deaths and ratio of each team over all windows, and its mean number of players in a window.
SELECT
  team,
  sum(kills) AS kills,
  sum(deaths) AS deaths,
  CAST(sum(kills) AS double) / greatest(sum(deaths), 1) AS kill_death_ratio,
  avg(CAST(players AS double)) AS players,
  count(*) AS windows
FROM ${database}.team_windows
GROUP BY team
ORDER BY team
