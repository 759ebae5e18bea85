-- One row a server and window, late events included. `latency_25`: round trips of at most 25 ms, and so on; they add up over rows.
CREATE OR REPLACE VIEW ${database}.server_windows AS
SELECT
  window_start,
  window_end,
  server_id,
  sum(events) AS events,
  sum(players) AS players,
  sum(latencies) AS latencies,
  sum(latency_25) AS latency_25,
  sum(latency_50) AS latency_50,
  sum(latency_75) AS latency_75,
  sum(latency_100) AS latency_100,
  sum(latency_150) AS latency_150,
  sum(latency_200) AS latency_200,
  sum(latency_300) AS latency_300,
  sum(latency_500) AS latency_500
FROM (
  SELECT
    window_start,
    window_end,
    server_id,
    events,
    players,
    latencies,
    latency_25,
    latency_50,
    latency_75,
    latency_100,
    latency_150,
    latency_200,
    latency_300,
    latency_500
  FROM (
    SELECT *, row_number() OVER (PARTITION BY window_start, window_end, server_id ORDER BY events DESC) AS copy
    FROM (
      SELECT
        CAST(replace(window_start, 'T', ' ') AS timestamp(3)) AS window_start,
        CAST(replace(window_end, 'T', ' ') AS timestamp(3)) AS window_end,
        server_id,
        CAST(events AS bigint) AS events,
        CAST(players AS bigint) AS players,
        CAST(latencies AS bigint) AS latencies,
        CAST(latency_25 AS bigint) AS latency_25,
        CAST(latency_50 AS bigint) AS latency_50,
        CAST(latency_75 AS bigint) AS latency_75,
        CAST(latency_100 AS bigint) AS latency_100,
        CAST(latency_150 AS bigint) AS latency_150,
        CAST(latency_200 AS bigint) AS latency_200,
        CAST(latency_300 AS bigint) AS latency_300,
        CAST(latency_500 AS bigint) AS latency_500
      FROM ${database}.server_metrics
      WHERE window_start IS NOT NULL AND ${delivered}
    )
  )
  WHERE copy = 1
  UNION ALL
  SELECT
    window_start,
    window_end,
    server_id,
    1 AS events,
    0 AS players,
    CASE event_type WHEN 'telemetry' THEN 1 ELSE 0 END AS latencies,
    CASE WHEN event_type = 'telemetry' AND latency_ms <= 25 THEN 1 ELSE 0 END AS latency_25,
    CASE WHEN event_type = 'telemetry' AND latency_ms <= 50 THEN 1 ELSE 0 END AS latency_50,
    CASE WHEN event_type = 'telemetry' AND latency_ms <= 75 THEN 1 ELSE 0 END AS latency_75,
    CASE WHEN event_type = 'telemetry' AND latency_ms <= 100 THEN 1 ELSE 0 END AS latency_100,
    CASE WHEN event_type = 'telemetry' AND latency_ms <= 150 THEN 1 ELSE 0 END AS latency_150,
    CASE WHEN event_type = 'telemetry' AND latency_ms <= 200 THEN 1 ELSE 0 END AS latency_200,
    CASE WHEN event_type = 'telemetry' AND latency_ms <= 300 THEN 1 ELSE 0 END AS latency_300,
    CASE WHEN event_type = 'telemetry' AND latency_ms <= 500 THEN 1 ELSE 0 END AS latency_500
  FROM ${view.late_arrivals} late
  UNION ALL
  SELECT
    window_start,
    window_end,
    name AS server_id,
    0 AS events,
    1 AS players,
    0 AS latencies,
    0 AS latency_25,
    0 AS latency_50,
    0 AS latency_75,
    0 AS latency_100,
    0 AS latency_150,
    0 AS latency_200,
    0 AS latency_300,
    0 AS latency_500
  FROM ${view.late_players} players
  WHERE seen_in = 'server'
)
GROUP BY window_start, window_end, server_id
