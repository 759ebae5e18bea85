export { audit } from './audit.ts';
export { surveyed as plan } from './bring-up.ts';
export { generate } from './generate.ts';
export { keepNotebook } from './notebook.ts';
export { operate } from './pipeline.ts';
export { provision } from './provision.ts';
export { crawl, query, refresh } from './scheduled.ts';
export { endEverything } from './teardown.ts';
