-- Every row of the metrics of the last two hours, but for windows whose rows may still be on their way, against a recomputation from the events by another way: rows
-- compared, rows that differ or that one side lacks, the worst windows; up to when windows are compared, and since when none of a kind have come, if the SQL is behind.
WITH events AS (
  SELECT *
  FROM (
    SELECT
      date_add('second', date_diff('second', TIMESTAMP '1970-01-01 00:00:00.000', game_events.event_time) / ${windowSeconds} * ${windowSeconds}, TIMESTAMP '1970-01-01 00:00:00.000') AS window_start,
      game_events.*,
      late.event_id IS NULL AS on_time
    FROM ${latest.game_events} game_events
    LEFT JOIN (SELECT event_id FROM ${latest.late_arrivals} arrivals) late ON late.event_id = game_events.event_id
  )
  -- Of a window that began before the hour there would be parts only.
  WHERE window_start >= CAST(date_trunc('hour', current_timestamp - INTERVAL '${latestHours}' HOUR) AS timestamp(3))
),
-- A reference to `events` is a scan of the lake: who killed, died and assisted is told by one.
sides AS (
  SELECT
    window_start,
    on_time,
    CASE part WHEN 'kill' THEN killer_id WHEN 'death' THEN victim_id ELSE assist_id END AS player_id,
    CASE part WHEN 'death' THEN victim_team ELSE killer_team END AS team,
    CASE part WHEN 'kill' THEN 1 ELSE 0 END AS kills,
    CASE part WHEN 'death' THEN 1 ELSE 0 END AS deaths,
    CASE part WHEN 'assist' THEN 1 ELSE 0 END AS assists
  FROM events
  CROSS JOIN (VALUES 'kill', 'death', 'assist') AS parts (part)
  WHERE event_type = 'kill' AND (part <> 'assist' OR assist_id <> '')
),
players AS (
  SELECT window_start, player_id, team, sum(kills) AS kills, sum(deaths) AS deaths, sum(assists) AS assists
  FROM sides
  GROUP BY window_start, player_id, team
),
-- Sliding windows go on closing for a minute behind the last event: those behind the last tumbling one are not compared.
newest AS (
  SELECT max(CAST(replace(window_end, 'T', ' ') AS timestamp(3))) AS window_end
  FROM ${database}.leaderboards
  WHERE ${latestPartitions}
),
trends AS (
  SELECT window_start, player_id, team, sum(kills) AS kills, sum(deaths) AS deaths, sum(assists) AS assists
  FROM (
    SELECT window_start + shift * INTERVAL '1' SECOND AS window_start, player_id, team, kills, deaths, assists
    FROM players
    CROSS JOIN UNNEST(sequence(-${slidingLead}, 0, ${windowSeconds})) AS starts (shift)
  )
  CROSS JOIN newest
  WHERE
    window_start >= CAST(date_trunc('hour', current_timestamp - INTERVAL '${latestHours}' HOUR) AS timestamp(3))
    AND window_start + ${slidingSeconds} * INTERVAL '1' SECOND <= newest.window_end
  GROUP BY window_start, player_id, team
),
team_facts AS (
  SELECT window_start, player_id, team, kills, deaths, assists, 0 AS objectives, 0 AS points, 0 AS won, 0 AS ended FROM sides
  UNION ALL
  SELECT
    window_start,
    CASE event_type WHEN 'objective' THEN player_id END AS player_id,
    both_teams.team,
    0 AS kills,
    0 AS deaths,
    0 AS assists,
    CASE event_type WHEN 'objective' THEN 1 ELSE 0 END AS objectives,
    CASE event_type WHEN 'objective' THEN points ELSE 0 END AS points,
    CASE WHEN event_type = 'match_end' AND both_teams.team = winner_team THEN 1 ELSE 0 END AS won,
    CASE event_type WHEN 'match_end' THEN 1 ELSE 0 END AS ended
  FROM events
  CROSS JOIN (VALUES 'red', 'blue') AS both_teams (team)
  WHERE event_type = 'match_end' OR (event_type = 'objective' AND both_teams.team = events.team)
),
teams AS (
  SELECT
    window_start,
    team,
    sum(kills) AS kills,
    sum(deaths) AS deaths,
    sum(assists) AS assists,
    count(DISTINCT player_id) AS players,
    sum(objectives) AS objectives,
    sum(points) AS points,
    sum(won) AS won,
    sum(ended) AS ended
  FROM team_facts
  GROUP BY window_start, team
),
-- By all that came, and by what came on time.
leaders AS (
  SELECT kind, window_start, place, player_id, kills, deaths, assists
  FROM (
    SELECT
      *,
      row_number() OVER (PARTITION BY kind, window_start ORDER BY kills DESC, deaths, assists DESC, player_id) AS place
    FROM (
      SELECT kind, window_start, player_id, sum(kills) AS kills, sum(deaths) AS deaths, sum(assists) AS assists
      FROM sides
      CROSS JOIN (VALUES 'leader', 'leader on time') AS kinds (kind)
      WHERE on_time OR kind = 'leader'
      GROUP BY kind, window_start, player_id
    )
  )
  WHERE place <= 10
),
online AS (
  SELECT window_start, server_id, count(DISTINCT player) AS players
  FROM (
    SELECT
      window_start,
      server_id,
      CASE part WHEN 'killer' THEN killer_id WHEN 'victim' THEN victim_id WHEN 'helper' THEN assist_id ELSE player_id END AS player
    FROM events
    CROSS JOIN (VALUES 'killer', 'victim', 'helper', 'other') AS parts (part)
  )
  GROUP BY window_start, server_id
),
servers AS (
  SELECT counted.window_start, counted.server_id, counted.events, coalesce(online.players, 0) AS players, counted.latencies
  FROM (
    SELECT
      window_start,
      server_id,
      count(*) AS events,
      concat_ws(
        '/',
        CAST(count(latency_ms) AS varchar),
        CAST(count(CASE WHEN latency_ms <= 25 THEN 1 END) AS varchar),
        CAST(count(CASE WHEN latency_ms <= 50 THEN 1 END) AS varchar),
        CAST(count(CASE WHEN latency_ms <= 75 THEN 1 END) AS varchar),
        CAST(count(CASE WHEN latency_ms <= 100 THEN 1 END) AS varchar),
        CAST(count(CASE WHEN latency_ms <= 150 THEN 1 END) AS varchar),
        CAST(count(CASE WHEN latency_ms <= 200 THEN 1 END) AS varchar),
        CAST(count(CASE WHEN latency_ms <= 300 THEN 1 END) AS varchar),
        CAST(count(CASE WHEN latency_ms <= 500 THEN 1 END) AS varchar)
      ) AS latencies
    FROM events
    GROUP BY window_start, server_id
  ) counted
  LEFT JOIN online ON online.window_start = counted.window_start AND online.server_id = counted.server_id
),
recomputed AS (
  SELECT 'player' AS kind, window_start, ${windowSeconds} AS seconds, concat_ws(' ', player_id, team) AS name, kills, deaths, assists, '' AS more
  FROM players
  UNION ALL
  SELECT 'trend' AS kind, window_start, ${slidingSeconds} AS seconds, concat_ws(' ', player_id, team) AS name, kills, deaths, assists, '' AS more
  FROM trends
  UNION ALL
  SELECT
    'team' AS kind,
    window_start,
    ${windowSeconds} AS seconds,
    team AS name,
    kills, deaths, assists,
    concat_ws('/', CAST(players AS varchar), CAST(objectives AS varchar), CAST(points AS varchar), CAST(won AS varchar), CAST(ended AS varchar)) AS more
  FROM teams
  UNION ALL
  SELECT kind, window_start, ${windowSeconds} AS seconds, CAST(place AS varchar) AS name, kills, deaths, assists, player_id AS more
  FROM leaders
  UNION ALL
  SELECT 'server' AS kind, window_start, ${windowSeconds} AS seconds, server_id AS name, events, players, 0 AS assists, latencies AS more
  FROM servers
),
measured AS (
  SELECT 'player' AS kind, window_start, window_end, concat_ws(' ', player_id, team) AS name, kills, deaths, assists, '' AS more, kill_death_ratio
  FROM ${latest.player_windows} windows
  UNION ALL
  SELECT 'trend' AS kind, window_start, windows.window_end, concat_ws(' ', player_id, team) AS name, kills, deaths, assists, '' AS more, kill_death_ratio
  FROM ${latest.player_trends} windows
  CROSS JOIN newest
  WHERE windows.window_end <= newest.window_end
  UNION ALL
  SELECT
    'team' AS kind,
    window_start,
    window_end,
    team AS name,
    kills, deaths, assists,
    concat_ws('/', CAST(players AS varchar), CAST(objectives AS varchar), CAST(points AS varchar), CAST(matches_won AS varchar), CAST(matches_ended AS varchar)) AS more,
    kill_death_ratio
  FROM ${latest.team_windows} windows
  UNION ALL
  SELECT
    'leader' AS kind,
    window_start,
    window_end,
    CAST(place AS varchar) AS name,
    kills, deaths, assists,
    player_id AS more,
    CAST(kills AS double) / greatest(deaths, 1) AS kill_death_ratio
  FROM ${latest.window_leaders} windows
  UNION ALL
  SELECT
    'leader on time' AS kind,
    window_start,
    window_end,
    CAST(place AS varchar) AS name,
    kills, deaths, assists,
    player_id AS more,
    CAST(kills AS double) / greatest(deaths, 1) AS kill_death_ratio
  FROM ${latest.leaders_on_time} windows
  UNION ALL
  SELECT
    'server' AS kind,
    window_start,
    window_end,
    server_id AS name,
    events AS kills,
    players AS deaths,
    0 AS assists,
    concat_ws(
      '/',
      CAST(latencies AS varchar),
      CAST(latency_25 AS varchar),
      CAST(latency_50 AS varchar),
      CAST(latency_75 AS varchar),
      CAST(latency_100 AS varchar),
      CAST(latency_150 AS varchar),
      CAST(latency_200 AS varchar),
      CAST(latency_300 AS varchar),
      CAST(latency_500 AS varchar)
    ) AS more,
    CAST(events AS double) / greatest(players, 1) AS kill_death_ratio
  FROM ${latest.server_windows} windows
)
SELECT
  coalesce(sum(CASE WHEN is_compared THEN checked END), 0) AS windows_checked,
  coalesce(max(wrong_ratios), 0) + coalesce(sum(CASE WHEN is_compared THEN wrong END), 0) AS windows_wrong,
  array_join(array_agg(example ORDER BY place) FILTER (WHERE place <= 5 AND is_compared AND example IS NOT NULL), '; ') AS worst,
  max(CASE WHEN is_compared THEN window_end END) AS compared_until,
  min(CASE WHEN is_outstanding THEN window_end END) AS outstanding_since
