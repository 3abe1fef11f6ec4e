import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeFirstAlert } from '../../scripts/docs/first-alert.ts';
import { copyEmbeddedDatabase } from '../support/embedded-database.ts';

test('whoever follows the README alone has a device whose reading raises an alert, as docs/first-alert.md shows', async () => {
  const page = await writeFirstAlert(readFileSync('README.md', 'utf8'), (folder) =>
    copyEmbeddedDatabase(join(folder, 'pglite')),
  );
  assert.match(page, /raised {2}Minor \(Actual\) {2}Too warm: too-warm at my-sensor {2}temperature 45, limit 30/);
  assert.equal(page, readFileSync('docs/first-alert.md', 'utf8'), '"npm run docs:transcript" writes it');
});
