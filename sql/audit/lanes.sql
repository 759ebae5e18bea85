-- The events of some lanes up to their ends and since a time (UTC), by block of ${blockEvents}: how many there are, by distinct id, and how many of them are kills.
SELECT
  sent.run,
  sent.lane,
  CAST(split_part(event_id, '-', 3) AS bigint) / ${blockEvents} AS block,
  count(DISTINCT event_id) AS events,
  count(DISTINCT CASE WHEN event_type = 'kill' THEN event_id END) AS kills
FROM ${database}.events
JOIN (VALUES ${lanes}) AS sent (run, lane, reached)
  ON sent.run = split_part(event_id, '-', 1) AND sent.lane = split_part(event_id, '-', 2)
WHERE year || month || day || hour >= '${sinceHour}'
  AND event_time >= '${since}'
  AND event_type <> 'heartbeat'
  AND split_part(event_id, '-', 3) NOT LIKE '%x'
  AND TRY_CAST(split_part(event_id, '-', 3) AS bigint) < sent.reached
GROUP BY 1, 2, 3
