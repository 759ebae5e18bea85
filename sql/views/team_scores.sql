-- One row a team and window, late events included in all that adds up; `players_on_time`: those whom Flink counted. Of two rows for a window the larger is the whole one.
CREATE OR REPLACE VIEW ${database}.team_scores AS
SELECT
  window_start,
  window_end,
  team,
  sum(kills) AS kills,
  sum(deaths) AS deaths,
  sum(assists) AS assists,
  sum(players) AS players_on_time,
  sum(objectives) AS objectives,
  sum(points) AS points,
  sum(matches_won) AS matches_won,
  sum(matches_ended) AS matches_ended,
  CAST(sum(kills) AS double) / greatest(sum(deaths), 1) AS kill_death_ratio
FROM (
  SELECT window_start, window_end, team, kills, deaths, assists, players, objectives, points, matches_won, matches_ended
  FROM (
    SELECT
      *,
      row_number() OVER (
        PARTITION BY window_start, window_end, team
        ORDER BY kills + deaths + assists + objectives + points + matches_ended DESC, players DESC
      ) AS copy
    FROM (
      SELECT
        CAST(replace(window_start, 'T', ' ') AS timestamp(3)) AS window_start,
        CAST(replace(window_end, 'T', ' ') AS timestamp(3)) AS window_end,
        team,
        CAST(kills AS bigint) AS kills,
        CAST(deaths AS bigint) AS deaths,
        CAST(assists AS bigint) AS assists,
        CAST(players AS bigint) AS players,
        CAST(objectives AS bigint) AS objectives,
        CAST(points AS bigint) AS points,
        CAST(matches_won AS bigint) AS matches_won,
        CAST(matches_ended AS bigint) AS matches_ended
      FROM ${database}.team_metrics
      WHERE window_start IS NOT NULL AND ${delivered}
    )
  )
  WHERE copy = 1
  UNION ALL
  SELECT
    window_start,
    window_end,
    CASE part
      WHEN 'death' THEN victim_team
      WHEN 'objective' THEN team
      WHEN 'won' THEN winner_team
      WHEN 'lost' THEN CASE winner_team WHEN 'red' THEN 'blue' ELSE 'red' END
      ELSE killer_team
    END AS team,
    CASE part WHEN 'kill' THEN 1 ELSE 0 END AS kills,
    CASE part WHEN 'death' THEN 1 ELSE 0 END AS deaths,
    CASE part WHEN 'assist' THEN 1 ELSE 0 END AS assists,
    0 AS players,
    CASE part WHEN 'objective' THEN 1 ELSE 0 END AS objectives,
    CASE part WHEN 'objective' THEN points ELSE 0 END AS points,
    CASE part WHEN 'won' THEN 1 ELSE 0 END AS matches_won,
    CASE WHEN part IN ('won', 'lost') THEN 1 ELSE 0 END AS matches_ended
  FROM ${view.late_arrivals} late
  CROSS JOIN (VALUES 'kill', 'death', 'assist', 'objective', 'won', 'lost') AS parts (part)
  WHERE
    (event_type = 'kill' AND (part IN ('kill', 'death') OR (part = 'assist' AND assist_id <> '')))
    OR (event_type = 'objective' AND part = 'objective')
    OR (event_type = 'match_end' AND part IN ('won', 'lost'))
)
GROUP BY window_start, window_end, team
