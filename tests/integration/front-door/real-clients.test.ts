import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { createSigner, httpbis } from 'http-message-signatures';
import { CompactSign } from 'jose';
import { mqttTopics } from '../../../contracts/mqtt-topics.ts';
import { eventually } from '../../support/eventually.ts';
import { openFrontDoors, type FrontDoors } from '../../support/front-doors.ts';
import { CONTENT } from '../../support/sealed-envelopes.ts';

const run = promisify(execFile);
const EXAMPLE = 'examples/esp32';

let doors: FrontDoors;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'telltale-clients-'));
  // One device posts as fast as it can sign.
  doors = await openFrontDoors({ TELLTALE_INGEST_LIMIT_DEVICE_PER_S: '100000' });
});
after(async () => {
  await doors[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test('a library for RFC 9421 that knows nothing of Telltale signs requests that are accepted', async () => {
  const device = await doors.addDevice();
  const key = createSigner(device.key().privateKey, 'ecdsa-p256-sha256', `${device.id}/1`);
  const url = `http://127.0.0.1:${doors.port}/v1/telemetry`;
  const request = {
    method: 'POST',
    url,
    headers: {
      'Content-Type': 'application/senml+json',
      'Content-Digest': `sha-256=:${createHash('sha256').update(CONTENT).digest('base64')}:`,
    },
  };
  const params = ['created', 'keyid', 'nonce', 'alg', 'tag'];
  const sign = (nonce: number, fields: string[]) =>
    httpbis.signMessage({ key, fields, params, paramValues: { nonce: String(nonce), tag: 'telemetry' } }, request);
  const post = async (headers: Record<string, string | string[]>) => {
    const fields = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
    return fetch(url, { method: 'POST', headers: [...fields, ['X-API-Key', device.apiKey.text]], body: CONTENT });
  };
  const covered = ['@method', '@path', 'content-type', 'content-digest'];
  for (let i = 0; i < 20; i += 1) {
    const { headers } = await sign(device.nextNonce(), covered);
    assert.equal((await post(headers)).status, 202);
  }
  const { headers } = await sign(device.nextNonce(), covered.slice(0, 3));
  assert.equal((await post(headers)).status, 401);
});

test('mosquitto_pub publishes a JWS that jose signed, and its receipt says that it is accepted', async () => {
  const device = await doors.addDevice();
  const nonce = String(device.nextNonce());
  const header = {
    alg: 'ES256',
    kid: `${device.id}/1`,
    created: Math.floor(Date.now() / 1000),
    nonce,
    cty: 'application/senml+json',
    typ: 'telemetry',
  };
  const jws = await new CompactSign(CONTENT).setProtectedHeader(header).sign(device.key().privateKey);
  const port = new URL(doors.broker.url).port;
  const topic = mqttTopics.telemetry(device.id);
  await run('mosquitto_pub', ['-h', '127.0.0.1', '-p', port, '-q', '1', '-t', topic, '-m', jws]);
  const receipt = await eventually(() => {
    const [first] = doors.receiptsOf(device.id);
    assert.notEqual(first, undefined);
    return first;
  });
  assert.deepEqual(receipt, { nonce, status: 202, accepted: 1 });
});

test('the C example signs with mbedTLS and posts, and every one of its signatures is good', async () => {
  const device = await doors.addDevice();
  const program = join(folder, 'post');
  const sources = ['telltale.c', 'post.c'].map((file) => join(EXAMPLE, file));
  await run('cc', [
    '-std=c99',
    '-D_POSIX_C_SOURCE=200809L',
    '-Wall',
    '-Wextra',
    '-Werror',
    ...sources,
    '-lmbedcrypto',
    '-o',
    program,
  ]);
  const pem = join(folder, 'key.pem');
  await writeFile(pem, device.key().privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  const post = async (content: string, extra: readonly string[] = []) => {
    const args = ['127.0.0.1', String(doors.port), device.id, '1', pem, device.apiKey.text, content, ...extra];
    try {
      return { code: 0, ...(await run(program, args)) };
    } catch (error) {
      return error as { code: number; stdout: string; stderr: string };
    }
  };
  const createdS = Math.floor(Date.now() / 1000);
  let last = createdS * 2 ** 20;
  // Half of the halves of a signature have their highest bit set, and one in 256 is a byte shorter: DER has each form.
  for (let i = 0; i < 300; i += 1) {
    const { code, stdout } = await post(`[{"n":"pga","u":"m/s2","v":${i},"t":${-i}}]`, [
      String(createdS),
      String(last),
    ]);
    assert.equal(code, 0, stdout);
    last += 1;
  }
  const refused = await post('{"not":"a pack"}', [String(createdS), String(last)]);
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /schema-invalid/);
});
