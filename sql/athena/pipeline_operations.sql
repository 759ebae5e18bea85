-- Each minute of the last day: events, how many came late, copies among the rows; and how far the newest event and the newest window lie back.
SELECT
  minutes.minute,
  minutes.events,
  minutes.copies,
  coalesce(late.late, 0) AS late,
  CAST(coalesce(late.late, 0) AS double) / minutes.events AS late_share,
  date_diff('second', newest.event_time, CAST(current_timestamp AS timestamp(3))) AS seconds_since_event,
  date_diff('second', newest_window.window_end, CAST(current_timestamp AS timestamp(3))) AS seconds_since_window
FROM (
  SELECT
    date_trunc('minute', CAST(replace(event_time, 'T', ' ') AS timestamp(3))) AS minute,
    count(DISTINCT event_id) AS events,
    count(*) - count(DISTINCT event_id) AS copies
  FROM ${database}.events
  WHERE
    event_type <> 'heartbeat'
    AND ${recentPartitions}
    AND event_time >= date_format(current_timestamp - INTERVAL '${recentHours}' HOUR, '%Y-%m-%dT%H:00:00')
  GROUP BY date_trunc('minute', CAST(replace(event_time, 'T', ' ') AS timestamp(3)))
) minutes
LEFT JOIN (
  SELECT date_trunc('minute', event_time) AS minute, count(*) AS late
  FROM ${recent.late_arrivals} arrivals
  GROUP BY date_trunc('minute', event_time)
) late ON late.minute = minutes.minute
CROSS JOIN (
  SELECT max(event_time) AS event_time
  FROM ${recent.game_events} events
) newest
CROSS JOIN (
  SELECT max(window_end) AS window_end
  FROM ${recent.team_scores} windows
) newest_window
ORDER BY minutes.minute DESC
