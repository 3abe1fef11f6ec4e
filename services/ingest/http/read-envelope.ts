import { parseCoseEnvelope } from '../../../contracts/cose-envelope.ts';
import {
  SENML_CBOR,
  SENML_JSON,
  type EnvelopeClaim,
  type EnvelopeRefusal,
  type PackMediaType,
} from '../../../contracts/envelope-claim.ts';
import { parseHttpEnvelope } from '../../../contracts/http-signature.ts';
import { JWS_MEDIA_TYPE, parseJwsEnvelope } from '../../../contracts/jws-envelope.ts';
import type { Result } from '../../../core/result.ts';
import type { RequestHeaders } from './read-headers.ts';

/** How a request carries its proof: in header fields over a pack, or inside a self-contained body. */
export type EnvelopeForm =
  { readonly kind: 'http-signature'; readonly mediaType: PackMediaType } | { readonly kind: 'jws' | 'cose' };

const COSE_SIGN1 = /^application\/cose *; *cose-type=(?:"cose-sign1"|cose-sign1)$/i;
export const ACCEPTED_MEDIA_TYPES = `${SENML_JSON}, ${SENML_CBOR}, ${JWS_MEDIA_TYPE}, application/cose; cose-type="cose-sign1"`;

/** Undefined for a content type that no envelope has. */
export function envelopeFormOf(contentType: string): EnvelopeForm | undefined {
  switch (contentType.toLowerCase()) {
    case SENML_JSON:
      return { kind: 'http-signature', mediaType: SENML_JSON };
    case SENML_CBOR:
      return { kind: 'http-signature', mediaType: SENML_CBOR };
    case JWS_MEDIA_TYPE:
      return { kind: 'jws' };
    default:
      return COSE_SIGN1.test(contentType) ? { kind: 'cose' } : undefined;
  }
}

export function readEnvelope(
  form: EnvelopeForm,
  headers: RequestHeaders,
  content: Uint8Array,
): Result<EnvelopeClaim, EnvelopeRefusal> {
  switch (form.kind) {
    case 'http-signature':
      return parseHttpEnvelope(headers, form.mediaType, content);
    case 'jws':
      return parseJwsEnvelope(content);
    case 'cose':
      return parseCoseEnvelope(content);
  }
}
