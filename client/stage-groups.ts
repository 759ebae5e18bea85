import { STAGE_GROUPS, STAGES, type Stage, type StageGroup } from '../pipeline/stages.ts';
import type { StageState } from '../workflows/messages.ts';

/** The stages by their groups, both in the order of the data; each stage is in one. */
export const GROUPS = Object.fromEntries(
  STAGE_GROUPS.map((group) => [group, (Object.keys(STAGES) as Stage[]).filter((stage) => STAGES[stage].group === group)]),
) as Record<StageGroup, Stage[]>;

/** How a group of stages stands, in the one word of its worst stage, and which of its stages are not ready (`open`). */
export function groupState(group: Stage[], states: Partial<Record<Stage, StageState>>): { state: StageState; open: Stage[] } {
  const open = group.filter((stage) => states[stage] !== 'ready');
  const of = (state: StageState) => group.some((stage) => states[stage] === state);
  if (open.length === 0) return { state: 'ready', open };
  if (of('failed')) return { state: 'failed', open };
  if (of('drifted')) return { state: 'drifted', open };
  return { state: of('working') || of('ready') ? 'working' : 'waiting', open };
}
