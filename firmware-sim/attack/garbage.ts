import { JWS_MEDIA_TYPE } from '../../contracts/jws-envelope.ts';
import { createSigner } from '../envelope/create-signer.ts';
import type { Encoding } from '../envelope/encoding.ts';
import type { FleetDevice } from '../fleet/fleet-device.ts';
import type { NonceCounter } from '../fleet/nonce-counter.ts';
import type { TelemetryPost } from '../transport/http-connection.ts';
import type { Attack, Forge } from './attack.ts';
import { packNow } from './pack-now.ts';
import { BLOCKED, problem } from './required-outcome.ts';

/** Neither JSON in UTF-8 nor CBOR. */
const NO_CONTENT_AT_ALL = Uint8Array.of(0xff);
const TEXT = Buffer.from('hello, is this the telemetry?');

/** Takes turns with everything that has an answer of its own. */
export function createGarbage(device: FleetDevice, encoding: Encoding, nonces: NonceCounter): Forge {
  const signer = createSigner(encoding, device);
  const signed = (content: Uint8Array) => signer.signContent(content, nowS(), nonces.take());
  const textAs = (mediaType: string): TelemetryPost => ({
    headers: { 'X-API-Key': device.api_key, 'Content-Type': mediaType, 'Content-Length': String(TEXT.length) },
    content: TEXT,
  });
  const turns: readonly (() => Attack)[] = [
    () => ({ post: textAs('text/plain'), required: [problem('unsupported-media-type')] }),
    () => ({ post: twoApiKeys(textAs(JWS_MEDIA_TYPE)), required: [problem('malformed-request')] }),
    () => ({ post: textAs(JWS_MEDIA_TYPE), required: [problem('malformed-body'), BLOCKED] }),
    () => ({ post: textAs('application/senml+json'), required: [problem('signature-invalid'), BLOCKED] }),
    () => ({ post: signed(NO_CONTENT_AT_ALL), required: [problem('malformed-body'), BLOCKED] }),
    () => {
      const foreign = signer.sign(packNow('not-this-device'), nowS(), nonces.take());
      return { post: foreign, required: [problem('schema-invalid'), BLOCKED] };
    },
  ];
  let turn = 0;
  return () => {
    const attack = turns[turn % turns.length]?.();
    turn += 1;
    return attack;
  };
}

/** Two readers of one request must not see two different senders. */
function twoApiKeys(post: TelemetryPost): TelemetryPost {
  const apiKey = String(post.headers['X-API-Key']);
  return { ...post, headers: { ...post.headers, 'X-API-Key': [apiKey, apiKey] } };
}

function nowS(): number {
  return Math.floor(Date.now() / 1000);
}
