-- Kills and deaths that the metrics add up to, beside the kills among the events themselves.
SELECT metrics.kills, metrics.deaths, events.kills_in_events
FROM (
  SELECT coalesce(sum(kills), 0) AS kills, coalesce(sum(deaths), 0) AS deaths
  FROM ${database}.player_windows
) metrics
CROSS JOIN (
  SELECT count(*) AS kills_in_events
  FROM ${database}.game_events
  WHERE event_type = 'kill'
) events
