import { expect, it } from '@jest/globals';
import { audit } from '../client/audit.ts';

it.each(['Infinity', '1e999', '-Infinity', 'NaN', '0', '-3', '', 'a day'])(
  'hours of %j are refused before anything is asked',
  async (hours) => {
    await expect(audit({ hours })).rejects.toThrow(
      `--hours: '${hours}' is no number of hours that has an end. For the last day: npx d2d audit --hours 24`,
    );
  },
);

it.each(['soon', '5', '-1 seconds', '1.5 hours'])('a wait of %j is refused likewise', async (wait) => {
  await expect(audit({ wait })).rejects.toThrow(`--wait: '${wait}' must be a number and a unit, as '5 minutes'`);
});
