import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chown, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import pg from 'pg';
import { migrate } from '../../../platform/postgres/migrate.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { openRedis, waitForRedis } from '../../../platform/redis/open-redis.ts';
import { checkRedisIsSafe } from '../../../platform/redis/check-redis.ts';
import { readValues } from '../../../platform/config/load-config.ts';
import { READERS } from '../../../scripts/init/secret-files.ts';
import { choosePostgres } from '../../../scripts/postgres/find-postgres.ts';
import { openPrivateCluster } from '../../../scripts/postgres/private-cluster.ts';
import { findFreePort } from '../../../scripts/process/free-port.ts';
import { openGuard } from '../../../scripts/process/guard.ts';
import { startProcess, type RunningProcess } from '../../../scripts/process/running-process.ts';
import { broadcasterSettings, loadBroadcasterConfig } from '../../../services/broadcaster/config.ts';
import { ingestSettings, loadIngestConfig } from '../../../services/ingest/config.ts';
import { loadWorkerConfig, workerSettings } from '../../../services/worker/config.ts';
import { loadComposeFile } from '../../support/compose-file.ts';
import { endWithTests } from '../../support/end-with-tests.ts';
import { eventually } from '../../support/eventually.ts';

const run = promisify(execFile);
const START_MS = 10_000;
const STOP_MS = 10_000;
const NODES = 6;

let folder: string;
let secrets: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'telltale-install-'));
  secrets = join(folder, 'secrets');
  assert.match(await init(), /^Made redis\/password, /);
});
after(() => rm(folder, { recursive: true, force: true }));

/** As the service does it, with the folders that it mounts in ours. */
async function init(variables = {}, at = folder): Promise<string> {
  const command = loadComposeFile(variables).services['init']?.command ?? [];
  const args = command.slice(1).map((each) => each.replace(/(^|[=:])\/(secrets|logins|volumes)/, `$1${at}/$2`));
  return (await run(process.execPath, args)).stdout;
}

/** What lies there: content, owner, rights and when it was changed. */
async function describeFiles(): Promise<Readonly<Record<string, readonly [string, number, number, number]>>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const described = await Promise.all(
    paths.map(async (path) => {
      const { uid, mode, mtimeMs } = await stat(path);
      return [path.slice(folder.length + 1), [await readFile(path, 'utf8'), uid, mode & 0o777, mtimeMs]] as const;
    }),
  );
  return Object.fromEntries(described);
}

const secret = (path: string): Promise<string> => readFile(join(secrets, path), 'utf8');

test('every secret is long, readable for its user alone, and stays what it is when init runs again', async () => {
  const files = await describeFiles();
  const owner = (uid: number) => (process.getuid?.() === 0 ? uid : process.getuid?.());
  for (const [reader, uid] of Object.entries(READERS)) {
    const own = Object.entries(files).filter(([path]) => path.startsWith(`secrets/${reader}/`));
    assert.ok(own.length > 0, reader);
    for (const [path, [text, fileOwner, mode]] of own) {
      assert.deepEqual([fileOwner, mode], [owner(uid), 0o400], path);
      assert.ok(text.length >= 32, path);
    }
  }
  assert.equal(files['secrets/tokens/signing-key.json']?.[2], 0o600);
  assert.equal(files['secrets/tokens/jwks.json']?.[2], 0o644);
  assert.match(files['logins/passwords']?.[0] ?? '', /^_ingest:\$7\$/);
  assert.equal((await stat(join(folder, 'volumes/redis'))).uid, owner(READERS.redis));

  assert.equal(await init(), 'Every secret is there.\n');
  assert.deepEqual(await describeFiles(), files);
});

test('a secret that is missing is made of what is there, and no other one changes', async () => {
  const files = await describeFiles();
  await rm(join(secrets, 'worker/database-url'));
  assert.equal(await init(), 'Made worker/database-url.\n');
  const { 'secrets/worker/database-url': made, ...others } = await describeFiles();
  const { 'secrets/worker/database-url': lost, ...before } = files;
  assert.equal(made?.[0], lost?.[0]);
  assert.deepEqual(others, before);
});

