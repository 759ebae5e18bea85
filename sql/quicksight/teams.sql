SELECT window_start, window_end, team, kills, deaths, players
FROM ${database}.team_windows
