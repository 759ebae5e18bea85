-- The ten best players of each window, late events included.
CREATE OR REPLACE VIEW ${database}.window_leaders AS
SELECT window_start, window_end, place, player_id, kills, deaths, assists
FROM (
  SELECT
    *,
    row_number() OVER (PARTITION BY window_start, window_end ORDER BY kills DESC, deaths, assists DESC, player_id) AS place
  FROM (
    SELECT window_start, window_end, player_id, sum(kills) AS kills, sum(deaths) AS deaths, sum(assists) AS assists
    FROM ${view.player_windows} windows
    GROUP BY window_start, window_end, player_id
  )
)
WHERE place <= 10
