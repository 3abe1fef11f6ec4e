import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainEnvironment, serviceEnvironment } from '../../../scripts/dev-stack/environment.ts';
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
