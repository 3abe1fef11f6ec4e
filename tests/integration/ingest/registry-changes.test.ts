import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { redisChannels } from '../../../contracts/redis-keys.ts';
import { eventually } from '../../support/eventually.ts';
import { openIngestPlatform, type IngestPlatform } from '../../support/ingest-platform.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { send } from '../../support/raw-http.ts';
import { SignedDevice } from '../../support/signed-device.ts';

const EFFECTIVE_WITHIN_MS = 2000;

let platform: IngestPlatform;

before(async () => {
  platform = await openIngestPlatform();
});
after(() => platform[Symbol.asyncDispose]());

const PAST = new Date(Date.now() - 60_000);

/** Keeps the announcements from arriving while something is done. */
async function withoutAnnouncements<T>(work: () => Promise<T>): Promise<T> {
  const done = new AbortController();
  const working = work().finally(() => done.abort());
  const { signal } = done;
  while (!isAborted(signal)) await platform.stores.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  return await working;
}

/** Read through a call: the compiler narrows `signal.aborted` to what it was before the await. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

for (const { manner, run } of [
  { manner: 'by its announcement', run: <T>(work: () => Promise<T>) => work() },
  { manner: 'although its announcement is lost', run: withoutAnnouncements },
]) {
  describe(`a change of the registry is effective within 2 s ${manner}:`, () => {
    test('a disabled device', () =>
      run(async () => {
        const device = await platform.addDevice();
        assertAccepted(await send(platform.port, device.request()), 1);
        await platform.registry.disable(device);
        await eventually(async () => {
          assertProblem(await send(platform.port, device.request()), 403, 'device-disabled');
        }, EFFECTIVE_WITHIN_MS);
      }));

    test('a revoked device key', () =>
      run(async () => {
        const device = await platform.addDevice();
        assertAccepted(await send(platform.port, device.request()), 1);
        await platform.registry.setKeyTime(device, 'device_keys', 'revoked_at', PAST);
        await eventually(async () => {
          assertProblem(await send(platform.port, device.request()), 403, 'key-revoked');
        }, EFFECTIVE_WITHIN_MS);
      }));

    test('a revoked API key', () =>
      run(async () => {
        const device = await platform.addDevice();
        assertAccepted(await send(platform.port, device.request()), 1);
        await platform.registry.setKeyTime(device, 'api_keys', 'revoked_at', PAST);
        await eventually(async () => {
          assertProblem(await send(platform.port, device.request()), 401, 'unauthorized');
        }, EFFECTIVE_WITHIN_MS);
      }));

    test('a device that was unknown when it first called', () =>
      run(async () => {
        const device = new SignedDevice(`new-${manner.length}`);
        assertProblem(await send(platform.port, device.request()), 401, 'unauthorized');
        await platform.registry.register(device);
        await eventually(
          async () => assertAccepted(await send(platform.port, device.request()), 1),
          EFFECTIVE_WITHIN_MS,
        );
      }));
  });
}

test('announcements are heard again after their connection was cut', async () => {
  await withoutAnnouncements(() => platform.addDevice());
  await eventually(async () => {
    const subscribers = await platform.stores.redis.pubsub('NUMSUB', redisChannels.registryChanged);
    assert.equal(subscribers[1], 1);
  });
});
