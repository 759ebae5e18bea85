-- The players whom late events alone show in a window of a team, or of a server: Flink could not count them. Tells this by the events themselves, and so reads them.
CREATE OR REPLACE VIEW ${database}.late_players AS
SELECT
  window_start,
  date_add('second', ${windowSeconds}, window_start) AS window_end,
  seen_in,
  name,
  player_id
FROM (
  SELECT
    date_add(
      'second',
      date_diff('second', TIMESTAMP '1970-01-01 00:00:00.000', TRY_CAST(replace(event_time, 'T', ' ') AS timestamp(3))) / ${windowSeconds} * ${windowSeconds},
      TIMESTAMP '1970-01-01 00:00:00.000'
    ) AS window_start,
    seen_in,
    CASE WHEN seen_in = 'server' THEN server_id WHEN part = 'victim' THEN victim_team WHEN part = 'other' THEN team ELSE killer_team END AS name,
    CASE part WHEN 'killer' THEN killer_id WHEN 'victim' THEN victim_id WHEN 'helper' THEN assist_id ELSE player_id END AS player_id,
    late.event_id IS NOT NULL AS is_late
  FROM ${database}.events
  LEFT JOIN (SELECT event_id FROM ${view.late_arrivals} arrivals) late
    ON late.event_id = events.event_id
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
WHERE player_id <> '' AND name IS NOT NULL AND window_start IS NOT NULL
GROUP BY window_start, seen_in, name, player_id
HAVING bool_and(is_late)
