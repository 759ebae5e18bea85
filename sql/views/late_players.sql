-- The players whom late events alone show in a window of a team, or of a server: Flink could not count them. Tells this by the events themselves, and so reads them.
CREATE OR REPLACE VIEW ${database}.late_players AS
SELECT late.window_start, late.window_end, late.seen_in, late.name, late.player_id
FROM (
  SELECT
    date_add('second', date_diff('second', TIMESTAMP '1970-01-01 00:00:00.000', event_time) / ${windowSeconds} * ${windowSeconds}, TIMESTAMP '1970-01-01 00:00:00.000') AS window_start,
    event_id,
    seen_in,
    name,
    player_id
  FROM (
    SELECT
      event_id,
      TRY_CAST(replace(event_time, 'T', ' ') AS timestamp(3)) AS event_time,
      seen_in,
      CASE WHEN seen_in = 'server' THEN server_id WHEN part = 'victim' THEN victim_team WHEN part = 'other' THEN team ELSE killer_team END AS name,
      CASE part WHEN 'killer' THEN killer_id WHEN 'victim' THEN victim_id WHEN 'helper' THEN assist_id ELSE player_id END AS player_id
    FROM ${database}.events
    CROSS JOIN (
      VALUES
        ('server', 'killer'),
        ('server', 'victim'),
        ('server', 'helper'),
        ('server', 'other'),
        ('team', 'killer'),
        ('team', 'victim'),
        ('team', 'helper'),
        ('team', 'other')
    ) AS parts (seen_in, part)
    WHERE
      event_type <> 'heartbeat'
      AND (seen_in = 'server' OR event_type = CASE part WHEN 'other' THEN 'objective' ELSE 'kill' END)
      AND ${delivered}
  )
) shown
JOIN (
  SELECT DISTINCT
    window_start,
    window_end,
    seen_in,
    CASE WHEN seen_in = 'server' THEN server_id WHEN part = 'victim' THEN victim_team WHEN part = 'other' THEN team ELSE killer_team END AS name,
    CASE part WHEN 'killer' THEN killer_id WHEN 'victim' THEN victim_id WHEN 'helper' THEN assist_id ELSE player_id END AS player_id
  FROM ${view.late_arrivals} arrivals
  CROSS JOIN (
    VALUES
      ('server', 'killer'),
      ('server', 'victim'),
      ('server', 'helper'),
      ('server', 'other'),
      ('team', 'killer'),
      ('team', 'victim'),
      ('team', 'helper'),
      ('team', 'other')
  ) AS parts (seen_in, part)
  WHERE seen_in = 'server' OR event_type = CASE part WHEN 'other' THEN 'objective' ELSE 'kill' END
) late
  ON late.window_start = shown.window_start
  AND late.seen_in = shown.seen_in
  AND late.name = shown.name
  AND late.player_id = shown.player_id
LEFT JOIN ${view.late_arrivals} came_late
  ON came_late.event_id = shown.event_id
WHERE late.player_id <> ''
GROUP BY late.window_start, late.window_end, late.seen_in, late.name, late.player_id
HAVING count(*) = count(came_late.event_id)
