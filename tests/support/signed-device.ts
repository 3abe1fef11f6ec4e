import { createHash, createPrivateKey, randomBytes, sign, type KeyObject } from 'node:crypto';
import { createApiKey } from '../../core/identity/api-key.ts';
import { createSigningKey } from '../../firmware-sim/fleet/create-signing-key.ts';
import { parsePublicKey } from '../../platform/crypto/p256-key.ts';
import type { DeviceKeyRegistration, DeviceRegistration } from '../../platform/postgres/registry-store.ts';
import type { RawRequest } from './raw-http.ts';

/** Every part of a request. Each has its default from the ones before it, so that a test changes any one of them alone. */
export interface RequestParts {
  readonly apiKey: string;
  readonly contentType: string;
  readonly body: Uint8Array | string;
  readonly contentDigest: string;
  /** Unix seconds. */
  readonly createdS: number | string;
  /** `<device id>/<key id>` */
  readonly keyId: string;
  readonly nonce: number | string;
  readonly components: string;
  readonly alg: string;
  readonly tag: string;
  /** Value of the Signature-Input member. */
  readonly signatureParams: string;
  /** What the last line of the signature base repeats. */
  readonly signedParams: string;
  readonly signatureInput: string;
  readonly signature: string;
}

/** A key of a device, private half included. */
export class DeviceKey {
  readonly id: string;
  readonly publicKey: Uint8Array;
  readonly privateKey: KeyObject;

  constructor(id: string) {
    this.id = id;
    const key = createSigningKey();
    this.publicKey = Buffer.concat([Buffer.of(4), Buffer.from(key.x, 'base64url'), Buffer.from(key.y, 'base64url')]);
    this.privateKey = createPrivateKey({ key, format: 'jwk' });
  }

  /** r and s, 64 bytes, base64. */
  sign(text: string): string {
    const key = { key: this.privateKey, dsaEncoding: 'ieee-p1363' } as const;
    return sign('sha256', Buffer.from(text, 'latin1'), key).toString('base64');
  }

  registration(): DeviceKeyRegistration {
    const parsed = parsePublicKey(this.publicKey);
    if (!parsed.ok) throw new Error(parsed.error);
    return { id: this.id, publicKey: this.publicKey, thumbprint: parsed.value.thumbprint };
  }
}

const ONE_READING = '[{"n":"pga","u":"m/s2","v":0.42}]';
const COMPONENTS = '("@method" "@path" "content-type" "content-digest")';

export function digestOf(body: Uint8Array | string): string {
  return `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
}

/** A device that fills the template of docs/protocol.md, without any code of the verifier. */
export class SignedDevice {
  readonly id: string;
  readonly apiKey = createApiKey(randomBytes);
  readonly keys: readonly DeviceKey[];
  #lastNonce = Math.floor(Date.now() / 1000) * 2 ** 20;

  constructor(id: string, keyIds: readonly string[] = ['1']) {
    this.id = id;
    this.keys = keyIds.map((keyId) => new DeviceKey(keyId));
  }

  key(id = '1'): DeviceKey {
    const key = this.keys.find((candidate) => candidate.id === id);
    if (key === undefined) throw new Error(`${this.id} has no key ${id}`);
    return key;
  }

  nextNonce(): number {
    this.#lastNonce += 1;
    return this.#lastNonce;
  }

  request(changes: Partial<RequestParts> = {}, key = this.key()): RawRequest {
    const body = changes.body ?? ONE_READING;
    const {
      apiKey = this.apiKey.text,
      contentType = 'application/senml+json',
      contentDigest = digestOf(body),
      createdS = Math.floor(Date.now() / 1000),
      keyId = `${this.id}/${key.id}`,
      nonce = this.nextNonce(),
      components = COMPONENTS,
      alg = 'ecdsa-p256-sha256',
      tag = 'telemetry',
    } = changes;
    const {
      signatureParams = `${components};created=${createdS};keyid="${keyId}";nonce="${nonce}";alg="${alg}";tag="${tag}"`,
    } = changes;
    const base = [
      '"@method": POST',
      '"@path": /v1/telemetry',
      `"content-type": ${contentType}`,
      `"content-digest": ${contentDigest}`,
      `"@signature-params": ${changes.signedParams ?? signatureParams}`,
    ].join('\n');
    return {
      method: 'POST',
      target: '/v1/telemetry',
      fields: [
        ['Host', 'ingest.example'],
        ['X-API-Key', apiKey],
        ['Content-Type', contentType],
        ['Content-Length', String(Buffer.byteLength(body))],
        ['Content-Digest', contentDigest],
        ['Signature-Input', changes.signatureInput ?? `sig1=${signatureParams}`],
        ['Signature', changes.signature ?? `sig1=:${key.sign(base)}:`],
      ],
      body: Buffer.from(body),
    };
  }

  /** The request with these records as its content. */
  pack(records: unknown): RawRequest {
    return this.request({ body: JSON.stringify(records) });
  }

  registration(): DeviceRegistration {
    return {
      id: this.id,
      class: 'fixed',
      site: null,
      owner: null,
      position: null,
      keys: this.keys.map((key) => key.registration()),
      apiKeys: [{ id: this.apiKey.id, hash: createHash('sha256').update(this.apiKey.text).digest() }],
    };
  }
}

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** The other valid signature of the same text: r and n - s, which anybody can compute without the key. */
export function malleableTwin(signatureField: string): string {
  return signatureField.replace(/:(.*):/, (_, base64: string) => {
    const bytes = Buffer.from(base64, 'base64');
    const s = P256_ORDER - BigInt(`0x${bytes.toString('hex', 32)}`);
    return `:${Buffer.from(bytes.toString('hex', 0, 32) + s.toString(16).padStart(64, '0'), 'hex').toString('base64')}:`;
  });
}
