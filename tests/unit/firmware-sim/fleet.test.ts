import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { z } from 'zod';
import { openFleet } from '../../../firmware-sim/fleet/fleet.ts';
import { formatManifest } from '../../../firmware-sim/fleet/manifest.ts';
import { placeScenarioFleet } from '../../../firmware-sim/fleet/place-scenario-fleet.ts';
import { reserveNonces } from '../../../firmware-sim/fleet/reserve-nonces.ts';
import { UsageError } from '../../../firmware-sim/usage-error.ts';

function fleetPath(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'telltale-fleet-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'fleets', 'sim.json');
}

function enlist(path: string, count: number) {
  using fleet = openFleet(path);
  return fleet.enlist(placeScenarioFleet(count, 1)).map((device) => structuredClone(device));
}

test('devices keep their keys and places between runs, also when more are added', (context) => {
  const path = fleetPath(context);
  const before = enlist(path, 3);
  const after = enlist(path, 5);
  assert.deepEqual(after.slice(0, 3), before);
  assert.equal(new Set(after.map(({ key }) => key.private_key.d)).size, 5);
  assert.deepEqual(enlist(path, 2), before.slice(0, 2));
});

test('the fleet file is for its owner only', (context) => {
  const path = fleetPath(context);
  enlist(path, 1);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('a nonce never comes again, not even after a crash with the clock gone back', (context) => {
  const path = fleetPath(context);
  const used: number[] = [];
  for (const createdS of [1_734_567_890, 1_734_567_890, 1_734_560_000, 1_734_567_891]) {
    using fleet = openFleet(path);
    const [counter] = reserveNonces(fleet, fleet.enlist(placeScenarioFleet(1, 1)), createdS);
    used.push(counter!.take(), counter!.take());
  }
  assert.deepEqual(
    used,
    [...used].sort((a, b) => a - b),
  );
  assert.equal(new Set(used).size, used.length);
  assert.equal(used[0], 1_734_567_890 * 2 ** 20);
});

test('a counter that has used up its reserve stores a new mark before it goes on', (context) => {
  const path = fleetPath(context);
  {
    using fleet = openFleet(path);
    const [counter] = reserveNonces(fleet, fleet.enlist(placeScenarioFleet(1, 1)), 1_734_567_890);
    counter!.skipAhead(1_734_568_000);
    assert.equal(counter!.take(), 1_734_568_000 * 2 ** 20);
  }
  assert.ok(enlist(path, 1)[0]!.nonce_reserved > 1_734_568_000 * 2 ** 20);
});

test('the manifest holds public keys as uncompressed points and no private key', (context) => {
  const devices = enlist(fleetPath(context), 2);
  const manifest = formatManifest(devices);
  assert.ok(devices.every(({ key }) => !manifest.includes(key.private_key.d)));
  const key = z.object({ id: z.string(), public_key: z.string() });
  const schema = z.object({ devices: z.array(z.object({ api_key: z.string(), keys: z.array(key).length(1) })) });
  const [first] = schema.parse(JSON.parse(manifest)).devices;
  const point = Buffer.from(first!.keys[0]!.public_key, 'base64url');
  assert.equal(point.length, 65);
  assert.equal(point[0], 4);
  const [x, y] = [point.toString('base64url', 1, 33), point.toString('base64url', 33)];
  createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  assert.equal(first!.api_key, devices[0]!.api_key);
});

test('a fleet that another process uses is refused by its name', (context) => {
  const path = fleetPath(context);
  enlist(path, 1);
  writeFileSync(`${path}.lock`, String(process.ppid));
  assert.throws(() => openFleet(path), UsageError);
});

test('the lock of a process that is gone does not hold', (context) => {
  const path = fleetPath(context);
  enlist(path, 1);
  writeFileSync(`${path}.lock`, '4194303');
  assert.equal(enlist(path, 1).length, 1);
});

test('a file that is no fleet is an error and stays as it is', (context) => {
  const path = fleetPath(context);
  enlist(path, 1);
  writeFileSync(path, '{"version":1,"devices":[{}]}');
  assert.throws(() => openFleet(path), /not a fleet file/);
  assert.equal(readFileSync(path, 'utf8'), '{"version":1,"devices":[{}]}');
});
