-- Kill/death ratio by the hour of the last day, of the twenty players with the most kills.
SELECT
  windows.hour,
  windows.player_id,
  sum(windows.kills) AS kills,
  sum(windows.deaths) AS deaths,
  CAST(sum(windows.kills) AS double) / greatest(sum(windows.deaths), 1) AS kill_death_ratio
FROM (
  SELECT date_trunc('hour', window_start) AS hour, player_id, kills, deaths
  FROM ${recent.player_windows} all_windows
) windows
JOIN (
  SELECT player_id
  FROM ${recent.player_windows} all_windows
  GROUP BY player_id
  ORDER BY sum(kills) DESC, player_id
  LIMIT 20
) best ON best.player_id = windows.player_id
GROUP BY windows.hour, windows.player_id
ORDER BY windows.hour, windows.player_id
