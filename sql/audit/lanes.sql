-- The events of some lanes up to their ends and since a time (UTC), by block of ${blockEvents}: how many there are, each counted once, and how many of them are kills.
-- Numbers in place of ids: the ids of ten million events do not fit into the memory of a small engine.
SELECT
  place,
  number / ${blockEvents} AS block,
  count(*) AS events,
  count(CASE WHEN is_kill THEN 1 END) AS kills
FROM (
  SELECT DISTINCT
    sent.place,
    TRY_CAST(split_part(event_id, '-', 3) AS bigint) AS number,
    event_type = 'kill' AS is_kill
  FROM ${database}.events
  JOIN (VALUES ${lanes}) AS sent (place, run, lane, reached)
    ON sent.run = split_part(event_id, '-', 1) AND sent.lane = split_part(event_id, '-', 2)
  WHERE year || month || day || hour >= '${sinceHour}'
    AND event_time >= '${since}'
    AND event_type <> 'heartbeat'
    AND split_part(event_id, '-', 3) NOT LIKE '%x'
    AND TRY_CAST(split_part(event_id, '-', 3) AS bigint) < sent.reached
)
GROUP BY 1, 2
