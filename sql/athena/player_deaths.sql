-- The fifty players who died most in the last day.
SELECT player_id, sum(deaths) AS deaths, sum(kills) AS kills
FROM ${recent.player_windows} windows
GROUP BY player_id
ORDER BY deaths DESC, player_id
LIMIT 50
