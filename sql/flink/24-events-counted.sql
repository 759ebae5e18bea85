-- What a restart leaves out, as windows before it are out already. A sliding window that ends behind it begins earlier, hence the time that is that much later.
DROP TEMPORARY VIEW IF EXISTS events_counted;
CREATE TEMPORARY VIEW events_counted AS
SELECT
  event_id,
  event_type,
  happened_at,
  server_id,
  killer_id,
  killer_team,
  victim_id,
  victim_team,
  assist_id,
  player_id,
  team,
  points,
  latency_ms,
  winner_team
FROM (
  SELECT *, happened_at + INTERVAL '${slidingLead}' SECOND AS event_time
  FROM events_on_time
)
WHERE TRUE${since};
