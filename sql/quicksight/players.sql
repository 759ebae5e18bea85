SELECT window_start, window_end, player_id, team, kills, deaths
FROM ${month.player_windows} windows
