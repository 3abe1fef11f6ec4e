import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'node:test';
import { SignJWT } from 'jose';
import { createApiKey } from '../../core/identity/api-key.ts';
import { createEnrolmentToken } from '../../core/identity/enrolment-token.ts';
import { openSubscriber } from '../support/alert-subscriber.ts';
import { SERVICES, startPlatform } from '../support/platform.ts';
import { findSecret, plantSecret } from '../support/secrets.ts';
import { startFleet } from '../support/simulated-fleet.ts';

const signature = randomBytes(64);

for (const [what, line] of [
  ['an API key', `{"msg":"${createApiKey(randomBytes).text}"}`],
  ['an enrolment token', `token ${createEnrolmentToken(randomBytes)}`],
  ['a signature', `sig1=:${signature.toString('base64')}:`],
  ['a signature', `"signature":"${signature.toString('base64url')}"`],
  ['a private key', '-----BEGIN PRIVATE KEY-----'],
  ['a password in a URL', 'cannot reach redis://:secret@127.0.0.1:6379'],
  ['readings', '[{"n":"pga","u":"m/s2","v":0.42}]'],
] as const) {
  test(`a log line with ${what} would be found: ${line.slice(0, 12)}`, () => assert.equal(findSecret(line), what));
}

test('no log has a key, a token, a payload, a signature or a password, whatever is sent and whatever breaks', async () => {
  const platform = await startPlatform({ TELLTALE_LOG_LEVEL: 'trace' });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwt = await new SignJWT({ sub: 'app' }).setProtectedHeader({ alg: 'ES256', kid: 'k' }).sign(privateKey);
  const enrolment = createEnrolmentToken(randomBytes);
  const planted = `planted-${randomBytes(8).toString('hex')}`;
  assert.equal(findSecret(jwt), 'a JWT or JWS');
  for (const secret of [jwt, enrolment, planted, new URL(platform.stores.redisUrl).password]) plantSecret(secret);
  try {
    await using fleet = await startFleet(platform, ['--devices', '10', '--duration', '5', '--attack', 'mix']);
    const post = (path: string, body: string, headers: Readonly<Record<string, string>> = {}) =>
      fetch(`${platform.ingestUrl}${path}`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', ...headers },
      });
    await post('/v1/enrolments', JSON.stringify({ token: enrolment, device_id: planted }));
    await post('/v1/enrolments', `{"token":"${planted}`);
    await post('/v1/telemetry', planted, { 'x-api-key': planted, 'content-digest': planted, signature: planted });
    await post(`/v1/${planted}`, planted);
    using subscriber = await openSubscriber(platform.alertsUrl);
    subscriber.say({ type: 'authenticate', token: jwt });
    subscriber.say({ type: planted });
    subscriber.socket.send(`{"token":"${planted}"`);
    await fetch(`${platform.alertsUrl.replace('ws:', 'http:').replace('/ws/alerts', '/v1/alerts/active')}?${planted}`, {
      headers: { authorization: `Bearer ${jwt}` },
    });
    await delay(1500);
    await platform.redis.kill9();
    await delay(500);
    await platform.redis.restart();
    await fleet.outcome();
    const logged = SERVICES.map((service) => platform.service(service).running.lastLines(Infinity).join(''));
    for (const text of logged) assert.match(text, /"level":(10|20|40|50)/);
  } finally {
    // Fails when any line of any of them had a secret.
    await platform[Symbol.asyncDispose]();
  }
});
