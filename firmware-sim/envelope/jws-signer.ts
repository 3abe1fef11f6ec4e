import { SENML_JSON } from '../../contracts/envelope-claim.ts';
import { formatJwsEnvelope, formatJwsSigningInput, JWS_MEDIA_TYPE } from '../../contracts/jws-envelope.ts';
import type { FleetDevice } from '../fleet/fleet-device.ts';
import type { Pack } from '../pack.ts';
import { encodeSenml } from './encode-senml.ts';
import type { Envelope, PackSigner } from './envelope.ts';
import { selfContained } from './self-contained.ts';
import { SigningKey } from './signing-key.ts';

/** JWS in compact serialisation (RFC 7515) over SenML JSON. */
export class JwsSigner implements PackSigner {
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
    const header = { createdS, keyId: this.#key.name, nonce, mediaType: SENML_JSON } as const;
    const signingInput = formatJwsSigningInput(header, content);
    const message = formatJwsEnvelope(signingInput, this.#key.sign(Buffer.from(signingInput)));
    return selfContained(header, { apiKey: this.#apiKey, mediaType: JWS_MEDIA_TYPE, message: Buffer.from(message) });
  }
}
