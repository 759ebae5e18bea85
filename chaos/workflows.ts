export * from '../workflows/index.ts';
export { takeDown } from '../workflows/provision.ts';
