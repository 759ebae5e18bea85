/** How often a statement reads each table of a database, when what stands in its WITH is read anew wherever it is named. */
export function scansOf(statement: string, database: string): Record<string, number> {
  const { parts, body } = partsOf(statement.replaceAll(/--.*/g, ''));
  const scans = (text: string): Record<string, number> => {
    const sum: Record<string, number> = {};
    for (const [, name = ''] of text.matchAll(/\b(?:FROM|JOIN)\s+([\w.]+)/g)) {
      const part = parts.get(name);
      const read = part !== undefined ? scans(part) : name.startsWith(`${database}.`) ? { [name.slice(database.length + 1)]: 1 } : {};
      for (const [table, count] of Object.entries(read)) sum[table] = (sum[table] ?? 0) + count;
    }
    return sum;
  };
  return scans(body);
}

function partsOf(text: string): { parts: Map<string, string>; body: string } {
  const parts = new Map<string, string>();
  let rest = text.trim();
  for (let head = /^WITH\s+(\w+)\s+AS\s+\(/.exec(rest); head; head = /^,\s*(\w+)\s+AS\s+\(/.exec(rest)) {
    const end = closing(rest, head[0].length);
    parts.set(head[1]!, rest.slice(head[0].length, end));
    rest = rest.slice(end + 1).trim();
  }
  return { parts, body: rest };
}

/** Where the parenthesis closes that is open at `from`. */
function closing(text: string, from: number): number {
  let open = 1;
  for (let at = from; ; at++) {
    if (text[at] === '(') open++;
    if (text[at] === ')' && --open === 0) return at;
    if (at >= text.length) throw new Error(`a parenthesis is never closed: ${text.slice(0, 100)}`);
  }
}
