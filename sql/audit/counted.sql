-- The events of some lanes up to their ends and since a time (UTC) in the view that is to tell copies apart, by its query as it stands in the account, lane by lane.
SELECT sent.place, count(*) AS events
FROM (
${gameEvents}
) events
JOIN (VALUES ${lanes}) AS sent (place, run, lane, reached)
  ON sent.run = split_part(events.event_id, '-', 1) AND sent.lane = split_part(events.event_id, '-', 2)
WHERE
  events.event_time >= CAST(replace('${since}', 'T', ' ') AS timestamp(3))
  AND TRY_CAST(split_part(events.event_id, '-', 3) AS bigint) < sent.reached
GROUP BY sent.place
