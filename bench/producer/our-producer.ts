import { createInterface } from 'node:readline';
import { producer } from '../../activities/kinesis/producer.ts';
import { putting } from '../../activities/kinesis/put-records.ts';
import { aggregation, parseSpec } from '../../pipeline/spec.ts';

// Our own producer of the bench, as the KPL is by itself or, with BENCH_SPEC, as a spec that sets nothing has it: sends as many events as each line of its input asks
// for, and says the number once all are acknowledged.
const env = process.env as Record<string, string>;
const { put, close } = putting({
  region: env.AWS_REGION!,
  endpoint: `https://${env.BENCH_HOST}:${env.BENCH_PORT}`,
  credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID!, secretAccessKey: env.AWS_SECRET_ACCESS_KEY! },
});
const shards = Number(env.BENCH_SHARDS);
const hashKeys = Array.from({ length: shards }, (_, k) => String((BigInt(2 * k + 1) << 127n) / BigInt(shards)));
const matches = Array.from({ length: 64 }, (_, i) => `bench-match-${i}`);
const spec = parseSpec({});
const asSpec = { aggregate: aggregation(spec), ordered: spec.generator.ordered };
const { lane: begin } = producer({ put, stream: env.BENCH_STREAM!, ...(env.BENCH_SPEC ? asSpec : { aggregate: true }) });

const event = Buffer.from(env.BENCH_EVENT!);
const numberEnds = Number(env.BENCH_NUMBER_ENDS);
let number = 0;
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const count = Number(line);
  const lane = begin({ from: number, maxBytes: 32 << 20 });
  for (const end = number + count; number < end; number++) {
    for (let rest = number, at = numberEnds - 1; rest > 0; rest = Math.floor(rest / 10)) event[at--] = 48 + (rest % 10);
    const match = number % matches.length;
    const wait = lane.send({ data: event, partitionKey: matches[match]!, hashKey: hashKeys[match % shards]!, position: number });
    if (wait) await wait;
  }
  const { acknowledged } = await lane.end();
  process.stdout.write(`${acknowledged}\n`);
}
close();
