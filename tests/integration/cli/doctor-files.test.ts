import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { broadcasterSettings } from '../../../services/broadcaster/config.ts';
import { ingestSettings } from '../../../services/ingest/config.ts';
import { workerSettings } from '../../../services/worker/config.ts';
import { runTelltale } from '../../support/command-line.ts';
import { assertFinds, diagnose } from '../../support/doctor.ts';
import type { ServiceSettings } from '../../support/process.ts';

const run = promisify(execFile);
const JWKS = 'TELLTALE_BROADCASTER_JWKS_PATH';
const CERT = 'TELLTALE_INGEST_TLS_CERT_PATH';
const KEY = 'TELLTALE_INGEST_TLS_KEY_PATH';
const CA = 'TELLTALE_INGEST_TLS_CLIENT_CA_PATH';

let folder: string;
const path = (name: string): string => join(folder, name);
const lookAt = (settings: ServiceSettings) => diagnose({ TELLTALE_BROADCASTER_PUBLIC: 'true', ...settings });

async function issue(name: string): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path(`${name}.key`)];
  await run('openssl', ['req', '-x509', ...key, '-out', path(`${name}.pem`), '-subj', `/CN=${name}`]);
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'telltale-doctor-files-'));
  await Promise.all([issue('ingest'), issue('other')]);
  await runTelltale(['token', '--dir', path('tokens')], {});
});
after(() => rm(folder, { recursive: true }));

test('every setting that names a file is looked at: its name, the file and what to do', async () => {
  const names = Object.keys({ ...ingestSettings, ...workerSettings, ...broadcasterSettings });
  const files = names.filter((name) => name.endsWith('_PATH'));
  assert.deepEqual(files.sort(), [JWKS, CERT, CA, KEY].sort(), 'a new one is in this test too');
  const naming = (file: string) =>
    lookAt({
      TELLTALE_BROADCASTER_PUBLIC: 'false',
      ...Object.fromEntries(files.map((name) => [name, file])),
    });
  const [missing, unreadable] = [await naming(path('none')), await naming(folder)];
  for (const name of files) {
    assertFinds(missing, 'settings', 'problem', {
      found: new RegExp(`^${name}: there is no file ${path('none')}$`),
      fix: new RegExp(`put it there, or correct ${name}${name === JWKS ? '; "telltale token" makes one' : '$'}`),
    });
    assertFinds(unreadable, 'settings', 'problem', {
      found: new RegExp(`^${name}: ${folder} cannot be read \\(EISDIR.*\\)`),
      fix: new RegExp(`let the user of the service read it, or correct ${name}`),
    });
  }
  assert.equal(missing.checks.filter(({ check }) => check === 'settings').length, files.length);
});

test('files that can be read and that their service cannot use', async () => {
  await writeFile(path('empty.json'), '{"keys":[]}');
  for (const [file, why] of [
    ['empty.json', 'keys: '],
    ['ingest.pem', 'JSON'],
    ['tokens/signing-key.json', 'keys: '],
  ] as const) {
    const diagnosis = await lookAt({ TELLTALE_BROADCASTER_PUBLIC: 'false', [JWKS]: path(file) });
    assertFinds(diagnosis, 'settings', 'problem', {
      found: new RegExp(`^${JWKS}: ${path(file)} is no JWKS of P-256 keys with a kid each \\(.*${why}`),
      fix: /"telltale token" makes one/,
    });
  }
  const fix = /a certificate and its key/;
  assertFinds(await lookAt({ [CERT]: path('ingest.pem'), [KEY]: path('other.key') }), 'settings', 'problem', {
    found: new RegExp(`^${CERT}.*other\\.key is not the key of .*ingest\\.pem`),
    fix,
  });
  assertFinds(await lookAt({ [CERT]: path('ingest.key'), [KEY]: path('ingest.key') }), 'settings', 'problem', {
    found: new RegExp(`^${CERT}.*cannot be used: `),
    fix,
  });
  assertFinds(await lookAt({ [CERT]: path('ingest.pem') }), 'settings', 'problem', {
    found: new RegExp(`of ${CERT} and ${KEY} one is missing`),
    fix: /set both or none/,
  });
});

test('files that their services can use are no finding', async () => {
  const { checks } = await lookAt({
    TELLTALE_BROADCASTER_PUBLIC: 'false',
    [JWKS]: path('tokens/jwks.json'),
    [CERT]: path('ingest.pem'),
    [KEY]: path('ingest.key'),
    [CA]: path('other.pem'),
  });
  assert.deepEqual(
    checks.filter(({ check }) => check === 'settings').map(({ level }) => level),
    ['ok'],
  );
});
