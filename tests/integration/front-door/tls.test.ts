import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { once } from 'node:events';
import { startIngestHere, type RunningIngest } from '../../support/running-ingest.ts';
import { eventually } from '../../support/eventually.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';

const run = promisify(execFile);
let folder: string;
let redis: TestRedis;
let ingest: RunningIngest;
const path = (name: string): string => join(folder, name);

/** A certificate of our own authority, `<name>.pem` and `<name>.key`. */
async function issue(name: string, authority?: string): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path(`${name}.key`)];
  if (authority === undefined) {
    await run('openssl', ['req', '-x509', ...key, '-out', path(`${name}.pem`), '-subj', `/CN=${name}`]);
    return;
  }
  await run('openssl', ['req', ...key, '-out', path(`${name}.csr`), '-subj', `/CN=${name}`]);
  await writeFile(path('ext'), 'subjectAltName=IP:127.0.0.1');
  const signer = ['-CA', path(`${authority}.pem`), '-CAkey', path(`${authority}.key`), '-CAcreateserial'];
  const files = ['-in', path(`${name}.csr`), '-out', path(`${name}.pem`), '-extfile', path('ext')];
  await run('openssl', ['x509', '-req', ...files, ...signer]);
}

async function open(client?: string): Promise<TLSSocket> {
  const ca = await readFile(path('ca.pem'));
  const own =
    client === undefined
      ? {}
      : { cert: await readFile(path(`${client}.pem`)), key: await readFile(path(`${client}.key`)) };
  const socket = connect({ host: '127.0.0.1', port: ingest.port, ca, ...own });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
}

async function nameOnCertificate(): Promise<string> {
  const socket = await open();
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

async function getTime(client?: string): Promise<number | undefined> {
  const ca = await readFile(path('ca.pem'));
  const own =
    client === undefined
      ? {}
      : { cert: await readFile(path(`${client}.pem`)), key: await readFile(path(`${client}.key`)) };
  return await new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: ingest.port, path: '/v1/time', ca, ...own, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

/** As a renewal does it: each file is replaced as a whole, one after the other. */
async function install(name: string): Promise<void> {
  for (const kind of ['key', 'pem']) {
    await copyFile(path(`${name}.${kind}`), path(`new.${kind}`));
    await rename(path(`new.${kind}`), path(`live.${kind}`));
  }
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'telltale-tls-'));
  redis = await startRedis();
  await issue('ca');
  for (const name of ['first', 'second', 'device']) await issue(name, 'ca');
  await issue('stranger');
  await install('first');
  ingest = await startIngestHere(redis.url, {
    TELLTALE_INGEST_TLS_CERT_PATH: path('live.pem'),
    TELLTALE_INGEST_TLS_KEY_PATH: path('live.key'),
    TELLTALE_INGEST_TLS_CLIENT_CA_PATH: path('ca.pem'),
  });
});
after(async () => {
  await ingest[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test('the port speaks TLS with the certificate that it was given', async () => {
  assert.equal(await nameOnCertificate(), 'first');
  assert.equal(await getTime(), 200);
});

test('a client certificate of our authority is taken and one of another authority is not', async () => {
  assert.equal(await getTime('device'), 200);
  await assert.rejects(getTime('stranger'));
});

test('a renewed certificate is taken up without a restart, and a request on an old connection is still answered', async () => {
  const old = await open();
  old.write('POST /v1/telemetry HTTP/1.1\r\nHost: x\r\nContent-Type: application/jose\r\nContent-Length: 5\r\n\r\nab');
  await install('second');
  await eventually(async () => assert.equal(await nameOnCertificate(), 'second'), 15_000);
  let answer = '';
  old.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
  old.write('cde');
  await once(old, 'close');
  // Nobody has projected a registry here; or the old server had waited long enough for the content.
  assert.match(answer, /^HTTP\/1\.1 (?:503|408) /);
});

test('files that do not belong together are not taken up', async () => {
  await copyFile(path('first.key'), path('live.key'));
  await eventually(
    () =>
      assert.ok(
        ingest.log.some((line) => line.includes('cannot be used')),
        'nothing is reported',
      ),
    15_000,
  );
  assert.equal(await nameOnCertificate(), 'second');
  await install('first');
  await eventually(async () => assert.equal(await nameOnCertificate(), 'first'), 15_000);
});

test('a certificate without its key, and a key of another certificate, are start-up errors that name the fix', async () => {
  const start = (settings: Record<string, string>) => startIngestHere(redis.url, settings);
  await assert.rejects(start({ TELLTALE_INGEST_TLS_CERT_PATH: path('live.pem') }), /set both or none/);
  const mixed = { TELLTALE_INGEST_TLS_CERT_PATH: path('first.pem'), TELLTALE_INGEST_TLS_KEY_PATH: path('second.key') };
  await assert.rejects(start(mixed), /is not the key of|key values mismatch/);
});
