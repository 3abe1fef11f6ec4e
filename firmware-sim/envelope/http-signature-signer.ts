import { createHash, createPrivateKey, sign, type KeyObject } from 'node:crypto';
import { SENML_JSON } from '../../contracts/envelope-claim.ts';
import { formatSignatureParams, signatureBase } from '../../contracts/http-signature.ts';
import type { FleetDevice } from '../fleet/fleet-device.ts';
import type { Pack } from '../pack.ts';
import { encodeSenml } from './encode-senml.ts';
import type { Envelope, PackSigner } from './envelope.ts';

/** HTTP Message Signatures (RFC 9421) over SenML JSON. */
export class HttpSignatureSigner implements PackSigner {
  readonly #apiKey: string;
  readonly #keyName: string;
  readonly #key: KeyObject;

  constructor({ id, api_key, key }: FleetDevice) {
    this.#apiKey = api_key;
    this.#keyName = `${id}/${key.id}`;
    this.#key = createPrivateKey({ key: key.private_key, format: 'jwk' });
  }

  sign(pack: Pack, createdS: number, nonce: number): Envelope {
    const content = encodeSenml(pack);
    const contentDigest = `sha-256=:${createHash('sha256').update(content).digest('base64')}:`;
    const signatureParams = formatSignatureParams({ createdS, keyId: this.#keyName, nonce });
    const base = Buffer.from(signatureBase(SENML_JSON, contentDigest, signatureParams));
    const signature = sign('sha256', base, { key: this.#key, dsaEncoding: 'ieee-p1363' }).toString('base64');
    const headers = {
      'X-API-Key': this.#apiKey,
      'Content-Type': SENML_JSON,
      'Content-Length': String(content.length),
      'Content-Digest': contentDigest,
      'Signature-Input': `sig1=${signatureParams}`,
      Signature: `sig1=:${signature}:`,
    };
    return { nonce, createdS, headers, content };
  }
}
