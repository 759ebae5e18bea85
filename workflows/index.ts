export { audit } from './audit.ts';
export { generate } from './generate.ts';
export { keepNotebook } from './notebook.ts';
export { operate } from './pipeline.ts';
export { plan } from './plan.ts';
export { provision } from './provision.ts';
export { crawl, query, refresh } from './scheduled.ts';
export { tearDown } from './teardown.ts';
