import type { Check } from '../activities/preflight.ts';
import type { Consent } from '../activities/resource.ts';
import { foreignAdvice } from '../pipeline/foreign.ts';
import type { PlanReport } from './messages.ts';

/** What the account's checks refuse, one line each. */
export const refusedBy = (checks: Check[]): string[] =>
  checks.flatMap(({ name, state, message }) => (state === 'refused' ? [`${name}: ${message}`] : []));

/** Why a plan may not be carried out: every refused check and foreign thing, one line each; undefined if it may. */
export function refusal({ stages, checks }: PlanReport, consent: Consent = {}): string | undefined {
  const lines = refusedBy(checks);
  for (const { label, arn, action, differences, owner, hidden } of Object.values(stages)) {
    const whose = arn ? `${label} (${arn})` : label;
    if (action === 'foreign') lines.push(foreignAdvice({ label, arn, owner, hidden }));
    if (action === 'replace' && !consent.replace) {
      const fields = differences.flatMap(({ field, replace }) => (replace ? [field] : []));
      lines.push(`${whose} has to be made anew to change ${fields.join(', ')}, and what it holds would be lost; to agree, give --replace`);
    }
  }
  return lines.length === 0 ? undefined : lines.join('\n');
}
