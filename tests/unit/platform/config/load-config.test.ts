import assert from 'node:assert/strict';
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError } from '../../../../platform/config/load-config.ts';
import { loadIngestConfig } from '../../../../services/ingest/config.ts';

const REDIS_URL = 'redis://127.0.0.1:1';

function problems(environment: Record<string, string>): readonly string[] {
  try {
    loadIngestConfig(environment);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  assert.fail('the configuration was accepted');
}

test('defaults are filled in and text becomes numbers', () => {
  const config = loadIngestConfig({ REDIS_URL, TELLTALE_INGEST_PORT: '9000' });
  assert.equal(config.TELLTALE_INGEST_PORT, 9000);
  assert.equal(config.TELLTALE_SHARDS, 16);
});

test('all problems are reported at once', () => {
  const found = problems({ REDIS_URL: 'http://x', TELLTALE_INGEST_PORT: '70000', TELLTALE_SHARDS: 'many' });
  assert.deepEqual(found.map((line) => line.split(':')[0]).sort(), [
    'REDIS_URL',
    'TELLTALE_INGEST_PORT',
    'TELLTALE_SHARDS',
  ]);
});

test('a misspelt setting is an error that names the right one; settings of other services are not ours to judge', () => {
  assert.match(problems({ REDIS_URL, TELLTALE_INGEST_PROT: '1' })[0] ?? '', /did you mean TELLTALE_INGEST_PORT/);
  assert.match(problems({ REDIS_URL, TELLTALE_INGST_PORT: '1' })[0] ?? '', /no such setting/);
  loadIngestConfig({ REDIS_URL, TELLTALE_WORKER_ADMIN_PORT: '1' });
});

test('a secret can come from a file, and not from two places', () => {
  const folder = mkdtempSync(join(tmpdir(), 'telltale-config-'));
  try {
    const file = join(folder, 'redis-url');
    writeFileSync(file, `${REDIS_URL}\n`);
    assert.equal(loadIngestConfig({ REDIS_URL_FILE: file }).REDIS_URL, REDIS_URL);
    assert.match(problems({ REDIS_URL, REDIS_URL_FILE: file })[0] ?? '', /keep one/);
    assert.match(problems({ REDIS_URL_FILE: join(folder, 'missing') })[0] ?? '', /cannot read/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
