import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parseSignatureClaim } from '../../../contracts/http-signature.ts';
import { parseDeviceRecord } from '../../../contracts/registry.ts';
import { decideClaim } from '../../../services/ingest/identify/decide-claim.ts';
import { openIngestPlatform, type IngestPlatform } from '../../support/ingest-platform.ts';
import { assertAccepted, assertProblem } from '../../support/problem-assertions.ts';
import { fieldOf, send } from '../../support/raw-http.ts';
import { SignedDevice, type RequestParts } from '../../support/signed-device.ts';

const LATE_S = 120;
const EARLY_S = 10;

let platform: IngestPlatform;
let device: SignedDevice;

before(async () => {
  platform = await openIngestPlatform({
    TELLTALE_INGEST_FRESHNESS_LATE_S: String(LATE_S),
    TELLTALE_INGEST_FRESHNESS_EARLY_S: String(EARLY_S),
  });
  device = await platform.addDevice();
});
after(() => platform[Symbol.asyncDispose]());

const nowS = () => Math.floor(Date.now() / 1000);

test('a request from inside the window is accepted on both sides', async () => {
  assertAccepted(await send(platform.port, device.request({ createdS: nowS() - LATE_S + 5 })), 1);
  assertAccepted(await send(platform.port, device.request({ createdS: nowS() + EARLY_S })), 1);
});

for (const { name, offsetS, maxSkewS } of [
  { name: 'too old', offsetS: -LATE_S - 1, maxSkewS: LATE_S },
  { name: 'ten minutes old', offsetS: -600, maxSkewS: LATE_S },
  { name: 'from the future', offsetS: EARLY_S + 5, maxSkewS: EARLY_S },
  { name: 'from a century ago', offsetS: -1_700_000_000, maxSkewS: LATE_S },
  { name: 'from another millennium', offsetS: 900_000_000_000_000, maxSkewS: EARLY_S },
]) {
  test(`a request that is ${name} is told the server's time and the limit`, async () => {
    const beforeS = Date.now() / 1000;
    const response = await send(platform.port, device.request({ createdS: nowS() + offsetS }));
    const problem = assertProblem(response, 403, 'timestamp-skew');
    assert.ok(typeof problem.server_time === 'number');
    assert.ok(problem.server_time >= beforeS && problem.server_time <= Date.now() / 1000);
    assert.equal(problem.max_skew_seconds, maxSkewS);
  });
}

const withExpires = (expires: number): Partial<RequestParts> => {
  const createdS = nowS();
  const covered = '("@method" "@path" "content-type" "content-digest")';
  const rest = `keyid="${device.id}/1";nonce="${device.nextNonce()}";alg="ecdsa-p256-sha256";tag="telemetry"`;
  return { signatureParams: `${covered};created=${createdS};expires=${expires};${rest}` };
};

test('expires is honoured: a signature may end earlier than the window', async () => {
  assertAccepted(await send(platform.port, device.request(withExpires(nowS() + 5))), 1);
  for (const expires of [nowS() - 1, 0, -1]) {
    assertProblem(await send(platform.port, device.request(withExpires(expires))), 403, 'timestamp-skew');
  }
});

test('the borders of the window belong to it, to the millisecond', () => {
  const created = 1_734_567_891;
  const request = new SignedDevice('dev').request({ createdS: created });
  const claim = parseSignatureClaim({
    signatureInput: fieldOf(request, 'Signature-Input'),
    signature: fieldOf(request, 'Signature'),
    contentDigest: fieldOf(request, 'Content-Digest'),
  });
  const record = {
    id: 'dev',
    class: 'fixed',
    disabled: false,
    site: null,
    owner: null,
    position: null,
    zones: [],
    keys: {},
    metrics: {},
  };
  assert.ok(claim.ok);
  const decide = (nowMs: number) =>
    decideClaim(
      parseDeviceRecord(JSON.stringify(record)),
      claim.value,
      { receivedMs: nowMs, mayBeHeld: false },
      { lateMs: 300_000, earlyMs: 30_000, holdMs: 86_400_000 },
    )?.code;
  assert.equal(decide(created * 1000 + 300_000), undefined);
  assert.equal(decide(created * 1000 + 300_001), 'timestamp-skew');
  assert.equal(decide(created * 1000 - 30_000), undefined);
  assert.equal(decide(created * 1000 - 30_001), 'timestamp-skew');
});
