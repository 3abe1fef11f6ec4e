import { coseSigStructure, formatCoseEnvelope, formatCoseProtected } from '../../contracts/cose-envelope.ts';
import { SENML_CBOR } from '../../contracts/envelope-claim.ts';
import { encodeSenmlCbor } from '../../contracts/senml-cbor.ts';
import type { FleetDevice } from '../fleet/fleet-device.ts';
import type { Pack } from '../pack.ts';
import { senmlRecordsOf } from './encode-senml.ts';
import type { Envelope, PackSigner } from './envelope.ts';
import { selfContained } from './self-contained.ts';
import { SigningKey } from './signing-key.ts';

const COSE_MEDIA_TYPE = 'application/cose; cose-type="cose-sign1"';

/** COSE_Sign1 (RFC 9052) over SenML CBOR. */
export class CoseSigner implements PackSigner {
  readonly #apiKey: string;
  readonly #key: SigningKey;

  constructor(device: FleetDevice) {
    this.#apiKey = device.api_key;
    this.#key = new SigningKey(device);
  }

  sign(pack: Pack, createdS: number, nonce: number): Envelope {
    return this.signContent(encodeSenmlCbor(senmlRecordsOf(pack)), createdS, nonce);
  }

  signContent(content: Uint8Array, createdS: number, nonce: number): Envelope {
    const header = { createdS, keyId: this.#key.name, nonce, mediaType: SENML_CBOR } as const;
    const protectedBytes = formatCoseProtected(header);
    const signature = this.#key.sign(coseSigStructure(protectedBytes, content));
    const message = formatCoseEnvelope(protectedBytes, content, signature);
    return selfContained(header, { apiKey: this.#apiKey, mediaType: COSE_MEDIA_TYPE, message });
  }
}
