import { createPrivateKey, sign, type KeyObject } from 'node:crypto';
import type { FleetDevice } from '../fleet/fleet-device.ts';

/** The key of a device, with the name that envelopes give it. */
export class SigningKey {
  /** `<device id>/<key id>`. */
  readonly name: string;
  readonly #key: KeyObject;

  constructor({ id, key }: Pick<FleetDevice, 'id' | 'key'>) {
    this.name = `${id}/${key.id}`;
    this.#key = createPrivateKey({ key: key.private_key, format: 'jwk' });
  }

  /** ECDSA P-256 with SHA-256: r and s, 64 bytes. */
  sign(bytes: Uint8Array): Buffer {
    return sign('sha256', bytes, { key: this.#key, dsaEncoding: 'ieee-p1363' });
  }
}
