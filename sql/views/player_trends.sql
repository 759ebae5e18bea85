-- One row a player and sliding window, late events included in each that they belong to; a new window begins whenever a tumbling one does.
CREATE OR REPLACE VIEW ${database}.player_trends AS
SELECT
  window_start,
  window_end,
  player_id,
  team,
  sum(kills) AS kills,
  sum(deaths) AS deaths,
  sum(assists) AS assists,
  CAST(sum(kills) AS double) / greatest(sum(deaths), 1) AS kill_death_ratio
FROM (
  SELECT window_start, window_end, player_id, team, kills, deaths, assists
  FROM (
    SELECT *, row_number() OVER (PARTITION BY window_start, window_end, player_id, team ORDER BY kills + deaths + assists DESC) AS copy
    FROM (
      SELECT
        CAST(replace(window_start, 'T', ' ') AS timestamp(3)) AS window_start,
        CAST(replace(window_end, 'T', ' ') AS timestamp(3)) AS window_end,
        player_id,
        team,
        CAST(kills AS bigint) AS kills,
        CAST(deaths AS bigint) AS deaths,
        CAST(assists AS bigint) AS assists
      FROM ${database}.player_metrics
      WHERE ${delivered}
    )
    WHERE date_diff('second', window_start, window_end) = ${slidingSeconds}
  )
  WHERE copy = 1
  UNION ALL
  SELECT
    window_start + shift * INTERVAL '1' SECOND AS window_start,
    window_start + (shift + ${slidingSeconds}) * INTERVAL '1' SECOND AS window_end,
    CASE part WHEN 'kill' THEN killer_id WHEN 'death' THEN victim_id ELSE assist_id END AS player_id,
    CASE part WHEN 'death' THEN victim_team ELSE killer_team END AS team,
    CASE part WHEN 'kill' THEN 1 ELSE 0 END AS kills,
    CASE part WHEN 'death' THEN 1 ELSE 0 END AS deaths,
    CASE part WHEN 'assist' THEN 1 ELSE 0 END AS assists
  FROM ${view.late_arrivals} late
  CROSS JOIN (VALUES 'kill', 'death', 'assist') AS parts (part)
  CROSS JOIN UNNEST(sequence(-${slidingLead}, 0, ${windowSeconds})) AS starts (shift)
  WHERE event_type = 'kill' AND (part <> 'assist' OR assist_id <> '')
)
GROUP BY window_start, window_end, player_id, team
