export { provision, takeDown } from '../workflows/provision.ts';
