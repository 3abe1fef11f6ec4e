import { createHash } from 'node:crypto';
import { SENML_JSON } from '../../contracts/envelope-claim.ts';
import { formatSignatureParams, signatureBase } from '../../contracts/http-signature.ts';
import type { FleetDevice } from '../fleet/fleet-device.ts';
import type { Pack } from '../pack.ts';
import { encodeSenml } from './encode-senml.ts';
import type { Envelope, PackSigner } from './envelope.ts';
import { SigningKey } from './signing-key.ts';

/** HTTP Message Signatures (RFC 9421) over SenML JSON. */
export class HttpSignatureSigner implements PackSigner {
  readonly #apiKey: string;
  readonly #key: SigningKey;

  constructor(device: FleetDevice) {
    this.#apiKey = device.api_key;
    this.#key = new SigningKey(device);
  }

  sign(pack: Pack, createdS: number, nonce: number): Envelope {
    return this.signContent(encodeSenml(pack), createdS, nonce);
  }

  signContent(content: Uint8Array, createdS: number, nonce: number): Envelope {
    const contentDigest = `sha-256=:${createHash('sha256').update(content).digest('base64')}:`;
    const signatureParams = formatSignatureParams({ createdS, keyId: this.#key.name, nonce });
    const base = Buffer.from(signatureBase(SENML_JSON, contentDigest, signatureParams));
    const headers = {
      'X-API-Key': this.#apiKey,
      'Content-Type': SENML_JSON,
      'Content-Length': String(content.length),
      'Content-Digest': contentDigest,
      'Signature-Input': `sig1=${signatureParams}`,
      Signature: `sig1=:${this.#key.sign(base).toString('base64')}:`,
    };
    return { nonce, createdS, headers, content };
  }
}
