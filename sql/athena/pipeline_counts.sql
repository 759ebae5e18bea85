-- What has come through: game events as questions count them and by distinct id, what would be counted twice, copies among the raw rows, kills, heartbeats.
SELECT
  counted.events,
  raw.distinct_events,
  counted.events - raw.distinct_events AS duplicates,
  raw.rows_delivered - raw.distinct_events AS copies,
  counted.kills,
  raw.heartbeats
FROM (
  SELECT count(*) AS events, count(CASE WHEN event_type = 'kill' THEN 1 END) AS kills
  FROM ${database}.game_events
) counted
CROSS JOIN (
  SELECT
    count(CASE WHEN event_type <> 'heartbeat' THEN 1 END) AS rows_delivered,
    count(DISTINCT CASE WHEN event_type <> 'heartbeat' THEN event_id END) AS distinct_events,
    count(DISTINCT CASE WHEN event_type = 'heartbeat' THEN event_id END) AS heartbeats
  FROM ${database}.events
) raw
