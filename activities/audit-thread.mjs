// A thread inherits no loader: this teaches it TypeScript, then runs the thread proper.
import { register } from 'tsx/esm/api';

register();
await import('./audit-thread.ts');
