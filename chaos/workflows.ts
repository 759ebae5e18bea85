export * from '../workflows/index.ts';
export { removeStages } from '../workflows/provision.ts';
