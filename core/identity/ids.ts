/** Names the device, its keys and its metrics; see the glossary in docs/architecture.md. */
export type DeviceId = string & { readonly __brand: 'DeviceId' };
/** Names one P-256 key of one device. */
export type DeviceKeyId = string & { readonly __brand: 'DeviceKeyId' };
/** Base64url SHA-256 of a public key's canonical JWK (RFC 7638). */
export type KeyThumbprint = string & { readonly __brand: 'KeyThumbprint' };

const DEVICE_ID = /^[A-Za-z0-9][A-Za-z0-9:._-]{0,127}$/;
const KEY_ID = /^[A-Za-z0-9_-]{1,32}$/;
const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/;

export function parseDeviceId(text: string): DeviceId | undefined {
  return DEVICE_ID.test(text) ? (text as DeviceId) : undefined;
}

export function parseDeviceKeyId(text: string): DeviceKeyId | undefined {
  return KEY_ID.test(text) ? (text as DeviceKeyId) : undefined;
}

export function parseKeyThumbprint(text: string): KeyThumbprint | undefined {
  return THUMBPRINT.test(text) ? (text as KeyThumbprint) : undefined;
}

/** The `keyid` of a signature: `<device id>/<key id>`, split at its only slash. */
export interface SigningKeyName {
  readonly deviceId: DeviceId;
  readonly keyId: DeviceKeyId;
}

export function parseSigningKeyName(text: string): SigningKeyName | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const deviceId = parseDeviceId(text.slice(0, slash));
  const keyId = parseDeviceKeyId(text.slice(slash + 1));
  return deviceId !== undefined && keyId !== undefined ? { deviceId, keyId } : undefined;
}
