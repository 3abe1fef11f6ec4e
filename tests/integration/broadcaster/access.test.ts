import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SignJWT, type JWK } from 'jose';
import { WebSocket } from 'ws';
import { AlertClient } from '../../../clients/js/src/index.ts';
import { BEARER_SUBPROTOCOL_PREFIX, SUBPROTOCOL } from '../../../contracts/alert-stream.ts';
import { createLogger } from '../../../platform/log/logger.ts';
import { TokenVerifier } from '../../../services/broadcaster/access/token-verifier.ts';
import { openSigningKeys, type SigningKeys } from '../../../cli/tokens/signing-keys.ts';
import type { AlertSubscriber } from '../../support/alert-subscriber.ts';
import { ALL } from '../../support/alert-subscriber.ts';
import { TestAlertLog } from '../../support/alert-log.ts';
import { eventually } from '../../support/eventually.ts';
import { startProgram } from '../../support/process.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { startBroadcasterProcess, type RunningBroadcaster } from '../../support/running-broadcaster.ts';

let folder: string;
let keys: SigningKeys;
let server: TestRedis;
let broadcaster: RunningBroadcaster;
let log: TestAlertLog;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'telltale-tokens-'));
  keys = await openSigningKeys(folder, false);
  server = await startRedis();
  broadcaster = await startBroadcasterProcess(server.url, {
    TELLTALE_BROADCASTER_JWKS_PATH: keys.jwksPath,
    TELLTALE_BROADCASTER_MAX_PER_ACCOUNT: '3',
    TELLTALE_BROADCASTER_MAX_PER_ADDRESS: '12',
  });
  log = new TestAlertLog(server.url);
});
after(async () => {
  log[Symbol.dispose]();
  await broadcaster[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

interface TokenChanges {
  readonly key?: SigningKeys['privateKey'];
  readonly keyId?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
}

async function mint({ key = keys.privateKey, keyId = keys.keyId, claims = {} }: TokenChanges = {}): Promise<string> {
  const nowS = Math.floor(Date.now() / 1000);
  return await new SignJWT({ sub: 'app', aud: 'telltale-alerts', exp: nowS + 60, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: keyId })
    .sign(key);
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

async function opened(): Promise<AlertSubscriber> {
  const subscriber = await broadcaster.open();
  assert.equal((await subscriber.told('hello')).token_required, true);
  return subscriber;
}

async function ended(...subscribers: readonly AlertSubscriber[]): Promise<void> {
  for (const subscriber of subscribers) {
    subscriber.socket.close();
    await subscriber.closed;
  }
  await eventually(async () => assert.equal(await broadcaster.metric('ws_connections'), 0));
}

test('a token in the first message or among the subprotocols lets a subscriber in, and is not told back', async () => {
  const first = await opened();
  first.say({ type: 'authenticate', token: await mint() });
  assert.equal((await first.told('authenticated')).account, 'app');
  first.say({ type: 'subscribe', filters: ALL });
  await first.told('live');
  const token = await mint({ claims: { sub: 'page' } });
  const second = await broadcaster.open([SUBPROTOCOL, `${BEARER_SUBPROTOCOL_PREFIX}${token}`]);
  // The token is still being checked.
  second.say({ type: 'subscribe' });
  assert.equal(second.socket.protocol, SUBPROTOCOL);
  assert.equal((await second.told('authenticated')).account, 'page');
  await second.told('live');
  await log.append('raised', { subject: 'actual', status: 'Actual' });
  for (const subscriber of [first, second]) await eventually(() => assert.equal(subscriber.frames.length, 1));
  await ended(first, second);
});

const forged: readonly (readonly [string, () => Promise<string> | string, RegExp])[] = [
  ['no token at all', () => 'hello', /no JWT/],
  [
    'a token of another key',
    () => mint({ key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey as never }),
    /signature/,
  ],
  ['a key that is not known', () => mint({ keyId: 'another' }), /kid/],
  ['another audience', () => mint({ claims: { aud: 'telltale-api' } }), /aud/],
  ['no audience', () => mint({ claims: { aud: undefined } }), /aud/],
  ['no end', () => mint({ claims: { exp: undefined } }), /exp/],
  ['no account', () => mint({ claims: { sub: undefined } }), /sub/],
  ['an empty account', () => mint({ claims: { sub: '' } }), /sub/],
  ['a beginning that is to come', () => mint({ claims: { nbf: Math.floor(Date.now() / 1000) + 60 } }), /nbf/],
  [
    'the algorithm "none"',
    () => `${part({ alg: 'none' })}.${part({ sub: 'app', aud: 'telltale-alerts', exp: 9e9 })}.`,
    /ES256|JWT|signature/,
  ],
  [
    'the public key as a secret',
    async () => {
      const [jwk] = (JSON.parse(await readFile(keys.jwksPath, 'utf8')) as { keys: JWK[] }).keys;
      return await new SignJWT({ sub: 'app', aud: 'telltale-alerts', exp: 9e9 })
        .setProtectedHeader({ alg: 'HS256', kid: keys.keyId })
        .sign(Buffer.from(JSON.stringify(jwk)));
    },
    /ES256/,
  ],
  [
    'a changed claim',
    async () => {
      const [head, , signature] = (await mint()).split('.');
      return `${head}.${part({ sub: 'admin', aud: 'telltale-alerts', exp: 9e9 })}.${signature}`;
    },
    /signature/,
  ],
];

for (const [what, token, why] of forged) {
  test(`${what} lets nobody in`, async () => {
    const subscriber = await opened();
    subscriber.say({ type: 'authenticate', token: await token() });
    assert.equal(await subscriber.closed, 1008);
    const error = await subscriber.told('error');
    assert.equal(error.code, 'unauthorized');
    assert.match(error.detail, why);
    const reply = await fetch(`${broadcaster.httpUrl}/v1/alerts/active`, {
      headers: { authorization: `Bearer ${await token()}` },
    });
    assert.equal(reply.status, 401);
  });
}

test('a token without an end that makes sense is good for as long as there are dates, and ends nobody else', async () => {
  for (const exp of [9_999_999_999_999, Number.MAX_SAFE_INTEGER, 1e300]) {
    const subscriber = await opened();
    subscriber.say({ type: 'authenticate', token: await mint({ claims: { exp } }) });
    subscriber.say({ type: 'subscribe', filters: ALL });
    assert.match((await subscriber.told('authenticated')).expires_at, /^9999/);
    await subscriber.told('live');
    await ended(subscriber);
  }
});

test('the client for JavaScript is let in with its token, by socket and over HTTP', async () => {
  const client = new AlertClient({
    url: broadcaster.url,
    WebSocket,
    filters: [{ status: ['Test'] }],
    token: () => mint({ claims: { sub: 'client' } }),
  });
  const problems: unknown[] = [];
  client.on('problem', (problem) => problems.push(problem));
  const subjects: string[] = [];
  client.on('alert', ({ subject }) => subjects.push(subject));
  await eventually(() => assert.equal(client.state, 'live'));
  await log.append('raised', { subject: 'for-the-client' });
  await eventually(() => assert.deepEqual(subjects, ['for-the-client']));
  assert.ok((await client.active()).alerts.some(({ subject }) => subject === 'for-the-client'));
  assert.deepEqual(problems, []);
  client.close();
  await eventually(async () => assert.equal(await broadcaster.metric('ws_connections'), 0));
});

test('a file of keys that nobody could sign for, or that tells a secret, is refused at the start', async () => {
  const { keys: published } = JSON.parse(await readFile(keys.jwksPath, 'utf8')) as { keys: readonly JWK[] };
  const secret = JSON.parse(await readFile(join(folder, 'signing-key.json'), 'utf8')) as JWK;
  const path = join(folder, 'bad-jwks.json');
  for (const [bad, why] of [
    [[secret], /private key/],
    [[published[0], published[0]], /one kid/],
    [[{ ...published[0], x: published[0]!.y, y: published[0]!.x }], /JWKS/],
  ] as const) {
    await writeFile(path, JSON.stringify({ keys: bad }));
    assert.throws(
      () => new TokenVerifier({ jwksPath: path, audience: 'a', issuer: undefined }, createLogger('test', 'silent')),
      why,
    );
  }
});

test('without a token nothing is told, and after 5 s the connection is ended; over HTTP it is refused at once', async () => {
  const silent = await opened();
  const eager = await opened();
  eager.say({ type: 'subscribe', filters: ALL });
  assert.equal(await eager.closed, 1008);
  await log.append('raised', { subject: 'secret', status: 'Actual' });
  const asked = await fetch(`${broadcaster.httpUrl}/v1/alerts/active`, {
    method: 'OPTIONS',
    headers: { origin: broadcaster.httpUrl, 'access-control-request-headers': 'authorization' },
  });
  assert.equal(asked.status, 204);
  assert.equal(asked.headers.get('access-control-allow-origin'), broadcaster.httpUrl);
  assert.match(asked.headers.get('access-control-allow-headers') ?? '', /authorization/);
  for (const path of ['/v1/alerts/active', '/alerts/stream', '/v1/alerts/feed.atom', '/v1/alerts/some/cap']) {
    const reply = await fetch(`${broadcaster.httpUrl}${path}`);
    assert.equal(reply.status, 401, path);
    assert.equal(reply.headers.get('www-authenticate'), 'Bearer');
  }
  assert.equal(await silent.closed, 1008);
  assert.equal((await silent.told('error')).code, 'unauthorized');
  assert.deepEqual([...silent.frames, ...eager.frames], []);
});

test('a resume is nothing without a token, and with one it is told what came since', async () => {
  const before = await opened();
  before.say({ type: 'authenticate', token: await mint() });
  before.say({ type: 'subscribe', filters: ALL });
  const { epoch, cursor } = await before.told('live');
  await log.append('raised', { subject: 'missed', status: 'Actual' });
  await eventually(() => assert.equal(before.frames.length, 1));
  const stranger = await opened();
  stranger.say({ type: 'resume', epoch, cursor });
  assert.equal(await stranger.closed, 1008);
  assert.equal((await stranger.told('error')).code, 'unauthorized');
  assert.deepEqual(stranger.frames, []);
  const known = await opened();
  known.say({ type: 'authenticate', token: await mint() });
  known.say({ type: 'resume', epoch, cursor });
  await eventually(() => assert.deepEqual(known.frames, before.frames));
  await ended(before, known);
});

test('a token that ends ends the connection, unless another one has come', async () => {
  const inS = (seconds: number) => ({ exp: Math.floor(Date.now() / 1000) + seconds });
  // The clock of whoever made a token may be 5 s behind.
  const ending = await opened();
  ending.say({ type: 'authenticate', token: await mint({ claims: inS(-3) }) });
  const renewed = await opened();
  renewed.say({ type: 'authenticate', token: await mint({ claims: inS(-3) }) });
  await renewed.told('authenticated');
  renewed.say({ type: 'authenticate', token: await mint({ claims: inS(60) }) });
  renewed.say({ type: 'subscribe', filters: ALL });
  await renewed.told('live');
  assert.equal(await ending.closed, 1008);
  assert.equal((await ending.told('error')).code, 'token-expired');
  await log.append('raised', { subject: 'late' });
  await eventually(() => assert.equal(renewed.frames.length, 1));
  const late = await opened();
  late.say({ type: 'authenticate', token: await mint({ claims: inS(-10) }) });
  assert.equal(await late.closed, 1008);
  assert.equal((await late.told('error')).code, 'token-expired');
  await ended(renewed);
});

test('a key that is taken out of the file ends the connections of its tokens, and a new one is good at once', async () => {
  const before = await opened();
  before.say({ type: 'authenticate', token: await mint() });
  await before.told('authenticated');
  await cp(folder, `${folder}-new`, { recursive: true });
  const renewed = await openSigningKeys(`${folder}-new`, true);
  const both = await readFile(renewed.jwksPath, 'utf8');
  await writeFile(keys.jwksPath, both);
  const token = await mint({ key: renewed.privateKey, keyId: renewed.keyId, claims: { sub: 'other' } });
  await eventually(async () => {
    const reply = await fetch(`${broadcaster.httpUrl}/v1/alerts/active`, {
      headers: { authorization: `Bearer ${token}` },
    });
    assert.equal(reply.status, 200);
  });
  assert.equal(before.socket.readyState, before.socket.OPEN);
  const { keys: published } = JSON.parse(both) as { keys: readonly JWK[] };
  await writeFile(keys.jwksPath, 'not JSON');
  await writeFile(keys.jwksPath, JSON.stringify({ keys: published.filter(({ kid }) => kid === renewed.keyId) }));
  assert.equal(await before.closed, 1008);
  keys = { ...renewed, jwksPath: keys.jwksPath };
  await rm(`${folder}-new`, { recursive: true });
});

test('an account and an address have so many connections, and may have another one when one has ended', async () => {
  const mine: AlertSubscriber[] = [];
  for (let index = 0; index < 3; index += 1) {
    const subscriber = await opened();
    subscriber.say({ type: 'authenticate', token: await mint() });
    await subscriber.told('authenticated');
    mine.push(subscriber);
  }
  const fourth = await opened();
  fourth.say({ type: 'authenticate', token: await mint() });
  assert.equal(await fourth.closed, 1008);
  assert.equal((await fourth.told('error')).code, 'too-many-connections');
  mine[0]!.socket.close();
  await mine[0]!.closed;
  const again = await opened();
  again.say({ type: 'authenticate', token: await mint() });
  await again.told('authenticated');

  await eventually(async () => assert.equal(await broadcaster.metric('ws_connections'), 3));
  const others = await Promise.all(Array.from({ length: 9 }, () => opened()));
  await assert.rejects(broadcaster.open(), /429/);
  others[0]!.socket.close();
  await others[0]!.closed;
  await eventually(() => broadcaster.open());
});

test('a broadcaster that nobody could listen to does not start, and says what to set', async () => {
  for (const [settings, why] of [
    [{}, /TELLTALE_BROADCASTER_JWKS_PATH.*TELLTALE_BROADCASTER_PUBLIC=true/],
    [{ TELLTALE_BROADCASTER_PUBLIC: 'true', TELLTALE_BROADCASTER_JWKS_PATH: keys.jwksPath }, /keep one/],
    [{ TELLTALE_BROADCASTER_JWKS_PATH: join(folder, 'none.json') }, /no JWKS.*telltale token/],
    [{ TELLTALE_BROADCASTER_JWKS_PATH: join(folder, 'signing-key.json') }, /no JWKS/],
    [{ TELLTALE_BROADCASTER_PUBLIC: 'true', TELLTALE_BROADCASTER_ORIGINS: 'example.org' }, /origin/],
  ] as const) {
    await using program = await startProgram('services/broadcaster/main.js', [], {
      REDIS_URL: server.url,
      ...settings,
    });
    const { code } = await program.running.exited;
    assert.notEqual(code, 0);
    assert.match(program.running.lastLines(Infinity).join(' '), why);
  }
});
