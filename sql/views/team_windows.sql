-- One row a team and window. A replay that began inside a window made a smaller second row for it: the larger is the whole one.
CREATE OR REPLACE VIEW ${database}.team_windows AS
SELECT
  CAST(replace(window_start, 'T', ' ') AS timestamp(3)) AS window_start,
  CAST(replace(window_end, 'T', ' ') AS timestamp(3)) AS window_end,
  team,
  CAST(kills AS bigint) AS kills,
  CAST(deaths AS bigint) AS deaths,
  CAST(players AS bigint) AS players,
  CAST(kill_death_ratio AS double) AS kill_death_ratio
FROM (
  SELECT *, row_number() OVER (PARTITION BY window_start, window_end, team ORDER BY kills + deaths DESC) AS copy
  FROM ${database}.team_metrics
)
WHERE copy = 1
