-- The twenty best players of the last day, and how often each led a window; for each whom to match with (the next by ratio) and which weapon to try.
WITH players AS (
  SELECT
    player_id,
    sum(kills) AS kills,
    sum(deaths) AS deaths,
    sum(assists) AS assists,
    CAST(sum(kills) AS double) / greatest(sum(deaths), 1) AS kill_death_ratio
  FROM ${recent.player_windows} windows
  GROUP BY player_id
),
matched AS (
  SELECT
    *,
    lead(player_id) OVER (ORDER BY kill_death_ratio DESC, kills DESC, player_id) AS next_player,
    lag(player_id) OVER (ORDER BY kill_death_ratio DESC, kills DESC, player_id) AS previous_player
  FROM players
),
led AS (
  SELECT player_id, count(*) AS windows_led
  FROM ${recent.window_leaders} leaders
  WHERE place = 1
  GROUP BY player_id
),
used AS (
  SELECT killer_id AS player_id, weapon, count(*) AS kills
  FROM ${recent.game_events} events
  WHERE event_type = 'kill'
  GROUP BY killer_id, weapon
),
weapons AS (
  SELECT weapon, sum(kills) AS kills
  FROM used
  GROUP BY weapon
),
favourites AS (
  SELECT player_id, weapon, kills
  FROM (
    SELECT
      player_id,
      weapon,
      sum(kills) OVER (PARTITION BY player_id) AS kills,
      row_number() OVER (PARTITION BY player_id ORDER BY used.kills DESC, weapon) AS place
    FROM used
  )
  WHERE place = 1
),
-- What a player hardly uses, and others kill with most.
tries AS (
  SELECT player_id, weapon
  FROM (
    SELECT
      favourites.player_id,
      weapons.weapon,
      row_number() OVER (PARTITION BY favourites.player_id ORDER BY weapons.kills DESC, weapons.weapon) AS place
    FROM favourites
    CROSS JOIN weapons
    LEFT JOIN used ON used.player_id = favourites.player_id AND used.weapon = weapons.weapon
    WHERE weapons.weapon <> favourites.weapon AND coalesce(used.kills, 0) * 10 < favourites.kills
  )
  WHERE place = 1
)
SELECT
  row_number() OVER (ORDER BY matched.kills DESC, matched.deaths, matched.player_id) AS place,
  matched.player_id,
  matched.kills,
  matched.deaths,
  matched.assists,
  matched.kill_death_ratio,
  coalesce(led.windows_led, 0) AS windows_led,
  coalesce(matched.next_player, matched.previous_player) AS match_with,
  favourites.weapon AS favourite_weapon,
  tries.weapon AS weapon_to_try
FROM matched
LEFT JOIN led ON led.player_id = matched.player_id
LEFT JOIN favourites ON favourites.player_id = matched.player_id
LEFT JOIN tries ON tries.player_id = matched.player_id
ORDER BY place
LIMIT 20
