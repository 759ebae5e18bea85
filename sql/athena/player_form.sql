-- The players in form: their best minute of the last day, by kills, with the ratio of that minute.
SELECT player_id, window_start, window_end, kills, deaths, assists, kill_death_ratio
FROM (
  SELECT *, row_number() OVER (PARTITION BY player_id ORDER BY kills DESC, deaths, window_start, team) AS best
  FROM ${recent.player_trends} trends
)
WHERE best = 1
ORDER BY kills DESC, kill_death_ratio DESC, player_id
LIMIT 50
