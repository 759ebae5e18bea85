SELECT window_start, window_end, player_id, team, kills, deaths
FROM ${database}.player_windows
