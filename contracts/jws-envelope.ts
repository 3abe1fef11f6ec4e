import { z } from 'zod';
import { parseNonce } from '../core/identity/nonce.ts';
import { accept, reject, type Result } from '../core/result.ts';
import { hasDuplicateMember } from '../core/telemetry/json-members.ts';
import {
  SENML_CBOR,
  SENML_JSON,
  SIGNATURE_BYTES,
  statedOriginOf,
  type EnvelopeClaim,
  type EnvelopeHeader,
  type EnvelopeRefusal,
} from './envelope-claim.ts';

export const JWS_MEDIA_TYPE = 'application/jose';

const COMPACT = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;
const MAX_HEADER_CHARACTERS = 1024;

/** Exactly these members: one that is not understood (`crit`, `b64`, `jwk`, …) must not be ignored. */
const headerSchema = z.strictObject({
  alg: z.literal('ES256'),
  kid: z.string(),
  created: z.int().nonnegative(),
  nonce: z.string(),
  cty: z.enum([SENML_JSON, SENML_CBOR]),
  typ: z.literal('telemetry'),
});
/** JSON.parse makes 1.0 and 1e0 the number 1; `created` is written as an integer. An escaped quote cannot match. */
const CREATED_AS_INTEGER = /"created"[ \t\r\n]*:[ \t\r\n]*(?:0|[1-9][0-9]*)[ \t\r\n]*[,}]/;

/** Reads an envelope in JWS compact serialisation (RFC 7515) with ES256 (RFC 7518 section 3.4); RFC 7797 is not used. */
export function parseJwsEnvelope(message: Uint8Array): Result<EnvelopeClaim, EnvelopeRefusal> {
  const text = latin1(message);
  const match = COMPACT.exec(text);
  const [, header = '', payload = '', signatureText = ''] = match ?? [];
  if (match === null || header.length > MAX_HEADER_CHARACTERS) return malformed('not a JWS in compact serialisation');
  const headerBytes = parseBase64url(header);
  const content = parseBase64url(payload);
  const signature = parseBase64url(signatureText);
  if (headerBytes === undefined || content === undefined || signature === undefined) {
    return malformed('a part of the JWS is not base64url');
  }
  const headerText = Buffer.from(headerBytes).toString('utf8');
  const input = parseJson(headerText);
  if (input === undefined) return malformed('the protected header is not JSON with each member once');

  const parsed = headerSchema.safeParse(input.json);
  const { kid, created } = z.object({ kid: z.unknown(), created: z.unknown() }).safeParse(input.json).data ?? {};
  const origin = statedOriginOf(kid, CREATED_AS_INTEGER.test(headerText) ? created : undefined);
  const invalid = (detail: string) => reject({ code: 'signature-invalid' as const, detail, origin });
  if (!parsed.success || origin.createdS === undefined) {
    return invalid('the protected header must be exactly alg, kid, created (an integer), nonce, cty and typ');
  }
  if (signature.length !== SIGNATURE_BYTES) return invalid('the signature must be 64 bytes, r and s');
  const { keyName } = origin;
  if (keyName === undefined) return invalid('kid must be "<device id>/<key id>"');
  const nonce = parseNonce(parsed.data.nonce);
  if (nonce === undefined) return invalid('nonce must be a decimal string below 2^53, without leading zeros');
  return accept({
    keyName,
    createdS: parsed.data.created,
    nonce,
    signed: message.subarray(0, header.length + 1 + payload.length),
    signature,
    mediaType: parsed.data.cty,
    content,
  });
}

/** The device's side: the bytes to sign. A full stop and the base64url signature complete the envelope. */
export function formatJwsSigningInput(header: EnvelopeHeader, content: Uint8Array): string {
  const members = {
    alg: 'ES256',
    kid: header.keyId,
    created: header.createdS,
    nonce: String(header.nonce),
    cty: header.mediaType,
    typ: 'telemetry',
  };
  return `${Buffer.from(JSON.stringify(members)).toString('base64url')}.${Buffer.from(content).toString('base64url')}`;
}

export function formatJwsEnvelope(signingInput: string, signature: Uint8Array): string {
  return `${signingInput}.${Buffer.from(signature).toString('base64url')}`;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Only the one spelling: a length that base64 cannot have and stray bits at the end are refused. */
function parseBase64url(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

function parseJson(text: string): { readonly json: unknown } | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return hasDuplicateMember(text) ? undefined : { json };
  } catch {
    return undefined;
  }
}

function malformed(detail: string): Result<never, EnvelopeRefusal> {
  return reject({ code: 'malformed-body', detail });
}
