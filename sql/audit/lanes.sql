-- The events since a time (UTC), by lane and block of ${blockEvents}: how many there are, by distinct id, and how many of them are kills.
SELECT
  split_part(event_id, '-', 1) AS run,
  split_part(event_id, '-', 2) AS lane,
  CAST(split_part(event_id, '-', 3) AS bigint) / ${blockEvents} AS block,
  count(DISTINCT event_id) AS events,
  count(DISTINCT CASE WHEN event_type = 'kill' THEN event_id END) AS kills
FROM ${database}.events
WHERE year || month || day || hour >= '${sinceHour}'
  AND event_time >= '${since}'
  AND event_type <> 'heartbeat'
  AND split_part(event_id, '-', 3) NOT LIKE '%x'
GROUP BY 1, 2, 3
