import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { SENML_JSON } from '../../../contracts/envelope-claim.ts';
import { formatSignatureParams, signatureBase } from '../../../contracts/http-signature.ts';
import type { FleetDevice } from '../../../firmware-sim/fleet/fleet-device.ts';

interface Signed {
  readonly message: Buffer;
  readonly signature: Buffer;
}

const MESSAGES = 256;
const DIGEST_BASE64 = Buffer.alloc(32, 7).toString('base64');

/** How many P-256 signatures node:crypto verifies in a second on one core, with the key at hand: what ingest is held to. */
export class VerifyRate {
  readonly #key: KeyObject;
  readonly #signed: readonly Signed[];
  #verified = 0;
  #elapsedMs = 0;
  #highestPerS = 0;

  constructor(device: FleetDevice, nowMs: number) {
    const privateKey = createPrivateKey({ key: device.key.private_key, format: 'jwk' });
    this.#key = createPublicKey(privateKey);
    this.#signed = Array.from({ length: MESSAGES }, (_, index) => {
      const keyId = `${device.id}/${device.key.id}`;
      const createdS = Math.floor(nowMs / 1000);
      const params = formatSignatureParams({ createdS, keyId, nonce: createdS * 2 ** 20 + index });
      const message = Buffer.from(signatureBase(SENML_JSON, `sha-256=:${DIGEST_BASE64}:`, params));
      return { message, signature: sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }) };
    });
  }

  /** Of all samples together. */
  get perS(): number {
    return (this.#verified * 1000) / this.#elapsedMs;
  }

  get highestPerS(): number {
    return this.#highestPerS;
  }

  /** Verifies for this time, which nothing else can use. */
  sample(durationMs: number): void {
    const startedAtMs = performance.now();
    let verified = 0;
    while (performance.now() - startedAtMs < durationMs) {
      for (const { message, signature } of this.#signed) {
        if (!verify('sha256', message, { key: this.#key, dsaEncoding: 'ieee-p1363' }, signature)) {
          throw new Error('a good signature does not verify');
        }
      }
      verified += this.#signed.length;
    }
    const elapsedMs = performance.now() - startedAtMs;
    this.#verified += verified;
    this.#elapsedMs += elapsedMs;
    this.#highestPerS = Math.max(this.#highestPerS, (verified * 1000) / elapsedMs);
  }
}
