-- Which events of some blocks there are, since a time (UTC): the first number of each run of numbers without a gap, and the one after its last.
SELECT place, min(number) AS begins, max(number) + 1 AS ends
FROM (
  SELECT place, number, number - row_number() OVER (PARTITION BY place ORDER BY number) AS run_of_numbers
  FROM (
    SELECT DISTINCT block.place, TRY_CAST(split_part(event_id, '-', 3) AS bigint) AS number
    FROM ${database}.events
    JOIN (VALUES ${blocks}) AS block (place, run, lane, begins, ends)
      ON block.run = split_part(event_id, '-', 1) AND block.lane = split_part(event_id, '-', 2)
    WHERE year || month || day || hour >= '${sinceHour}'
      AND event_time >= '${since}'
      AND event_type <> 'heartbeat'
      AND split_part(event_id, '-', 3) NOT LIKE '%x'
      AND TRY_CAST(split_part(event_id, '-', 3) AS bigint) >= block.begins
      AND TRY_CAST(split_part(event_id, '-', 3) AS bigint) < block.ends
  )
)
GROUP BY place, run_of_numbers
ORDER BY place, begins
