import type { NormalizedSchema } from '@smithy/core/schema';

type Node = { text?: string; children: Map<string, Node> };

/** Reads the body of a query-protocol request (`Tags.member.1.Key=…`) into the SDK's input shape. */
export function readQueryBody(schema: NormalizedSchema, fields: URLSearchParams): Record<string, unknown> {
  const root: Node = { children: new Map() };
  for (const [name, text] of fields) {
    let node = root;
    for (const part of name.split('.')) {
      const next: Node = node.children.get(part) ?? { children: new Map() };
      node.children.set(part, next);
      node = next;
    }
    node.text = text;
  }
  return schema.isUnitSchema() ? {} : (read(schema, root) as Record<string, unknown>);
}

function read(schema: NormalizedSchema, node: Node): unknown {
  if (schema.isStructSchema()) {
    const value: Record<string, unknown> = {};
    for (const [name, member] of schema.structIterator()) {
      const child = node.children.get(member.getMergedTraits().xmlName ?? name);
      if (child) value[name] = read(member, child);
    }
    return value;
  }
  if (schema.isListSchema()) {
    const item = schema.getValueSchema();
    const from = schema.getMergedTraits().xmlFlattened ? node : node.children.get(item.getMergedTraits().xmlName ?? 'member');
    const numbered = [...(from?.children ?? [])].sort(([a], [b]) => Number(a) - Number(b));
    return numbered.map(([, child]) => read(item, child));
  }
  const text = node.text ?? '';
  if (schema.isBooleanSchema()) return text.toLowerCase() === 'true';
  if (schema.isNumericSchema()) return Number(text);
  if (schema.isTimestampSchema()) return new Date(text);
  if (schema.isBlobSchema()) return Buffer.from(text, 'base64');
  return text;
}
