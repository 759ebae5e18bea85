-- In Studio, what is SET holds for its own paragraph alone, and only options of tables may be: no quotes, and no blanks around the sign. Event times are UTC.
SET table.local-time-zone=UTC;
-- How long an event id is remembered: twice as long as a producer sends copies without a look at the stream (FORGOTTEN_MS).
SET table.exec.state.ttl=1h;
-- A silent shard must not hold back every window.
SET table.exec.source.idle-timeout=30s;

INSERT INTO player_metrics
SELECT
  window_start,
  window_end,
  player_id,
  team,
  kills,
  deaths,
  assists,
  CAST(kills AS DOUBLE) / (CASE WHEN deaths = 0 THEN 1 ELSE deaths END)
FROM player_windows;

INSERT INTO player_metrics
SELECT
  window_start,
  window_end,
  player_id,
  team,
  SUM(kill),
  SUM(death),
  SUM(assist),
  CAST(SUM(kill) AS DOUBLE) / (CASE WHEN SUM(death) = 0 THEN 1 ELSE SUM(death) END)
FROM TABLE(
  HOP(TABLE player_parts, DESCRIPTOR(happened_at), INTERVAL '${windowSeconds}' SECOND(4), INTERVAL '${slidingSeconds}' SECOND(4))
)
GROUP BY window_start, window_end, player_id, team;

INSERT INTO team_metrics
SELECT
  window_start,
  window_end,
  team,
  SUM(kill),
  SUM(death),
  SUM(assist),
  COUNT(DISTINCT player_id),
  SUM(objective),
  SUM(points),
  SUM(match_won),
  SUM(match_ended),
  CAST(SUM(kill) AS DOUBLE) / (CASE WHEN SUM(death) = 0 THEN 1 ELSE SUM(death) END)
FROM TABLE(TUMBLE(TABLE team_parts, DESCRIPTOR(happened_at), INTERVAL '${windowSeconds}' SECOND(4)))
GROUP BY window_start, window_end, team;

INSERT INTO leaderboards
SELECT window_start, window_end, place, player_id, kills, deaths, assists
FROM (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY window_start, window_end
      ORDER BY kills DESC, deaths ASC, assists DESC, player_id ASC
    ) AS place
  FROM (
    -- Teams are drawn anew for each match: within a window a player may have been in both.
    SELECT window_start, window_end, player_id, SUM(kills) AS kills, SUM(deaths) AS deaths, SUM(assists) AS assists
    FROM player_windows
    GROUP BY window_start, window_end, player_id
  )
)
WHERE place <= 10;

INSERT INTO server_metrics
SELECT
  window_start,
  window_end,
  server_id,
  SUM(event),
  COUNT(DISTINCT player_id),
  COUNT(latency_ms),
  SUM(CASE WHEN latency_ms <= 25 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END),
  SUM(CASE WHEN latency_ms <= 50 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END),
  SUM(CASE WHEN latency_ms <= 75 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END),
  SUM(CASE WHEN latency_ms <= 100 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END),
  SUM(CASE WHEN latency_ms <= 150 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END),
  SUM(CASE WHEN latency_ms <= 200 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END),
  SUM(CASE WHEN latency_ms <= 300 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END),
  SUM(CASE WHEN latency_ms <= 500 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END)
FROM TABLE(TUMBLE(TABLE server_parts, DESCRIPTOR(happened_at), INTERVAL '${windowSeconds}' SECOND(4)))
GROUP BY window_start, window_end, server_id;

INSERT INTO late_events
SELECT
  event_id,
  COALESCE(event_type, ''),
  happened_at,
  COALESCE(watermark_at, CURRENT_WATERMARK(happened_at)),
  COALESCE(server_id, ''),
  COALESCE(killer_id, ''),
  COALESCE(killer_team, ''),
  COALESCE(victim_id, ''),
  COALESCE(victim_team, ''),
  COALESCE(assist_id, ''),
  COALESCE(player_id, ''),
  COALESCE(team, ''),
  COALESCE(points, 0),
  COALESCE(latency_ms, 0),
  COALESCE(winner_team, '')
FROM late_rows;
