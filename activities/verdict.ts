/** What was found of one thing that the account must have. `warning`: it may turn out a hindrance. */
export interface Verdict {
  state: 'ok' | 'warning' | 'refused';
  message: string;
  /** Worth knowing, though it is ok. */
  telling?: true;
}

export const ok = (message: string): Verdict => ({ state: 'ok', message });
export const warning = (message: string): Verdict => ({ state: 'warning', message });
export const refused = (message: string): Verdict => ({ state: 'refused', message });
