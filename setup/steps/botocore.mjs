import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { isStamped, replace, sha256, stamp } from '../files.mjs';
import { pythonMissing, unpackWheel } from '../wheel.mjs';

const REQUIREMENT = fileURLToPath(new URL('../botocore.txt', import.meta.url));
/** The services whose models are kept, in botocore's names. */
const SERVICES = ['athena', 'firehose', 'glue', 'iam', 'kinesis', 'kinesisanalyticsv2', 'logs', 'quicksight', 's3', 'sts'];

/**
 * AWS's service models, `.tools/botocore/<service>.json`, for the test that judges every request by them.
 * @param {string} root
 * @returns {import('../steps.mjs').Step}
 */
export function serviceModels(root) {
  const models = join(root, '.tools', 'botocore');
  const pin = join(root, '.tools', 'botocore.pin');
  const fresh = join(root, '.tools', 'botocore.new');
  const wanted = () => sha256(readFileSync(REQUIREMENT));
  return {
    name: "AWS's service models",
    due: () => !(existsSync(models) && isStamped(pin, wanted())),
    missing: pythonMissing,
    run: async () => {
      const data = join(await unpackWheel(REQUIREMENT, fresh), 'botocore', 'data');
      const kept = join(fresh, 'kept');
      mkdirSync(kept);
      for (const service of SERVICES) {
        const versions = readdirSync(join(data, service)).sort();
        const packed = readFileSync(join(data, service, versions.at(-1) ?? '', 'service-2.json.gz'));
        writeFileSync(join(kept, `${service}.json`), gunzipSync(packed));
      }
      rmSync(models, { recursive: true, force: true });
      replace(kept, models);
      stamp(pin, wanted());
      rmSync(fresh, { recursive: true, force: true });
    },
  };
}
