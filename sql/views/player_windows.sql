-- One row a player and window. A replay that began inside a window made a smaller second row for it: the larger is the whole one.
CREATE OR REPLACE VIEW ${database}.player_windows AS
SELECT
  CAST(replace(window_start, 'T', ' ') AS timestamp(3)) AS window_start,
  CAST(replace(window_end, 'T', ' ') AS timestamp(3)) AS window_end,
  player_id,
  team,
  CAST(kills AS bigint) AS kills,
  CAST(deaths AS bigint) AS deaths,
  CAST(kill_death_ratio AS double) AS kill_death_ratio
FROM (
  SELECT *, row_number() OVER (PARTITION BY window_start, window_end, player_id, team ORDER BY kills + deaths DESC) AS copy
  FROM ${database}.player_metrics
)
WHERE copy = 1
