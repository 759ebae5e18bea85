import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { SEARCH_ATTRIBUTES } from '../workflows/story.ts';

type Service = {
  image: string;
  command?: string | string[];
  depends_on?: Record<string, { condition: string }>;
  environment?: Record<string, string>;
  healthcheck?: { test: string[] };
  network_mode?: string;
  ports?: string[];
  restart?: string;
  volumes?: string[];
};
type Compose = { services: Record<string, Service>; volumes: Record<string, unknown> };

const root = new URL('../', import.meta.url);
const text = readFileSync(new URL('docker-compose.yml', root), 'utf8');
const compose = parse(text, { merge: true }) as Compose;
const services = Object.entries(compose.services);
const schema = JSON.parse(readFileSync(new URL('.tools/compose-spec.json', root), 'utf8'));
const conforms = new Ajv2020({ strict: false, allowUnionTypes: true, validateFormats: false }).compile(schema);

test('docker-compose.yml is what the compose specification allows, and the check can fail', () => {
  expect({ valid: conforms(compose), errors: conforms.errors }).toEqual({ valid: true, errors: null });

  const broken = structuredClone(compose) as { services: Record<string, object> };
  Object.assign(broken.services.temporal ?? {}, { port: ['7233'] });
  expect(conforms(broken)).toBe(false);
});

test('every port is published on the loopback address only', () => {
  const ports = services.flatMap(([, { ports = [] }]) => ports);
  expect(ports.length).toBeGreaterThan(0);
  expect(ports.filter((port) => !/^127\.0\.0\.1:\d+:\d+$/.test(port))).toEqual([]);
});

test('every image is pinned, every service comes back, every volume is declared', () => {
  expect(services.filter(([, { image }]) => !/:\d+\.\d+/.test(image)).map(([name]) => name)).toEqual([]);
  expect(services.filter(([, { restart }]) => restart === undefined).map(([name]) => name)).toEqual([]);
  const named = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0]));
  expect([...new Set(named)].sort()).toEqual(Object.keys(compose.volumes).sort());
});

test('what a service waits for exists, and can say that it is healthy or has ended', () => {
  for (const [name, { depends_on = {}, network_mode = '' }] of services) {
    for (const [needed, { condition }] of Object.entries(depends_on)) {
      const service = compose.services[needed];
      const can = condition === 'service_healthy' ? service?.healthcheck !== undefined : service?.restart?.startsWith('on-failure');
      expect({ name, needed, condition, can }).toEqual({ name, needed, condition, can: true });
    }
    if (network_mode.startsWith('service:')) expect(Object.keys(compose.services)).toContain(network_mode.slice('service:'.length));
  }
});

test('the local AWS and the worker are one image, talk to each other and to Temporal, and start programs that exist', () => {
  const { 'local-aws': aws, worker } = compose.services;
  expect(worker?.image).toBe(aws?.image);
  expect(worker?.environment).toMatchObject({ TEMPORAL_ADDRESS: 'temporal:7233', AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' });
  const programs = [aws, worker].flatMap(
    (service) =>
      [service?.command]
        .flat()
        .join(' ')
        .match(/\S+\.ts\b/g) ?? [],
  );
  expect(programs).toHaveLength(2);
  expect(programs.filter((program) => !existsSync(new URL(program, root)))).toEqual([]);
});

test('the namespace knows every search attribute before a worker starts or anybody asks for a pipeline', () => {
  const { 'temporal-namespace': namespace, worker } = compose.services;
  const script = [namespace?.command].flat().join('\n');
  const all = SEARCH_ATTRIBUTES.map(({ name }) => name);
  expect(/for name in ([\w ]+); do/.exec(script)?.[1]?.split(' ')).toEqual(all);
  expect(script).toMatch(/temporal operator search-attribute create -n default --name "\$\$name" --type Keyword/);
  expect([...script.matchAll(/(\w+) = 'x'/g)].map(([, name]) => name)).toEqual(all);
  expect(worker?.depends_on?.['temporal-namespace']?.condition).toBe('service_completed_successfully');
});

test('the command that the header shows runs a program of the image, in a service that knows both endpoints and has the key pair in its volume', () => {
  const [, service = '', program = '', verb] = /^# +docker compose exec (\S+) node (\S+) (\S+)/m.exec(text) ?? [];
  expect(verb).toBe('up');
  expect(existsSync(new URL(program, root))).toBe(true);
  const { environment, volumes } = compose.services[service] ?? {};
  expect(Object.keys(environment ?? {})).toEqual(expect.arrayContaining(['TEMPORAL_ADDRESS', 'AWS_ENDPOINT_URL']));
  expect(volumes).toContain('state:/app/.data2dashboard');
});

test('the image of ours has the version of the package', () => {
  const { name, version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { name: string; version: string };
  expect(compose.services['local-aws']?.image).toBe(`${name}:${version}`);
});

test('the Dockerfile copies only what exists before set-up runs, and has set-up make all that the image starts from, bundles included', () => {
  const lines = readFileSync(new URL('Dockerfile', root), 'utf8').split('\n');
  const sources = lines
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from'))
    .flatMap((line) => line.split(' ').slice(1, -1));
  expect(sources.filter((source) => !existsSync(new URL(source, root)))).toEqual([]);
  const steps = lines.filter((line) => line.startsWith('RUN node') || line === 'COPY . .' || line.includes('--from=build'));
  expect(steps).toEqual([
    'RUN node setup/setup.mjs --no-temporal --no-bundles',
    'COPY . .',
    'RUN node setup/setup.mjs --no-temporal',
    ...['node_modules', '.tools', '.d2d'].map((made) => `COPY --from=build /app/${made} ${made}`),
    'COPY . .',
  ]);
  const ignored = readFileSync(new URL('.dockerignore', root), 'utf8').split('\n');
  for (const made of ['node_modules', '.tools', '.d2d']) expect(ignored).toContain(made);
});
