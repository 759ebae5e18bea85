import { SpecError } from '../pipeline/spec.ts';

/** An error whose message is all that the user needs: what, where, and what to do. */
export class UserError extends Error {}

/** A UserError about the command itself, as it was typed: it is wrong whatever the state of the pipeline. */
export class UsageError extends UserError {}

/** The exit code of a command that failed with this error: 2 when it was asked wrongly, by its arguments or by the spec, else 1. */
export const exitCodeOf = (error: unknown): 1 | 2 => (error instanceof UsageError || error instanceof SpecError ? 2 : 1);
