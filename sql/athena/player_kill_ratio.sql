-- The fifty players with the best kill/death ratio of the last day; who never died counts as having died once.
SELECT
  player_id,
  sum(kills) AS kills,
  sum(deaths) AS deaths,
  sum(assists) AS assists,
  CAST(sum(kills) AS double) / greatest(sum(deaths), 1) AS kill_death_ratio
FROM ${recent.player_windows} windows
GROUP BY player_id
ORDER BY kill_death_ratio DESC, kills DESC, player_id
LIMIT 50
