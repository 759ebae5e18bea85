-- The players in form: their best minute of the last day, by kills, with the ratio of that minute, whichever teams they were in.
SELECT player_id, window_start, window_end, kills, deaths, assists, CAST(kills AS double) / greatest(deaths, 1) AS kill_death_ratio
FROM (
  SELECT *, row_number() OVER (PARTITION BY player_id ORDER BY kills DESC, deaths, window_start) AS best
  FROM (
    SELECT player_id, window_start, window_end, sum(kills) AS kills, sum(deaths) AS deaths, sum(assists) AS assists
    FROM ${recent.player_trends} trends
    GROUP BY player_id, window_start, window_end
  )
)
WHERE best = 1
ORDER BY kills DESC, kill_death_ratio DESC, player_id
LIMIT 50
