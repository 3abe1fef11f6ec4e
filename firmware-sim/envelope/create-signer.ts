import type { FleetDevice } from '../fleet/fleet-device.ts';
import { CoseSigner } from './cose-signer.ts';
import type { Encoding } from './encoding.ts';
import type { PackSigner } from './envelope.ts';
import { HttpSignatureSigner } from './http-signature-signer.ts';
import { JwsSigner } from './jws-signer.ts';

export function createSigner(encoding: Encoding, device: FleetDevice): PackSigner {
  switch (encoding) {
    case 'http-signature':
      return new HttpSignatureSigner(device);
    case 'jws':
      return new JwsSigner(device);
    case 'cose':
      return new CoseSigner(device);
  }
}
