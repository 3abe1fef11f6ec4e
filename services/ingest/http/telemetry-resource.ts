import { MAX_CONTENT_BYTES } from '../../../contracts/http-signature.ts';
import { accept, reject } from '../../../core/result.ts';
import type { FrontDoor } from '../front-door.ts';
import { rejected } from '../outcome.ts';
import { ACCEPTED_MEDIA_TYPES, envelopeFormOf, readEnvelope } from './read-envelope.ts';
import type { Resource } from './resource.ts';

/** Where packs are posted; everything after their framing is the front door's. */
export function createTelemetryResource(frontDoor: FrontDoor): Resource {
  return {
    method: 'POST',
    maxContentBytes: MAX_CONTENT_BYTES,
    open: (headers) => {
      const form = envelopeFormOf(headers.contentType);
      if (form === undefined) {
        const detail = `the content type must be ${ACCEPTED_MEDIA_TYPES}`;
        return reject(rejected('unsupported-media-type', { detail }));
      }
      return accept(({ source, receivedMs }, content) =>
        frontDoor.handle({
          sender: { kind: 'api-key', text: headers.apiKey },
          source,
          mayBeHeld: form.kind !== 'http-signature',
          receivedMs,
          readClaim: () => readEnvelope(form, headers, content),
        }),
      );
    },
  };
}
