import { awsError } from '../aws.ts';

/** A test for messages from a pattern of terms: all of `a "b c"`, any of `?a ?b`, none of `-a`. Patterns for JSON or columns are refused. */
export function matcher(pattern: string): (message: string) => boolean {
  if (/^\s*[{[%]/.test(pattern)) throw awsError('InvalidParameterException', 'Invalid filter pattern: the local AWS matches terms only.');
  const terms = [...pattern.matchAll(/([?-]?)(?:"([^"]*)"|(\S+))/g)].map(([, sign, quoted, bare]) => ({
    sign,
    text: quoted ?? bare ?? '',
  }));
  const of = (wanted: string) => terms.filter(({ sign }) => sign === wanted).map(({ text }) => text);
  const [all, any, none] = [of(''), of('?'), of('-')];
  return (message) =>
    all.every((text) => message.includes(text)) &&
    (any.length === 0 || any.some((text) => message.includes(text))) &&
    !none.some((text) => message.includes(text));
}
