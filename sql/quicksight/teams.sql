SELECT window_start, window_end, team, kills, deaths, points, matches_won
FROM ${recent.team_scores} windows
