-- Of the players who came on a day of the last month, and on none of the month before that: how many, and how many of them came back so many days later.
SELECT
  days.first_day,
  date_diff('day', days.first_day, days.day) AS days_later,
  count(*) AS players,
  cohorts.players AS players_first_day,
  CAST(count(*) AS double) / cohorts.players AS retained
FROM ${twoMonths.player_days} days
JOIN (
  SELECT first_day, count(DISTINCT player_id) AS players
  FROM ${twoMonths.player_days} all_days
  GROUP BY first_day
) cohorts ON cohorts.first_day = days.first_day
WHERE days.first_day >= CAST(date_trunc('day', current_timestamp - INTERVAL '${monthHours}' HOUR) AS timestamp(3))
GROUP BY days.first_day, date_diff('day', days.first_day, days.day), cohorts.players
ORDER BY days.first_day, days_later
