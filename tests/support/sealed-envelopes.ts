import { encode, Tagged } from 'cborg';
import type { RawRequest } from './raw-http.ts';
import { fieldOf, withField } from './raw-http.ts';
import type { DeviceKey, SignedDevice } from './signed-device.ts';

/** What a device puts into an envelope, of whichever kind; a test changes any of it alone. */
export interface EnvelopeParts {
  readonly device: SignedDevice;
  /** The key that signs. */
  readonly key: DeviceKey;
  /** `<device id>/<key id>`, as the envelope says. */
  readonly keyId: string;
  /** Unix seconds; a string stands for itself where the kind is text. */
  readonly createdS: number | string;
  readonly nonce: number;
  readonly content: Uint8Array;
}

/** An envelope on its way: a whole request where header fields are part of the proof, else a payload. */
export type Sealed =
  | { readonly kind: 'request'; readonly request: RawRequest }
  | { readonly kind: 'payload'; readonly mediaType: string; readonly payload: Uint8Array };

export interface EnvelopeKind {
  readonly name: 'http-signature' | 'jws' | 'cose';
  /** Oldest `created` that is accepted, seconds. */
  readonly maxAgeS: number;
  readonly seal: (parts: EnvelopeParts) => Sealed;
  /** The same envelope with another signature: bytes of any length in place of r and s. */
  readonly resign: (sealed: Sealed, change: (signature: Buffer) => Buffer) => Sealed;
  /** Envelopes that are signed well and break the profile, each with the code that they must get. */
  readonly breaches: Readonly<Record<string, readonly [code: string, seal: (parts: EnvelopeParts) => Sealed]>>;
}

export const CONTENT = Buffer.from('[{"n":"pga","u":"m/s2","v":0.42}]');

export function partsOf(device: SignedDevice, changes: Partial<EnvelopeParts> = {}): EnvelopeParts {
  const key = changes.key ?? device.key();
  return {
    device,
    key,
    keyId: `${device.id}/${key.id}`,
    createdS: Math.floor(Date.now() / 1000),
    nonce: device.nextNonce(),
    content: CONTENT,
    ...changes,
  };
}

const request = (sealed: RawRequest): Sealed => ({ kind: 'request', request: sealed });

function sealRequest(parts: EnvelopeParts, changes: Parameters<SignedDevice['request']>[0] = {}): Sealed {
  const { device, key, keyId, createdS, nonce, content } = parts;
  return request(device.request({ keyId, createdS, nonce, body: content, ...changes }, key));
}

function params(parts: EnvelopeParts, change: (params: string) => string): Sealed {
  const { keyId, createdS, nonce } = parts;
  const components = '("@method" "@path" "content-type" "content-digest")';
  const usual = `${components};created=${createdS};keyid="${keyId}";nonce="${nonce}";alg="ecdsa-p256-sha256";tag="telemetry"`;
  return sealRequest(parts, { signatureParams: change(usual) });
}

const without = (component: string) => (parts: EnvelopeParts) =>
  sealRequest(parts, {
    components: `(${['"@method"', '"@path"', '"content-type"', '"content-digest"'].filter((each) => each !== component).join(' ')})`,
  });