test('what an init that was ended halfway left of the signing keys is mended by the next one', async () => {
  const [key, jwks] = [join(secrets, 'tokens/signing-key.json'), join(secrets, 'tokens/jwks.json')];
  const before = await describeFiles();
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    // Written, and not given to the one who reads it.
    await chown(key, 0, 0);
    assert.equal(await init(), 'Every secret is there.\n');
    assert.equal((await stat(key)).uid, READERS.worker);
    assert.equal((await describeFiles())['secrets/tokens/signing-key.json']?.[0], await readFile(key, 'utf8'));
  }
  // The public keys alone are written first.
  await rm(key);
  assert.equal(await init(), 'Made tokens/signing-key.json.\n');
  const published = JSON.parse(await readFile(jwks, 'utf8')) as { keys: { kid: string }[] };
  const { kid } = JSON.parse(await readFile(key, 'utf8')) as { kid: string };
  assert.ok(published.keys.some((each) => each.kid === kid));
  if (isRoot) assert.equal((await stat(key)).uid, READERS.worker);
  await rm(jwks);
  assert.equal(await init(), 'Made tokens/jwks.json.\n');
  assert.equal((await stat(jwks)).mode & 0o777, 0o644);
  const others = (files: typeof before) =>
    Object.entries(files).filter(([path]) => !path.startsWith('secrets/tokens/'));
  assert.deepEqual(others(await describeFiles()), others(before));
});

test('no start leaves the Redis that has the data, and none is without the nodes that it needs', async () => {
  const at = join(folder, 'other');
  const cluster = { REDIS_MODE: 'redis-cluster' };
  const refuses = (variables: object, why: RegExp) => assert.rejects(init(variables, at), why);
  await refuses({ REDIS_MODE: 'cluster' }, /REDIS_MODE is "cluster". Write redis or redis-cluster/);
  await refuses(
    cluster,
    /COMPOSE_PROFILES, which is "", does not start its nodes.*REDIS_MODE=redis-cluster and COMPOSE/,
  );
  await refuses({ ...cluster, COMPOSE_PROFILES: 'demo' }, /which is "demo", does not start/);
  await refuses({ COMPOSE_PROFILES: 'demo,cluster' }, /nobody would use the nodes/);
  await init({ ...cluster, COMPOSE_PROFILES: 'demo, cluster' }, at);
  await refuses({}, /has its data in "redis-cluster", and REDIS_MODE is "redis".*Write REDIS_MODE=redis-cluster/);
  await init({ ...cluster, COMPOSE_PROFILES: 'cluster' }, at);
  // Nodes elsewhere need no profile.
  await rm(join(at, 'secrets/worker/redis-cluster-url'));
  await writeFile(join(at, 'secrets/worker/redis-cluster-url'), 'redis://one.example,redis://other.example');
  await init(cluster, at);
  // As operators are told.
  await rm(join(at, 'secrets/redis-mode'));
  await init({}, at);
  await refuses({ ...cluster, COMPOSE_PROFILES: 'cluster' }, /has its data in "redis".*Write REDIS_MODE=redis into/);
  await rm(at, { recursive: true });
});

const programs = [
  { name: 'ingest', settings: ingestSettings, load: loadIngestConfig },
  { name: 'worker', settings: workerSettings, load: loadWorkerConfig },
  { name: 'broadcaster', settings: broadcasterSettings, load: loadBroadcasterConfig },
] as const;

const VARIABLES = [
  {},
  { REDIS_MODE: 'redis-cluster' },
  { ALERTS_PUBLIC: 'true', ALERTS_JWKS_PATH: '', TRUSTED_PROXIES: '172.18.0.1', LOG_LEVEL: 'debug' },
];

function environmentOf(service: string, variables = {}): Record<string, string> {
  const { environment } = loadComposeFile(variables).services[service] ?? assert.fail(`there is no ${service}`);
  const here = Object.entries(environment).map(([name, value]) => [name, value.replace(/^\/secrets/, secrets)]);
  return Object.fromEntries(here) as Record<string, string>;
}

