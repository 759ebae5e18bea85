SELECT window_start, window_end, team, kills, deaths, players, points, matches_won
FROM ${database}.team_windows
