import assert from 'node:assert/strict';
import { createHash, createPrivateKey, createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import { parseSignatureClaim, signatureBase } from '../../../../contracts/http-signature.ts';
import { createBenchFleet } from '../../../../scripts/bench/load/bench-fleet.ts';
import { signRequests } from '../../../../scripts/bench/load/sign-requests.ts';

const devices = createBenchFleet(7);
const keys = new Map(
  devices.map(({ id, key }) => [id, createPublicKey(createPrivateKey({ key: key.private_key, format: 'jwk' }))]),
);

function parseRequest(request: Buffer) {
  const [head = '', content = ''] = request.toString('latin1').split('\r\n\r\n');
  const [line, ...fields] = head.split('\r\n');
  const headers = new Map(fields.map((field) => [field.split(': ')[0], field.slice(field.indexOf(': ') + 2)]));
  const claim = parseSignatureClaim({
    signatureInput: headers.get('Signature-Input') ?? '',
    signature: headers.get('Signature') ?? '',
    contentDigest: headers.get('Content-Digest') ?? '',
  });
  assert.ok(claim.ok);
  return { line, headers, content, claim: claim.value };
}

test('every request is signed, a device has one connection, and its nonces ascend by one', async () => {
  const stop = new AbortController().signal;
  const byConnection = await signRequests(devices, { connections: 3, requests: 10, host: 'localhost', stop });
  assert.equal(byConnection.length, 3);
  const lastNonce = new Map<string, number>();
  const connectionOf = new Map<string, number>();
  for (const [connection, requests] of byConnection.entries()) {
    assert.ok(requests.length >= 10);
    for (const request of requests) {
      const { line, headers, content, claim } = parseRequest(request);
      const { deviceId } = claim.keyName;
      assert.equal(line, 'POST /v1/telemetry HTTP/1.1');
      assert.equal(headers.get('Content-Length'), String(content.length));
      assert.equal(claim.digestBase64, createHash('sha256').update(content).digest('base64'));
      const base = signatureBase(headers.get('Content-Type') ?? '', claim.contentDigest, claim.signatureParams);
      const signature = Buffer.from(claim.signatureBase64, 'base64');
      const key = keys.get(deviceId);
      assert.ok(key !== undefined);
      assert.ok(verify('sha256', Buffer.from(base), { key, dsaEncoding: 'ieee-p1363' }, signature));
      assert.equal(connectionOf.get(deviceId) ?? connection, connection);
      connectionOf.set(deviceId, connection);
      const last = lastNonce.get(deviceId);
      if (last !== undefined) assert.equal(claim.nonce, last + 1);
      lastNonce.set(deviceId, claim.nonce);
    }
  }
  assert.equal(lastNonce.size, devices.length);
});

test('signing ends when it is asked to stop', async () => {
  const stop = AbortSignal.abort('SIGINT');
  await assert.rejects(
    signRequests(devices, { connections: 3, requests: 10, host: 'localhost', stop }),
    (reason) => reason === 'SIGINT',
  );
});
