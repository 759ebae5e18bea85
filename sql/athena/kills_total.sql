-- Kills and deaths of the last day that the metrics add up to, beside the kills among the events themselves.
SELECT metrics.kills, metrics.deaths, events.kills_in_events
FROM (
  SELECT coalesce(sum(kills), 0) AS kills, coalesce(sum(deaths), 0) AS deaths
  FROM ${recent.player_windows} windows
) metrics
CROSS JOIN (
  SELECT count(*) AS kills_in_events
  FROM ${recent.game_events} events
  WHERE
    event_type = 'kill'
    -- Of a window that began before the hour there are no metrics.
    AND date_add('second', date_diff('second', TIMESTAMP '1970-01-01 00:00:00.000', event_time) / ${windowSeconds} * ${windowSeconds}, TIMESTAMP '1970-01-01 00:00:00.000') >= CAST(date_trunc('hour', current_timestamp - INTERVAL '${recentHours}' HOUR) AS timestamp(3))
) events
