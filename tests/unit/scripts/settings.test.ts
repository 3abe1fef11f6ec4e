import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseStackSettings } from '../../../scripts/dev-stack/settings.ts';

test('where the stores are can be said in files, as for the services', () => {
  const folder = mkdtempSync(join(tmpdir(), 'telltale-settings-'));
  try {
    const file = join(folder, 'database-url');
    writeFileSync(file, 'postgres://telltale:secret@127.0.0.1/telltale\n');
    const { DATABASE_URL: databaseUrl } = parseStackSettings({ DATABASE_URL_FILE: file });
    assert.equal(databaseUrl, 'postgres://telltale:secret@127.0.0.1/telltale');
    assert.throws(() => parseStackSettings({ REDIS_URL_FILE: join(folder, 'nowhere') }), /REDIS_URL_FILE: cannot read/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
