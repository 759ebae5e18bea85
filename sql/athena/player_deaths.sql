-- The fifty players who died most.
SELECT player_id, sum(deaths) AS deaths, sum(kills) AS kills
FROM ${database}.player_windows
GROUP BY player_id
ORDER BY deaths DESC, player_id
LIMIT 50
