-- Every row of the metrics against a recomputation from the events by another way: rows compared, rows that differ or that one side lacks.
WITH kills AS (
  SELECT
    date_add('second', date_diff('second', TIMESTAMP '1970-01-01 00:00:00.000', event_time) / ${windowSeconds} * ${windowSeconds}, TIMESTAMP '1970-01-01 00:00:00.000') AS window_start,
    killer_id,
    killer_team,
    victim_id,
    victim_team
  FROM ${database}.game_events
  WHERE event_type = 'kill'
),
killed AS (
  SELECT window_start, killer_id AS player_id, killer_team AS team, count(*) AS kills
  FROM kills
  GROUP BY window_start, killer_id, killer_team
),
died AS (
  SELECT window_start, victim_id AS player_id, victim_team AS team, count(*) AS deaths
  FROM kills
  GROUP BY window_start, victim_id, victim_team
),
players AS (
  SELECT window_start, player_id, team, coalesce(killed.kills, 0) AS kills, coalesce(died.deaths, 0) AS deaths
  FROM killed FULL OUTER JOIN died USING (window_start, player_id, team)
),
teams AS (
  SELECT window_start, team, sum(kills) AS kills, sum(deaths) AS deaths, count(*) AS players
  FROM players
  GROUP BY window_start, team
),
recomputed AS (
  SELECT 'player' AS kind, window_start, player_id, team, kills, deaths, 1 AS players FROM players
  UNION ALL
  SELECT 'team' AS kind, window_start, '' AS player_id, team, kills, deaths, players FROM teams
),
measured AS (
  SELECT 'player' AS kind, window_start, window_end, player_id, team, kills, deaths, 1 AS players, kill_death_ratio
  FROM ${database}.player_windows
  UNION ALL
  SELECT 'team' AS kind, window_start, window_end, '' AS player_id, team, kills, deaths, players, kill_death_ratio
  FROM ${database}.team_windows
)
SELECT
  count(*) AS windows_checked,
  count(CASE WHEN
    m.kind IS NULL
    OR r.kind IS NULL
    OR m.window_end <> date_add('second', ${windowSeconds}, m.window_start)
    OR m.kills <> r.kills
    OR m.deaths <> r.deaths
    OR m.players <> r.players
    OR m.kill_death_ratio IS NULL
    OR abs(m.kill_death_ratio - CAST(r.kills AS double) / greatest(r.deaths, 1)) > 1e-9
  THEN 1 END) AS windows_wrong
FROM measured m
FULL OUTER JOIN recomputed r
  ON m.kind = r.kind AND m.window_start = r.window_start AND m.player_id = r.player_id AND m.team = r.team
