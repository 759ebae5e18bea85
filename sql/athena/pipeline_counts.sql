-- What came through in the last day: game events as questions count them and by distinct id, copies among the raw rows, kills, late events, heartbeats.
SELECT
  counted.events,
  raw.distinct_events,
  raw.rows_delivered - raw.distinct_events AS copies,
  counted.kills,
  late.late,
  raw.heartbeats
FROM (
  SELECT count(*) AS events, count(CASE WHEN event_type = 'kill' THEN 1 END) AS kills
  FROM ${recent.game_events} events
) counted
CROSS JOIN (
  SELECT
    count(CASE WHEN event_type <> 'heartbeat' THEN 1 END) AS rows_delivered,
    count(DISTINCT CASE WHEN event_type <> 'heartbeat' THEN event_id END) AS distinct_events,
    count(DISTINCT CASE WHEN event_type = 'heartbeat' THEN event_id END) AS heartbeats
  FROM ${database}.events
  WHERE
    ${recentPartitions}
    AND event_time >= date_format(current_timestamp - INTERVAL '${recentHours}' HOUR, '%Y-%m-%dT%H:00:00')
) raw
CROSS JOIN (
  SELECT count(*) AS late
  FROM ${recent.late_arrivals} arrivals
) late
