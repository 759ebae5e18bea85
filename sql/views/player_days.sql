-- The days on which each player began a session, with the day of the first one.
CREATE OR REPLACE VIEW ${database}.player_days AS
SELECT
  player_id,
  CAST(day AS timestamp(3)) AS event_time,
  day,
  min(day) OVER (PARTITION BY player_id) AS first_day,
  sessions
FROM (
  SELECT player_id, date_trunc('day', event_time) AS day, count(*) AS sessions
  FROM ${view.game_events} events
  WHERE event_type = 'session_start'
  GROUP BY player_id, date_trunc('day', event_time)
)