FROM (
  SELECT
    *,
    window_end <= whole_until AS is_compared,
    row_number() OVER (ORDER BY CASE WHEN window_end <= whole_until THEN wrong ELSE 0 END DESC, window_end, kind) AS place
  FROM (
    SELECT
      *,
      -- Where the SQL stands still, or catches up, the rows of its last windows may have come in part.
      coalesce(min(CASE WHEN is_outstanding THEN come_until END) OVER () - INTERVAL '${heldBackSeconds}' SECOND, ${comparedUntil}) AS whole_until
    FROM (
      SELECT *, present = 0 AND window_end > come_until AS is_outstanding
      FROM (
        SELECT
          *,
          coalesce(max(CASE WHEN present > 0 THEN window_end END) OVER (PARTITION BY kind), TIMESTAMP '1970-01-01 00:00:00.000') AS come_until
        FROM (
          SELECT kind, window_end, count(*) AS checked, count(measured_kind) AS present, count(example) AS wrong, min(example) AS example
          FROM (
            SELECT
              coalesce(m.kind, r.kind) AS kind,
              coalesce(m.window_end, r.window_start + r.seconds * INTERVAL '1' SECOND) AS window_end,
              m.kind AS measured_kind,
              CASE WHEN
                m.kind IS NULL
                OR r.kind IS NULL
                OR m.window_end <> r.window_start + r.seconds * INTERVAL '1' SECOND
                OR m.kills <> r.kills
                OR m.deaths <> r.deaths
                OR m.assists <> r.assists
                OR m.more <> r.more
                OR m.kill_death_ratio IS NULL
                OR m.kill_death_ratio <> CAST(r.kills AS double) / greatest(r.deaths, 1)
              THEN
                concat_ws(
                  ' ',
                  coalesce(m.kind, r.kind),
                  coalesce(m.name, r.name),
                  'of',
                  date_format(coalesce(m.window_start, r.window_start), '%Y-%m-%d %H:%i:%s'),
                  CASE WHEN m.kind IS NULL THEN 'is missing' WHEN r.kind IS NULL THEN 'is of no event'
                    WHEN m.kills = r.kills AND m.deaths = r.deaths AND m.assists = r.assists AND m.more = r.more THEN 'has a wrong ratio or end'
                    ELSE concat_ws(' ', 'is', concat_ws('/', CAST(m.kills AS varchar), CAST(m.deaths AS varchar), CAST(m.assists AS varchar), nullif(m.more, '')),
                      'and by the events', concat_ws('/', CAST(r.kills AS varchar), CAST(r.deaths AS varchar), CAST(r.assists AS varchar), nullif(r.more, ''))) END
                )
              END AS example
            FROM measured m
            FULL OUTER JOIN recomputed r
              ON m.kind = r.kind AND m.window_start = r.window_start AND m.name = r.name
          )
          WHERE window_end <= ${comparedUntil}
          GROUP BY kind, window_end
        )
      )
    )
  )
)
CROSS JOIN (
  SELECT count(*) AS wrong_ratios
  FROM (
    SELECT kills, deaths, kill_death_ratio
    FROM ${database}.player_metrics
    WHERE ${latestPartitions}
    UNION ALL
    SELECT kills, deaths, kill_death_ratio
    FROM ${database}.team_metrics
    WHERE ${latestPartitions}
  )
  WHERE kill_death_ratio IS NULL OR kill_death_ratio <> CAST(kills AS double) / greatest(deaths, 1)
) ratios
