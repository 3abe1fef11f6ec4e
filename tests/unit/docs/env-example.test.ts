import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseEnv } from 'node:util';
import { commandLineSettings } from '../../../platform/config/fragments.ts';
import { loadBroadcasterConfig, broadcasterSettings } from '../../../services/broadcaster/config.ts';
import { ingestSettings, loadIngestConfig } from '../../../services/ingest/config.ts';
import { loadWorkerConfig, workerSettings } from '../../../services/worker/config.ts';
import { composeVariables } from '../../support/compose-file.ts';
import { parseStackSettings } from '../../../scripts/dev-stack/settings.ts';

const example = readFileSync('.env.example', 'utf8');
const given = parseEnv(example);
const shown = parseEnv(example.replaceAll(/^#(?=[A-Z_]+=)/gm, ''));
const compose = composeVariables();
/** For services and tools. */
const everything = Object.fromEntries(Object.entries(shown).filter(([name]) => !compose.has(name)));
/** Depends on the machine. */
const NOT_A_CONSTANT = 'TELLTALE_INGEST_VERIFY_THREADS';

const services = [
  { name: 'ingest', settings: ingestSettings, load: loadIngestConfig },
  { name: 'worker', settings: workerSettings, load: loadWorkerConfig },
  { name: 'broadcaster', settings: broadcasterSettings, load: loadBroadcasterConfig },
];

for (const { name, settings, load } of services) {
  test(`.env.example names every setting of ${name}, and ${name} starts with it`, () => {
    for (const setting of Object.keys(settings)) assert.ok(setting in everything, setting);
    load(given);
  });

  test(`what .env.example shows commented out is the default of ${name}`, () => {
    const withoutThreads = { ...everything, [NOT_A_CONSTANT]: undefined };
    assert.deepEqual(load(withoutThreads), load(given));
  });
}

test('the ports and folders that .env.example shows are those of npm start', () => {
  const stores = { DATABASE_URL: given.DATABASE_URL, REDIS_URL: given.REDIS_URL };
  assert.deepEqual(parseStackSettings(everything), parseStackSettings(stores));
});

test('.env.example has every variable of docker-compose.yml, commented out and with its default', () => {
  const defaults = Object.fromEntries([...compose].map(([name]) => [name, shown[name]]));
  assert.deepEqual(defaults, Object.fromEntries(compose));
  assert.ok(compose.size >= 8);
  for (const name of compose.keys()) assert.ok(!(name in given), name);
});

test('.env.example names nothing that does not exist', () => {
  const known = new Set([commandLineSettings, ...services.map(({ settings }) => settings)].flatMap(Object.keys));
  const unknown = Object.keys(everything).filter((name) => !known.has(name) && !name.startsWith('TELLTALE_DEV_'));
  assert.deepEqual(unknown, []);
});