for (const { name, settings, load } of programs) {
  test(`${name} knows every setting that the compose file gives it, and starts with the secrets of init`, () => {
    for (const variables of VARIABLES) {
      const environment = environmentOf(name, variables);
      const unknown = Object.keys(environment).filter((each) => !(each.replace(/_FILE$/, '') in settings));
      assert.deepEqual(unknown, []);
      const config = load(environment);
      assert.match(config.REDIS_URL, 'REDIS_MODE' in variables ? /@redis-1:6379,.*@redis-6:6379$/ : /@redis:6379$/);
    }
  });
}

test('doctor looks at the broker with the login of ingest', async () => {
  const { values, problems } = readValues(['MQTT_URL'], environmentOf('admin'));
  assert.deepEqual(problems, []);
  assert.match(values['MQTT_URL'] ?? '', /^mqtt:\/\/_ingest:.{32}@mosquitto:1885$/);
  assert.equal(values['MQTT_URL'], await secret('ingest/mqtt-url'));
  const { services } = loadComposeFile();
  assert.ok(services['admin']?.networks.some((network) => services['mosquitto']?.networks.includes(network)));
});

test('tools find the stores by the same files', () => {
  for (const service of ['admin', 'broker-logins', 'demo-register', 'migrate']) {
    const { values, problems } = readValues(['DATABASE_URL', 'REDIS_URL'], environmentOf(service));
    assert.deepEqual(problems, []);
    assert.match(values['DATABASE_URL'] ?? '', /^postgres:\/\/telltale:.{32}@postgres:5432\/telltale$/, service);
  }
});

/** With the configuration that is mounted, in a folder and on a port of its own. */
async function startRedis(name: string, port: number, ...args: readonly string[]): Promise<RunningProcess> {
  const config = await readFile('deploy/docker/redis.conf', 'utf8');
  const own = config.replace('/secrets/', `${secrets}/`).replace('maxmemory 1200mb', 'maxmemory 100mb');
  const data = join(folder, `volumes/${name}`);
  const path = join(folder, `redis-${port}.conf`);
  await writeFile(path, own);
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', data, ...args];
  const running = await startProcess({ name, command: 'redis-server', args: [path, ...options], env: process.env });
  endWithTests(running);
  return running;
}

test('Redis starts with its configuration, asks for the password and is what services insist on', async () => {
  const port = await findFreePort();
  const running = await startRedis('redis', port);
  const url = new URL(await secret('worker/redis-url'));
  const redis = openRedis(
    { url: `redis://:${url.password}@127.0.0.1:${port}`, name: 'test', manner: 'patient' },
    createLogger('test', 'silent'),
  );
  const stranger = new Redis(port);
  stranger.on('error', () => undefined);
  try {
    await waitForRedis(redis, START_MS);
    await checkRedisIsSafe(redis);
    assert.match(JSON.stringify(await redis.config('GET', 'appendfsync')), /always/);
    await assert.rejects(stranger.set('x', 'y'), /NOAUTH/);
  } finally {
    redis.disconnect();
    stranger.disconnect();
    await running.stop(STOP_MS);
  }
});

test('the health check of Redis tells one that loads its file from one that does not answer', async () => {
  const port = await findFreePort();
  const health = async (): Promise<string> => {
    const env = { ...process.env, SECRETS: join(secrets, 'redis'), PORT: String(port) };
    return (await run('sh', ['deploy/docker/redis-health.sh'], { env })).stdout;
  };
  const first = await startRedis('redis', port);
  try {
    await eventually(async () => assert.equal(await health(), 'PONG\n'));
    const redis = new Redis(port, { password: await secret('redis/password') });
    await redis.mset(Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`key-${index}`, 'x'.repeat(100)])));
    // Of a snapshot it is known how large it is.
    await redis.bgrewriteaof();
    await eventually(async () => assert.match(await redis.info('persistence'), /aof_rewrite_in_progress:0/));
    redis.disconnect();
  } finally {
    await first.stop(STOP_MS);
  }
  await assert.rejects(health(), { stdout: /^no answer: .*refused/ });

  // A millisecond for each key.
  const slowly = ['--key-load-delay', '1000', '--loading-process-events-interval-bytes', '1024'];
  const again = await startRedis('redis', port, ...slowly);
  try {
    await eventually(() => assert.rejects(health(), { stdout: /^loading: \d.*% loaded, \d+ s left/ }));
    await eventually(async () => assert.equal(await health(), 'PONG\n'));
  } finally {
    await again.stop(STOP_MS);
  }
});

