-- One row a team and window, late events included. For `players` it reads events: team_scores has all else.
CREATE OR REPLACE VIEW ${database}.team_windows AS
SELECT
  scores.window_start,
  scores.window_end,
  scores.team,
  scores.kills,
  scores.deaths,
  scores.assists,
  scores.players_on_time + coalesce(late.players, 0) AS players,
  scores.objectives,
  scores.points,
  scores.matches_won,
  scores.matches_ended,
  scores.kill_death_ratio
FROM ${view.team_scores} scores
LEFT JOIN (
  SELECT window_start, name, count(*) AS players
  FROM ${view.late_players} players
  WHERE seen_in = 'team'
  GROUP BY window_start, name
) late
  ON late.window_start = scores.window_start
  AND late.name = scores.team
