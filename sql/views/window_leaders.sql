-- The best players of each window by what came on time. A replay that began inside a window gave its places to smaller rows: the larger are the whole ones.
CREATE OR REPLACE VIEW ${database}.window_leaders AS
SELECT window_start, window_end, place, player_id, team, kills, deaths, assists
FROM (
  SELECT *, row_number() OVER (PARTITION BY window_start, window_end, place ORDER BY kills DESC, deaths DESC, assists DESC) AS copy
  FROM (
    SELECT
      CAST(replace(window_start, 'T', ' ') AS timestamp(3)) AS window_start,
      CAST(replace(window_end, 'T', ' ') AS timestamp(3)) AS window_end,
      CAST(place AS bigint) AS place,
      player_id,
      team,
      CAST(kills AS bigint) AS kills,
      CAST(deaths AS bigint) AS deaths,
      CAST(assists AS bigint) AS assists
    FROM ${database}.leaderboards
    WHERE window_start IS NOT NULL AND ${delivered}
  )
)
WHERE copy = 1