test('six nodes become a cluster with a replica for each master, once', async () => {
  const ports = await Promise.all(Array.from({ length: NODES }, () => findFreePort()));
  const buses = await Promise.all(Array.from({ length: NODES }, () => findFreePort()));
  const nodes = await Promise.all(
    ports.map((port, index) => {
      const own = ['--cluster-enabled', 'yes', '--cluster-port', String(buses[index])];
      return startRedis(`redis-cluster/${index + 1}`, port, ...own);
    }),
  );
  const client = new Redis(ports[0] ?? 0, { password: await secret('redis/password') });
  try {
    await client.ping();
    await eventually(() => assert.equal(nodes.filter((node) => node.hasExited).length, 0));
    const addresses = ports.map((port) => `127.0.0.1:${port}`);
    const env = { ...process.env, SECRETS: join(secrets, 'redis') };
    const create = () => run('sh', ['deploy/docker/create-cluster.sh', ...addresses], { env });
    await eventually(create);
    await eventually(async () => assert.match(await client.cluster('INFO'), /cluster_state:ok/));
    // Each node is told by others who follows it.
    await eventually(async () => {
      const nodesKnown = String(await client.cluster('NODES'));
      const count = (role: RegExp) => nodesKnown.match(role)?.length;
      assert.deepEqual([count(/master/g), count(/slave/g)], [NODES / 2, NODES / 2]);
    });
    assert.match((await create()).stdout, /The cluster is there/);
  } finally {
    client.disconnect();
    await Promise.all(nodes.map((node) => node.stop(STOP_MS)));
  }
});

test('a new database belongs to Telltale, who is no superuser, and shows dashboards neither API keys nor tokens', async () => {
  await using guard = openGuard();
  await using cluster = await openPrivateCluster(choosePostgres(), guard);
  const superuser = new URL(cluster.url('telltale'));
  const as = (role: string, password: string): string => {
    const url = new URL(superuser);
    [url.username, url.password] = [role, password];
    return url.href;
  };
  await withClient(cluster.url('postgres'), (client) => client.query('CREATE DATABASE telltale'));
  const { hostname: PGHOST, port: PGPORT, username: POSTGRES_USER, password: PGPASSWORD } = superuser;
  const login = { PGHOST, PGPORT, PGPASSWORD, POSTGRES_USER, POSTGRES_DB: 'telltale' };
  await run('deploy/docker/postgres-roles.sh', [], {
    env: { ...process.env, ...login, SECRETS: join(secrets, 'postgres') },
  });

  const owner = new URL(await secret('worker/database-url'));
  const url = as(owner.username, owner.password);
  await migrate(url, () => undefined);
  await migrate(url, () => undefined);
  await withClient(url, async (client) => {
    const { rows } = await client.query('SELECT rolsuper FROM pg_roles WHERE rolname = current_user');
    assert.deepEqual(rows, [{ rolsuper: false }]);
  });
  await withClient(as('telltale_reader', await secret('grafana/database-password')), async (client) => {
    for (const table of ['readings', 'alerts', 'devices']) await client.query(`SELECT * FROM ${table}`);
    for (const table of ['api_keys', 'enrolment_tokens', 'device_keys', 'registry_requests']) {
      await assert.rejects(client.query(`SELECT * FROM ${table}`), /permission denied/);
    }
    await assert.rejects(client.query('DELETE FROM readings'), /permission denied/);
    const { rows } = await client.query(
      `SELECT current_setting('statement_timeout') AS statement, current_setting('idle_in_transaction_session_timeout') AS idle`,
    );
    assert.deepEqual(rows, [{ statement: '15s', idle: '30s' }]);
  });
});

async function withClient(url: string, use: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await use(client);
  } finally {
    await client.end();
  }
}
