import { encode, Tagged } from 'cborg';
import { z } from 'zod';
import { parseNonce } from '../core/identity/nonce.ts';
import { accept, reject, type Result } from '../core/result.ts';
import { parseCbor } from './cbor.ts';
import {
  SENML_CBOR,
  SENML_JSON,
  SIGNATURE_BYTES,
  statedOriginOf,
  type EnvelopeClaim,
  type EnvelopeHeader,
  type EnvelopeRefusal,
  type StatedOrigin,
} from './envelope-claim.ts';

const COSE_SIGN1_TAG = 18;
const ES256 = -7;
/** CoAP content formats (RFC 8428 section 12.3.2). */
const CONTENT_FORMATS = { [SENML_JSON]: 110, [SENML_CBOR]: 112 } as const;
/** Labels of header parameters (RFC 9052 section 3.1; CWT claims: RFC 9597; typ: RFC 9596) and of the claim `iat`. */
const LABEL = { alg: 1, contentType: 3, kid: 4, cwtClaims: 15, typ: 16, nonce: 'nonce', issuedAt: 6 } as const;
const TYPE = 'telemetry';
const MAX_PROTECTED_BYTES = 512;

const bytes = z.instanceof(Uint8Array);
const sign1Schema = z.tuple([
  bytes,
  z.instanceof(Map).refine((map) => map.size === 0, 'the unprotected header must be empty'),
  bytes,
  bytes,
]);

/** Reads an envelope as COSE_Sign1 (RFC 9052 section 4.2): tagged, ES256, payload attached, nothing unprotected. */
export function parseCoseEnvelope(message: Uint8Array): Result<EnvelopeClaim, EnvelopeRefusal> {
  const tags = Tagged.preserve(COSE_SIGN1_TAG);
  const outer = parseCbor(message, { floats: false, loose: false, tags })?.value;
  if (!(outer instanceof Tagged) || outer.tag !== COSE_SIGN1_TAG) return malformed('not a tagged COSE_Sign1');
  if (!Array.isArray(outer.value) || outer.value.length !== 4) return malformed('COSE_Sign1 is an array of four');
  const sign1 = sign1Schema.safeParse(outer.value);
  if (!sign1.success) return invalid('COSE_Sign1 must have protected bytes, an empty map, a payload and a signature');
  const [protectedBytes, , content, signature] = sign1.data;
  const members = parseMembers(protectedBytes);
  const origin = statedOriginOf(members?.kid, members?.created);
  const header = members === undefined ? undefined : parseHeader(members);
  const { keyName, createdS } = origin;
  if (header === undefined || keyName === undefined || createdS === undefined) {
    return invalid(
      'the protected header must be exactly alg, content type, kid, CWT claims with iat, typ and nonce',
      origin,
    );
  }
  if (signature.length !== SIGNATURE_BYTES) return invalid('the signature must be 64 bytes, r and s', origin);
  const nonce = parseNonce(String(header.nonce));
  if (nonce === undefined) return invalid('nonce must be an unsigned integer below 2^53', origin);
  return accept({
    keyName,
    createdS,
    nonce,
    signed: coseSigStructure(protectedBytes, content),
    signature,
    mediaType: header.mediaType,
    content,
  });
}

interface Members {
  readonly header: ReadonlyMap<unknown, unknown>;
  readonly claims: ReadonlyMap<unknown, unknown> | undefined;
  readonly kid: string | undefined;
  readonly created: unknown;
}

function parseMembers(encoded: Uint8Array): Members | undefined {
  if (encoded.length > MAX_PROTECTED_BYTES) return undefined;
  const header = parseCbor(encoded, { floats: false, loose: false })?.value;
  if (!(header instanceof Map)) return undefined;
  const claims: unknown = header.get(LABEL.cwtClaims);
  const kid = bytes.safeParse(header.get(LABEL.kid)).data;
  return {
    header,
    claims: claims instanceof Map ? claims : undefined,
    kid: kid === undefined ? undefined : Buffer.from(kid).toString('latin1'),
    created: claims instanceof Map ? claims.get(LABEL.issuedAt) : undefined,
  };
}

interface ProtectedHeader {
  readonly nonce: number;
  readonly mediaType: EnvelopeHeader['mediaType'];
}

const unsigned = z.int().nonnegative();

function parseHeader({ header, claims }: Members): ProtectedHeader | undefined {
  if (header.size !== Object.keys(LABEL).length - 1 || claims?.size !== 1) return undefined;
  const mediaType = mediaTypeOf(header.get(LABEL.contentType));
  const nonce = unsigned.safeParse(header.get(LABEL.nonce));
  if (header.get(LABEL.alg) !== ES256 || header.get(LABEL.typ) !== TYPE) return undefined;
  return mediaType === undefined || !nonce.success ? undefined : { nonce: nonce.data, mediaType };
}

function mediaTypeOf(contentFormat: unknown): EnvelopeHeader['mediaType'] | undefined {
  if (contentFormat === CONTENT_FORMATS[SENML_JSON]) return SENML_JSON;
  return contentFormat === CONTENT_FORMATS[SENML_CBOR] ? SENML_CBOR : undefined;
}

/** The device's side: the protected header, encoded. */
export function formatCoseProtected(header: EnvelopeHeader): Uint8Array {
  return encode(
    new Map<number | string, unknown>([
      [LABEL.alg, ES256],
      [LABEL.contentType, CONTENT_FORMATS[header.mediaType]],
      [LABEL.kid, Buffer.from(header.keyId, 'latin1')],
      [LABEL.cwtClaims, new Map([[LABEL.issuedAt, header.createdS]])],
      [LABEL.typ, TYPE],
      [LABEL.nonce, header.nonce],
    ]),
  );
}

/** The bytes to sign (RFC 9052 section 4.4), with empty external data. */
export function coseSigStructure(protectedBytes: Uint8Array, content: Uint8Array): Uint8Array {
  return encode(['Signature1', protectedBytes, new Uint8Array(), content]);
}

export function formatCoseEnvelope(protectedBytes: Uint8Array, content: Uint8Array, signature: Uint8Array): Uint8Array {
  return encode(new Tagged(COSE_SIGN1_TAG, [protectedBytes, new Map(), content, signature]));
}

function malformed(detail: string): Result<never, EnvelopeRefusal> {
  return reject({ code: 'malformed-body', detail });
}

function invalid(detail: string, origin?: StatedOrigin): Result<never, EnvelopeRefusal> {
  return reject({ code: 'signature-invalid', detail, ...(origin !== undefined && { origin }) });
}
