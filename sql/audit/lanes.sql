-- The events of some lanes up to their ends and since a time (UTC), each counted once: how many there are, and how many of them are kills, by block of ${blockEvents}
-- and, without a place, by the minute since the epoch.
-- Numbers in place of ids and times: the ids of ten million events do not fit into the memory of a small engine.
SELECT place, block, minute, count(*) AS events, count(CASE WHEN is_kill THEN 1 END) AS kills
FROM (
  SELECT place, number / ${blockEvents} AS block, minute, is_kill
  FROM (
    SELECT DISTINCT
      sent.place,
      TRY_CAST(split_part(event_id, '-', 3) AS bigint) AS number,
      event_type = 'kill' AS is_kill,
      CAST(date_diff('minute', TIMESTAMP '1970-01-01 00:00:00.000', TRY_CAST(replace(event_time, 'T', ' ') AS timestamp(3))) AS integer) AS minute
    FROM ${database}.events
    JOIN (VALUES ${lanes}) AS sent (place, run, lane, reached)
      ON sent.run = split_part(event_id, '-', 1) AND sent.lane = split_part(event_id, '-', 2)
    WHERE year || month || day || hour >= '${sinceHour}'
      AND event_time >= '${since}'
      AND event_type <> 'heartbeat'
      AND split_part(event_id, '-', 3) NOT LIKE '%x'
      AND TRY_CAST(split_part(event_id, '-', 3) AS bigint) < sent.reached
  )
)
-- Athena takes nothing but columns in a grouping set.
GROUP BY GROUPING SETS ((place, block), (minute))
