SELECT window_start, window_end, team, kills, deaths, players, points, matches_won
FROM ${recent.team_windows} windows