const httpSignature: EnvelopeKind = {
  name: 'http-signature',
  maxAgeS: 300,
  seal: sealRequest,
  resign: (sealed, change) => {
    if (sealed.kind !== 'request') throw new Error('not a request');
    const field = fieldOf(sealed.request, 'Signature');
    const signature = Buffer.from(/:(.*):/.exec(field)?.[1] ?? '', 'base64');
    return request(withField(sealed.request, 'Signature', `sig1=:${change(signature).toString('base64')}:`));
  },
  breaches: {
    'without the method': ['signature-invalid', without('"@method"')],
    'without the path': ['signature-invalid', without('"@path"')],
    'without the content type': ['signature-invalid', without('"content-type"')],
    'without the content digest': ['signature-invalid', without('"content-digest"')],
    'a component twice': [
      'signature-invalid',
      (parts) => sealRequest(parts, { components: '("@method" "@path" "@path" "content-type" "content-digest")' }),
    ],
    'a parameter twice': ['signature-invalid', (parts) => params(parts, (text) => `${text};nonce="${parts.nonce}"`)],
    'no nonce': ['signature-invalid', (parts) => params(parts, (text) => text.replace(/;nonce="[^"]*"/, ''))],
    'no created': ['signature-invalid', (parts) => params(parts, (text) => text.replace(/;created=\d+/, ''))],
    'no key id': ['signature-invalid', (parts) => params(parts, (text) => text.replace(/;keyid="[^"]*"/, ''))],
    'no alg': ['signature-invalid', (parts) => params(parts, (text) => text.replace(/;alg="[^"]*"/, ''))],
    'another tag': ['signature-invalid', (parts) => sealRequest(parts, { tag: 'other' })],
    'another alg': ['signature-invalid', (parts) => sealRequest(parts, { alg: 'hmac-sha256' })],
    'created 1.0': ['signature-invalid', (parts) => sealRequest(parts, { createdS: `${parts.createdS}.0` })],
    'expires passed': [
      'timestamp-skew',
      (parts) => params(parts, (text) => `${text};expires=${Math.floor(Date.now() / 1000) - 1}`),
    ],
    'the digest of other content': [
      'signature-invalid',
      (parts) => sealRequest(parts, { contentDigest: `sha-256=:${Buffer.alloc(32).toString('base64')}:` }),
    ],
  },
};

type JwsMembers = Record<string, unknown>;

function jwsMembers({ keyId, createdS, nonce }: EnvelopeParts): JwsMembers {
  return {
    alg: 'ES256',
    kid: keyId,
    created: createdS,
    nonce: String(nonce),
    cty: 'application/senml+json',
    typ: 'telemetry',
  };
}

function sealJwsText(parts: EnvelopeParts, header: string): Sealed {
  const signed = `${Buffer.from(header).toString('base64url')}.${Buffer.from(parts.content).toString('base64url')}`;
  const signature = Buffer.from(parts.key.sign(signed), 'base64').toString('base64url');
  return { kind: 'payload', mediaType: 'application/jose', payload: Buffer.from(`${signed}.${signature}`) };
}

const sealJws = (parts: EnvelopeParts, change: (members: JwsMembers) => JwsMembers = (members) => members): Sealed =>
  sealJwsText(parts, JSON.stringify(change(jwsMembers(parts))));

const withoutMember =
  (name: string) =>
  (parts: EnvelopeParts): Sealed =>
    sealJws(parts, (members) => Object.fromEntries(Object.entries(members).filter(([member]) => member !== name)));

const withMember = (member: JwsMembers) => (parts: EnvelopeParts) =>
  sealJws(parts, (members) => ({ ...members, ...member }));

const jws: EnvelopeKind = {
  name: 'jws',
  maxAgeS: 86_400,
  seal: (parts) => sealJws(parts),
  resign: (sealed, change) => {
    if (sealed.kind !== 'payload') throw new Error('not a payload');
    const [header, payload, signature = ''] = Buffer.from(sealed.payload).toString('latin1').split('.');
    const changed = change(Buffer.from(signature, 'base64url')).toString('base64url');
    return { ...sealed, payload: Buffer.from(`${header}.${payload}.${changed}`) };
  },
  breaches: {
    ...Object.fromEntries(
      ['alg', 'kid', 'created', 'nonce', 'cty', 'typ'].map(
        (name) => [`without ${name}`, ['signature-invalid', withoutMember(name)]] as const,
      ),
    ),
    'alg none': ['signature-invalid', withMember({ alg: 'none' })],
    crit: ['signature-invalid', withMember({ crit: ['exp'] })],
    'b64 false': ['signature-invalid', withMember({ b64: false })],
    'a key of its own': ['signature-invalid', withMember({ jwk: { kty: 'EC' } })],
    'another typ': ['signature-invalid', withMember({ typ: 'JWT' })],
    'created 1.0': [
      'signature-invalid',
      (parts) => sealJwsText(parts, JSON.stringify(jwsMembers(parts)).replace(/("created":\d+)/, '$1.0')),
    ],
    'a member twice': [
      'malformed-body',
      (parts) => sealJwsText(parts, JSON.stringify(jwsMembers(parts)).replace('{', `{"nonce":"${parts.nonce}",`)),
    ],
    'four parts': [
      'malformed-body',
      (parts) => {
        const sealed = sealJws(parts);
        if (sealed.kind !== 'payload') throw new Error('not a payload');
        return { ...sealed, payload: Buffer.concat([sealed.payload, Buffer.from('.AA')]) };
      },
    ],
    nothing: ['malformed-body', () => ({ kind: 'payload', mediaType: 'application/jose', payload: Buffer.alloc(0) })],
  },
};

const COSE_TYPE = 'application/cose; cose-type="cose-sign1"';
type CoseHeader = Map<unknown, unknown>;

function coseHeader({ keyId, createdS, nonce }: EnvelopeParts): CoseHeader {
  return new Map<unknown, unknown>([
    [1, -7],
    [3, 110],
    [4, Buffer.from(keyId)],
    [15, new Map([[6, Number(createdS)]])],
    [16, 'telemetry'],
    ['nonce', nonce],
  ]);
}

interface CoseChanges {
  readonly header?: Uint8Array;
  readonly unprotected?: CoseHeader;
  readonly tag?: number;
}

function sealCose(parts: EnvelopeParts, changes: CoseChanges = {}): Sealed {
  const header = changes.header ?? encode(coseHeader(parts));
  const signed = encode(['Signature1', header, new Uint8Array(), parts.content]);
  const signature = Buffer.from(parts.key.sign(Buffer.from(signed).toString('latin1')), 'base64');
  const sign1 = [header, changes.unprotected ?? new Map(), parts.content, signature];
  return { kind: 'payload', mediaType: COSE_TYPE, payload: encode(new Tagged(changes.tag ?? 18, sign1)) };
}

const coseWith = (change: (header: CoseHeader) => unknown) => (parts: EnvelopeParts) => {
  const header = coseHeader(parts);
  change(header);
  return sealCose(parts, { header: encode(header) });
};

const LABELS = { alg: 1, 'content type': 3, kid: 4, 'CWT claims': 15, typ: 16, nonce: 'nonce' };
const SIGNATURE_BYTES = 64;

const cose: EnvelopeKind = {
  name: 'cose',
  maxAgeS: 86_400,
  seal: (parts) => sealCose(parts),
  // The signature is the last of the four: a byte string of 64 bytes has a head of two.
  resign: (sealed, change) => {
    if (sealed.kind !== 'payload') throw new Error('not a payload');
    const border = sealed.payload.length - SIGNATURE_BYTES;
    const changed = change(Buffer.from(sealed.payload.subarray(border)));
    return { ...sealed, payload: Buffer.concat([sealed.payload.subarray(0, border - 2), encode(changed)]) };
  },
  breaches: {
    ...Object.fromEntries(
      Object.entries(LABELS).map(
        ([name, label]) =>
          [`without ${name}`, ['signature-invalid', coseWith((header) => header.delete(label))]] as const,
      ),
    ),
    'another algorithm': ['signature-invalid', coseWith((header) => header.set(1, -35))],
    'a label more': ['signature-invalid', coseWith((header) => header.set(2, [1]))],
    'a claim more': [
      'signature-invalid',
      (parts) =>
        coseWith((header) =>
          header.set(
            15,
            new Map([
              [6, Number(parts.createdS)],
              [4, 2],
            ]),
          ),
        )(parts),
    ],
    'created 1.0': [
      'signature-invalid',
      // A float of 64 bits in place of the unsigned integer.
      (parts) => {
        const float = Buffer.alloc(9, 0xfb);
        float.writeDoubleBE(Number(parts.createdS), 1);
        const integer = encode(Number(parts.createdS));
        const header = Buffer.from(encode(coseHeader(parts)));
        const at = header.indexOf(integer);
        return sealCose(parts, {
          header: Buffer.concat([header.subarray(0, at), float, header.subarray(at + integer.length)]),
        });
      },
    ],
    'a label twice': [
      'signature-invalid',
      (parts) => {
        const header = Buffer.from(encode(coseHeader(parts)));
        const twice = Buffer.concat([Buffer.of(header[0]! + 1), Buffer.of(1, 0x26), header.subarray(1)]);
        return sealCose(parts, { header: twice });
      },
    ],
    'something unprotected': ['signature-invalid', (parts) => sealCose(parts, { unprotected: new Map([[4, 1]]) })],
    'another tag': ['malformed-body', (parts) => sealCose(parts, { tag: 98 })],
    nothing: ['malformed-body', () => ({ kind: 'payload', mediaType: COSE_TYPE, payload: Buffer.of(0xd2) })],
  },
};

export const ENVELOPE_KINDS: readonly EnvelopeKind[] = [httpSignature, jws, cose];
