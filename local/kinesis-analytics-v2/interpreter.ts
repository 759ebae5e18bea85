/** A paragraph's text, taken apart: which interpreter, with which local properties, runs what. */
export interface Source {
  interpreter: string;
  properties: Record<string, string>;
  body: string;
}

/** Reads the header `%flink.ssql(type=update, parallelism=2)` of a paragraph; without one, the note's default interpreter is meant. */
export function readSource(text: string, defaultInterpreter = 'flink'): Source {
  const header = /^\s*%([\w.-]+)(?:\(([^)]*)\))?/.exec(text);
  if (!header) return { interpreter: defaultInterpreter, properties: {}, body: text.trim() };
  const [whole, interpreter = '', list = ''] = header;
  const properties = list.split(',').map((pair) => pair.split('=').map((side) => side.trim()));
  return {
    interpreter,
    properties: Object.fromEntries(properties.filter(([key]) => key).map(([key = '', value = 'true']) => [key, value])),
    body: text.slice(whole.length).trim(),
  };
}
