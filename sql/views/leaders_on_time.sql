-- The ten best players of each window by what came on time, as Flink ranked them when the window closed; window_leaders ranks by late events, too. A replay that began inside a
-- window left a second board of smaller rows. What the players' own rows exceed is of that one, and so is what does not have the place that is its due among the rest: the boards
-- are told apart as wholes.
CREATE OR REPLACE VIEW ${database}.leaders_on_time AS
SELECT window_start, window_end, place, player_id, kills, deaths, assists
FROM (
  SELECT
    boards.*,
    dense_rank() OVER (
      PARTITION BY boards.window_start, boards.window_end
      ORDER BY boards.kills DESC, boards.deaths, boards.assists DESC, boards.player_id
    ) AS due
  FROM (
    SELECT DISTINCT
      CAST(replace(window_start, 'T', ' ') AS timestamp(3)) AS window_start,
      CAST(replace(window_end, 'T', ' ') AS timestamp(3)) AS window_end,
      CAST(place AS bigint) AS place,
      player_id,
      CAST(kills AS bigint) AS kills,
      CAST(deaths AS bigint) AS deaths,
      CAST(assists AS bigint) AS assists
    FROM ${database}.leaderboards
    WHERE window_start IS NOT NULL AND ${delivered}
  ) boards
  LEFT JOIN (
    SELECT window_start, window_end, player_id, sum(counted) AS counted
    FROM (
      SELECT
        CAST(replace(window_start, 'T', ' ') AS timestamp(3)) AS window_start,
        CAST(replace(window_end, 'T', ' ') AS timestamp(3)) AS window_end,
        player_id,
        max(CAST(kills AS bigint) + CAST(deaths AS bigint) + CAST(assists AS bigint)) AS counted
      FROM ${database}.player_metrics
      WHERE ${delivered}
      GROUP BY 1, 2, 3, team
    )
    GROUP BY window_start, window_end, player_id
  ) whole
    ON whole.window_start = boards.window_start
    AND whole.window_end = boards.window_end
    AND whole.player_id = boards.player_id
  WHERE coalesce(whole.counted, 0) <= boards.kills + boards.deaths + boards.assists
)
WHERE place = due
