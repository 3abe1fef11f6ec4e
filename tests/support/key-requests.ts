import { digestOf, type DeviceKey, type SignedDevice } from './signed-device.ts';
import type { RawRequest } from './raw-http.ts';

/** Every part of a request for a new key; each has its default, so that a test changes any one of them alone. */
export interface KeyRequestParts {
  readonly apiKey: string;
  readonly signer: DeviceKey;
  readonly keyId: string;
  readonly publicKey: string;
  readonly notBefore: number;
  readonly notAfter: number;
  /** What the new key signs instead of its own challenge. */
  readonly challenge: string;
  /** Who proves possession instead of the new key. */
  readonly prover: DeviceKey;
  readonly createdS: number;
  readonly nonce: number;
  /** Path that the signature covers. */
  readonly path: string;
  readonly contentType: string;
  readonly body: string;
}

/** Fills the templates of docs/protocol.md, without any code of the verifier. */
export function keyRequest(
  device: SignedDevice,
  newKey: DeviceKey,
  changes: Partial<KeyRequestParts> = {},
): RawRequest {
  const {
    apiKey = device.apiKey.text,
    signer = device.key(),
    keyId = newKey.id,
    publicKey = Buffer.from(newKey.publicKey).toString('base64url'),
    createdS = Math.floor(Date.now() / 1000),
    nonce = device.nextNonce(),
    path = '/v1/keys',
    contentType = 'application/json',
    prover = newKey,
    notBefore,
    notAfter,
  } = changes;
  const limits = [notBefore ?? '-', notAfter ?? '-'];
  const lines = ['telltale-key-v1', 'POST', '/v1/keys', device.id, keyId, publicKey, ...limits, createdS, nonce];
  const signature = Buffer.from(prover.sign(changes.challenge ?? lines.join('\n')), 'base64').toString('base64url');
  const {
    body = JSON.stringify({
      key_id: keyId,
      public_key: publicKey,
      not_before: notBefore,
      not_after: notAfter,
      signature,
    }),
  } = changes;
  const components = '("@method" "@path" "content-type" "content-digest")';
  const names = `keyid="${device.id}/${signer.id}";nonce="${nonce}";alg="ecdsa-p256-sha256";tag="telemetry"`;
  const params = `${components};created=${createdS};${names}`;
  const base = [
    '"@method": POST',
    `"@path": ${path}`,
    `"content-type": ${contentType}`,
    `"content-digest": ${digestOf(body)}`,
    `"@signature-params": ${params}`,
  ].join('\n');
  return {
    method: 'POST',
    target: '/v1/keys',
    fields: [
      ['Host', 'ingest.example'],
      ['X-API-Key', apiKey],
      ['Content-Type', contentType],
      ['Content-Length', String(Buffer.byteLength(body))],
      ['Content-Digest', digestOf(body)],
      ['Signature-Input', `sig1=${params}`],
      ['Signature', `sig1=:${signer.sign(base)}:`],
    ],
    body: Buffer.from(body),
  };
}
