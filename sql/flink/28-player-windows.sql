DROP TEMPORARY VIEW IF EXISTS player_windows;
CREATE TEMPORARY VIEW player_windows AS
SELECT window_start, window_end, player_id, team, SUM(kill) AS kills, SUM(death) AS deaths, SUM(assist) AS assists
FROM TABLE(TUMBLE(TABLE player_parts, DESCRIPTOR(happened_at), INTERVAL '${windowSeconds}' SECOND(4)))
GROUP BY window_start, window_end, player_id, team;
