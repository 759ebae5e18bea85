export { audit } from './audit.ts';
export { generate } from './generate.ts';
export { keepNotebook } from './notebook.ts';
export { endEverything, operate } from './pipeline.ts';
export { provision } from './provision.ts';
export { crawl, query, refresh } from './scheduled.ts';
