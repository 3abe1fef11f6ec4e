import { parseNonce, type Nonce } from '../core/identity/nonce.ts';
import { parseSigningKeyName, type SigningKeyName } from '../core/identity/ids.ts';
import { accept, reject, type Result } from '../core/result.ts';
import {
  statedOriginOf,
  type EnvelopeClaim,
  type EnvelopeRefusal,
  type PackMediaType,
  type StatedOrigin,
} from './envelope-claim.ts';
import { parseDictionary, type BareItem, type DictionaryMember } from './structured-fields.ts';

/**
 * The profile of HTTP Message Signatures (RFC 9421) and Digest Fields (RFC 9530) that a device signs with. The covered
 * components are fixed, so a device fills a five-line template and needs no parser. Packs and new keys are signed alike;
 * the path, which is covered, tells them apart.
 */
export const TELEMETRY_METHOD = 'POST';
export const TELEMETRY_PATH = '/v1/telemetry';
export const KEYS_PATH = '/v1/keys';
export const MAX_CONTENT_BYTES = 262_144;
export const MAX_HEADER_BYTES = 4096;

const COVERED = ['@method', '@path', 'content-type', 'content-digest'] as const;
const ALGORITHM = 'ecdsa-p256-sha256';
const TAG = 'telemetry';
const PARAMETERS: ReadonlySet<string> = new Set(['created', 'expires', 'keyid', 'nonce', 'alg', 'tag']);
/** 64 bytes: r and s, big-endian (RFC 9421 section 3.3.4). Not DER. */
const SIGNATURE_BASE64 = /^[A-Za-z0-9+/]{86}==$/;
const SHA256_BASE64 = /^[A-Za-z0-9+/]{43}=$/;

/** What the header fields of a request claim; nothing of it is proved yet. */
export interface SignatureClaim {
  readonly keyName: SigningKeyName;
  /** Unix seconds. */
  readonly createdS: number;
  readonly expiresS: number | undefined;
  readonly nonce: Nonce;
  /** Value of the Signature-Input member as received: the last line of the signature base repeats it. */
  readonly signatureParams: string;
  readonly signatureBase64: string;
  /** SHA-256 of the content, base64. */
  readonly digestBase64: string;
  readonly contentDigest: string;
}

export interface SignatureFields {
  readonly signatureInput: string;
  readonly signature: string;
  readonly contentDigest: string;
}

/**
 * Nearly every device fills the template of docs/protocol.md, for which three expressions take a third of the time that the
 * general grammar takes. What they match, the grammar reads alike: tests/unit/contracts/http-signature.test.ts.
 */
const TEMPLATE =
  /^([a-z][a-z0-9_-]{0,31})=(\("@method" "@path" "content-type" "content-digest"\);created=(0|[1-9][0-9]{0,14});keyid="([A-Za-z0-9:._-]+\/[A-Za-z0-9_-]+)";nonce="([0-9]{1,16})";alg="ecdsa-p256-sha256";tag="telemetry")$/;
const TEMPLATE_SIGNATURE = /^([a-z][a-z0-9_-]{0,31})=:([A-Za-z0-9+/]{86}==):$/;
const TEMPLATE_DIGEST = /^sha-256=:([A-Za-z0-9+/]{43}=):$/;

/** The rejection says what is wrong, for the problem's `detail`. */
export function parseSignatureClaim(fields: SignatureFields): Result<SignatureClaim, string> {
  const claim = parseTemplateClaim(fields);
  return claim === undefined ? parseGeneralClaim(fields) : accept(claim);
}

function parseTemplateClaim({ signatureInput, signature, contentDigest }: SignatureFields): SignatureClaim | undefined {
  const [, label, signatureParams = '', created, keyId = '', nonceText = ''] = TEMPLATE.exec(signatureInput) ?? [];
  const [, signatureLabel, signatureBase64 = ''] = TEMPLATE_SIGNATURE.exec(signature) ?? [];
  const digestBase64 = TEMPLATE_DIGEST.exec(contentDigest)?.[1];
  if (label === undefined || label !== signatureLabel || digestBase64 === undefined) return undefined;
  const keyName = parseSigningKeyName(keyId);
  const nonce = parseNonce(nonceText);
  if (keyName === undefined || nonce === undefined) return undefined;
  const createdS = Number(created);
  return {
    keyName,
    createdS,
    expiresS: undefined,
    nonce,
    signatureParams,
    signatureBase64,
    digestBase64,
    contentDigest,
  };
}

/** By the grammar of structured fields alone. */
export function parseGeneralClaim(fields: SignatureFields): Result<SignatureClaim, string> {
  const inputs = parseDictionary(fields.signatureInput);
  if (inputs === undefined) return reject('Signature-Input is not a structured dictionary');
  if (hasDuplicates(inputs)) return reject('Signature-Input has a label twice');
  const tagged = inputs.filter(hasTag);
  const [input] = tagged;
  if (input === undefined || tagged.length > 1) return reject(`exactly one signature must have tag="${TAG}"`);
  if (!coversProfile(input))
    return reject(`the signature must cover exactly (${COVERED.map((c) => `"${c}"`).join(' ')})`);

  const parameters = new Map(input.parameters);
  if (parameters.size !== input.parameters.length) return reject('Signature-Input has a parameter twice');
  for (const name of parameters.keys()) {
    if (!PARAMETERS.has(name)) return reject(`the signature parameter ${name} is not part of the profile`);
  }
  const created = parameters.get('created');
  if (created?.type !== 'integer' || created.value < 0) return reject('created must be an integer, Unix seconds');
  const expires = parameters.get('expires');
  if (expires !== undefined && expires.type !== 'integer') return reject('expires must be an integer, Unix seconds');
  if (stringOf(parameters.get('alg')) !== ALGORITHM) return reject(`alg must be "${ALGORITHM}"`);
  const keyName = parseSigningKeyName(stringOf(parameters.get('keyid')) ?? '');
  if (keyName === undefined) return reject('keyid must be "<device id>/<key id>"');
  const nonce = parseNonce(stringOf(parameters.get('nonce')) ?? '');
  if (nonce === undefined) return reject('nonce must be a decimal string below 2^53, without leading zeros');

  const signatureBase64 = bytesOf(fields.signature, input.key);
  if (signatureBase64 === undefined || !SIGNATURE_BASE64.test(signatureBase64)) {
    return reject(`Signature must carry 64 bytes, r and s, under the label ${input.key}`);
  }
  const digestBase64 = soleBytesOf(fields.contentDigest, 'sha-256');
  if (digestBase64 === undefined || !SHA256_BASE64.test(digestBase64)) {
    return reject('Content-Digest must have one member, sha-256');
  }
  return accept({
    keyName,
    createdS: created.value,
    expiresS: expires?.value,
    nonce,
    signatureParams: input.text,
    signatureBase64,
    digestBase64,
    contentDigest: fields.contentDigest,
  });
}

