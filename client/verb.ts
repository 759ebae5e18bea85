/** Options that every verb has. */
export interface VerbOptions {
  /** Answers with one JSON object on stdout. */
  json: boolean;
}

/** What a verb answers: `facts` as an object for `--json`, `words` for people. With `ok` false something is not as it should be, and the exit code is 1. */
export interface VerbResult {
  ok: boolean;
  facts: object;
  words: string;
}

/** Does what one verb of d2d says; takes the arguments and then the options as commander gives them. */
export type Verb = (...args: never[]) => Promise<VerbResult>;
