-- Each server over the last day: events, most players seen in a window, and the latency that half, 95 % and 99 % of the round trips stay within (milliseconds; empty: above 500, or none).
SELECT
  server_id,
  events,
  most_players,
  latencies,
  CASE
    WHEN latencies = 0 THEN NULL
    WHEN latency_25 >= 0.5 * latencies THEN 25
    WHEN latency_50 >= 0.5 * latencies THEN 50
    WHEN latency_75 >= 0.5 * latencies THEN 75
    WHEN latency_100 >= 0.5 * latencies THEN 100
    WHEN latency_150 >= 0.5 * latencies THEN 150
    WHEN latency_200 >= 0.5 * latencies THEN 200
    WHEN latency_300 >= 0.5 * latencies THEN 300
    WHEN latency_500 >= 0.5 * latencies THEN 500
  END AS latency_p50,
  CASE
    WHEN latencies = 0 THEN NULL
    WHEN latency_25 >= 0.95 * latencies THEN 25
    WHEN latency_50 >= 0.95 * latencies THEN 50
    WHEN latency_75 >= 0.95 * latencies THEN 75
    WHEN latency_100 >= 0.95 * latencies THEN 100
    WHEN latency_150 >= 0.95 * latencies THEN 150
    WHEN latency_200 >= 0.95 * latencies THEN 200
    WHEN latency_300 >= 0.95 * latencies THEN 300
    WHEN latency_500 >= 0.95 * latencies THEN 500
  END AS latency_p95,
  CASE
    WHEN latencies = 0 THEN NULL
    WHEN latency_25 >= 0.99 * latencies THEN 25
    WHEN latency_50 >= 0.99 * latencies THEN 50
    WHEN latency_75 >= 0.99 * latencies THEN 75
    WHEN latency_100 >= 0.99 * latencies THEN 100
    WHEN latency_150 >= 0.99 * latencies THEN 150
    WHEN latency_200 >= 0.99 * latencies THEN 200
    WHEN latency_300 >= 0.99 * latencies THEN 300
    WHEN latency_500 >= 0.99 * latencies THEN 500
  END AS latency_p99
FROM (
  SELECT
    server_id,
    sum(events) AS events,
    max(players) AS most_players,
    sum(latencies) AS latencies,
    sum(latency_25) AS latency_25,
    sum(latency_50) AS latency_50,
    sum(latency_75) AS latency_75,
    sum(latency_100) AS latency_100,
    sum(latency_150) AS latency_150,
    sum(latency_200) AS latency_200,
    sum(latency_300) AS latency_300,
    sum(latency_500) AS latency_500
  FROM ${recent.server_windows} windows
  GROUP BY server_id
)
ORDER BY server_id
