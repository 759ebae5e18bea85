-- Each team over the last day: kills, deaths, ratio, objectives and their points, score (kills and points), matches won of those that ended, and its mean number of players in a window.
SELECT
  team,
  sum(kills) AS kills,
  sum(deaths) AS deaths,
  sum(assists) AS assists,
  CAST(sum(kills) AS double) / greatest(sum(deaths), 1) AS kill_death_ratio,
  sum(objectives) AS objectives,
  sum(points) AS points,
  sum(kills) + sum(points) AS score,
  sum(matches_won) AS matches_won,
  sum(matches_ended) AS matches_ended,
  CAST(sum(matches_won) AS double) / greatest(sum(matches_ended), 1) AS win_share,
  avg(CAST(players AS double)) AS players,
  count(*) AS windows
FROM ${recent.team_windows} windows
GROUP BY team
ORDER BY team
