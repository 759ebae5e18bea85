/** A thing of a name that we need, and whose it is: `owner` another pipeline, `hidden` somebody's whose things we may not see; neither: nobody's of ours. */
export interface Foreign {
  label: string;
  arn?: string;
  owner?: string;
  hidden?: true;
}

/** Why a thing cannot be used as it is, and what to do about it, in one line. Only what carries nobody's tag can be taken over. */
export function foreignAdvice({ label, arn, owner, hidden }: Foreign): string {
  const whose = arn === undefined ? label : `${label} (${arn})`;
  if (hidden) return `${whose} is another account's, or these credentials may not see it; choose another name for the pipeline`;
  if (owner !== undefined) return `${whose} belongs to pipeline '${owner}'; choose another name for this one`;
  return `${whose} exists and was not made by data2dashboard; take it over with --adopt, or choose another name for the pipeline`;
}