/** Of a claim that breaks a rule of the profile: what can be read of it without doubt. */
function parseStatedOrigin(signatureInput: string): StatedOrigin {
  const [input, ...others] = (parseDictionary(signatureInput) ?? []).filter(hasTag);
  const soleOf = (name: string): BareItem | undefined => {
    const [first, ...more] = input?.parameters.filter(([given]) => given === name) ?? [];
    return others.length + more.length === 0 ? first?.[1] : undefined;
  };
  const origin = statedOriginOf(stringOf(soleOf('keyid')), integerOf(soleOf('created')));
  return { ...origin, expiresS: integerOf(soleOf('expires')) };
}

export function parseHttpEnvelope(
  request: SignedRequest,
  mediaType: PackMediaType,
  content: Uint8Array,
): Result<EnvelopeClaim, EnvelopeRefusal> {
  const claim = parseSignedRequest(request, TELEMETRY_PATH);
  // A spread would make a hidden class of its own for every request.
  return claim.ok ? accept(Object.assign(claim.value, { mediaType, content })) : claim;
}

export interface SignedRequest extends SignatureFields {
  /** Value of Content-Type as received: the signature covers it. */
  readonly contentType: string;
}

/** What a signed request claims about itself, whatever its content is. */
export type SignedRequestClaim = Omit<EnvelopeClaim, 'mediaType' | 'content'>;

/** @param path where the request was posted: a signature for another path proves nothing here */
export function parseSignedRequest(request: SignedRequest, path: string): Result<SignedRequestClaim, EnvelopeRefusal> {
  const claim = parseSignatureClaim(request);
  if (!claim.ok) {
    const origin = parseStatedOrigin(request.signatureInput);
    return reject({ code: 'signature-invalid', detail: claim.error, origin });
  }
  const { keyName, createdS, expiresS, nonce, contentDigest, digestBase64, signatureParams } = claim.value;
  const signed = Buffer.from(signatureBase(request.contentType, contentDigest, signatureParams, path), 'latin1');
  const signature = Buffer.from(claim.value.signatureBase64, 'base64');
  return accept({ keyName, createdS, expiresS, nonce, signed, signature, digestBase64 });
}

/** The text that the device signed (RFC 9421 section 2.5): five lines, LF between them, none at the end. */
export function signatureBase(
  contentType: string,
  contentDigest: string,
  signatureParams: string,
  path = TELEMETRY_PATH,
): string {
  return (
    `"@method": ${TELEMETRY_METHOD}\n"@path": ${path}\n"content-type": ${contentType}\n` +
    `"content-digest": ${contentDigest}\n"@signature-params": ${signatureParams}`
  );
}

export interface SignatureParams {
  readonly createdS: number;
  readonly keyId: string;
  readonly nonce: number;
}

/** The device's side: the value of Signature-Input after its label. */
export function formatSignatureParams({ createdS, keyId, nonce }: SignatureParams): string {
  const components = COVERED.map((name) => `"${name}"`).join(' ');
  return `(${components});created=${createdS};keyid="${keyId}";nonce="${nonce}";alg="${ALGORITHM}";tag="${TAG}"`;
}

function hasTag(member: DictionaryMember): boolean {
  return member.parameters.some(([name, value]) => name === 'tag' && stringOf(value) === TAG);
}

function coversProfile(input: DictionaryMember): boolean {
  if (input.value.kind !== 'inner-list' || input.value.items.length !== COVERED.length) return false;
  return input.value.items.every(
    (item, index) => stringOf(item.bare) === COVERED[index] && item.parameters.length === 0,
  );
}

function stringOf(item: BareItem | undefined): string | undefined {
  return item?.type === 'string' ? item.value : undefined;
}

function integerOf(item: BareItem | undefined): number | undefined {
  return item?.type === 'integer' ? item.value : undefined;
}

function hasDuplicates(members: readonly DictionaryMember[]): boolean {
  return new Set(members.map((member) => member.key)).size !== members.length;
}

function bytesOf(field: string, key: string): string | undefined {
  const members = parseDictionary(field);
  if (members === undefined || hasDuplicates(members)) return undefined;
  return base64Of(members.find((member) => member.key === key));
}

function soleBytesOf(field: string, key: string): string | undefined {
  const members = parseDictionary(field);
  return members?.length === 1 && members[0]?.key === key ? base64Of(members[0]) : undefined;
}

function base64Of(member: DictionaryMember | undefined): string | undefined {
  if (member?.value.kind !== 'item' || member.parameters.length > 0) return undefined;
  return member.value.bare.type === 'bytes' ? member.value.bare.base64 : undefined;
}
