-- Of the players who came on a day of the last month, and on none of the month before that: how many, and how many of them came back so many days later. A lake that
-- keeps less than two months has shorter months: whoever came before its time would count as new.
SELECT first_day, days_later, players, players_first_day, CAST(players AS double) / players_first_day AS retained
FROM (
  SELECT *, first_value(players) OVER (PARTITION BY first_day ORDER BY days_later) AS players_first_day
  FROM (
    SELECT first_day, date_diff('day', first_day, day) AS days_later, count(*) AS players
    FROM ${twoMonths.player_days} days
    WHERE first_day >= CAST(date_trunc('day', current_timestamp - INTERVAL '${cohortHours}' HOUR) AS timestamp(3))
    GROUP BY first_day, date_diff('day', first_day, day)
  )
)
ORDER BY first_day, days_later
