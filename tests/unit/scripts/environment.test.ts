import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainEnvironment, serviceEnvironment } from '../../../scripts/dev-stack/environment.ts';
import { withoutLogin } from '../../../scripts/dev-stack/urls.ts';
import { parseStackSettings } from '../../../scripts/dev-stack/settings.ts';

const stores = { databaseUrl: 'postgres://localhost/telltale', redisUrl: 'redis://localhost' };
const env = {
  PATH: '/bin',
  DATABASE_URL: 'postgres://elsewhere/',
  TELLTALE_LOG_LEVEL: 'debug',
  TELLTALE_INGEST_VERIFIER: 'noble',
  TELLTALE_WORKER_ADMIN_PORT: '9202',
  TELLTALE_DEV_REDIS_PORT: '6391',
};

test('a service gets its own settings and those of all services, and nobody else’s', () => {
  assert.deepEqual(serviceEnvironment('ingest', env, stores), {
    PATH: '/bin',
    TELLTALE_LOG_LEVEL: 'debug',
    TELLTALE_INGEST_VERIFIER: 'noble',
    REDIS_URL: stores.redisUrl,
  });
});

test('only the worker gets the database', () => {
  assert.equal(serviceEnvironment('worker', env, stores).DATABASE_URL, stores.databaseUrl);
  assert.equal(serviceEnvironment('broadcaster', env, stores).DATABASE_URL, undefined);
});

test('only ingest gets the broker, and of its group what the user did not set', () => {
  const broker = { url: 'mqtt://_ingest:secret@localhost', group: 'ours' };
  const withBroker = (changes: NodeJS.ProcessEnv, service: 'ingest' | 'worker' = 'ingest') => {
    const { MQTT_URL, TELLTALE_INGEST_MQTT_GROUP } = serviceEnvironment(service, changes, { ...stores, broker });
    return [MQTT_URL, TELLTALE_INGEST_MQTT_GROUP];
  };
  const elsewhere = { ...env, MQTT_URL: 'mqtt://elsewhere', MQTT_URL_FILE: '/run/secret' };
  assert.deepEqual(withBroker(elsewhere), [broker.url, broker.group]);
  assert.deepEqual(withBroker({ ...elsewhere, TELLTALE_INGEST_MQTT_GROUP: 'mine' }), [broker.url, 'mine']);
  assert.deepEqual(withBroker(elsewhere, 'worker'), [undefined, undefined]);
  assert.equal(serviceEnvironment('ingest', elsewhere, stores).MQTT_URL_FILE, undefined);
});

test('a URL is shown without its login', () => {
  assert.equal(withoutLogin('mqtt://_ingest:secret@broker.example:1884'), 'mqtt://broker.example:1884');
});

test('a program that is no service gets nothing of Telltale', () => {
  assert.deepEqual(plainEnvironment({ ...env, REDIS_URL_FILE: '/run/secret' }), { PATH: '/bin' });
});

test('an empty variable means the default', () => {
  const settings = parseStackSettings({ TELLTALE_INGEST_PORT: '', REDIS_URL: '' });
  assert.equal(settings.TELLTALE_INGEST_PORT, 8080);
  assert.equal(settings.REDIS_URL, undefined);
});

test('a port that is none is named in the error', () => {
  assert.throws(() => parseStackSettings({ TELLTALE_INGEST_PORT: '80800' }), /TELLTALE_INGEST_PORT/);
});
