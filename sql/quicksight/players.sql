SELECT window_start, window_end, player_id, team, kills, deaths
FROM ${recent.player_windows} windows
