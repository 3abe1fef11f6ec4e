/**
 * `tt_<id>_<secret>`: id 12 base62 characters, secret 30 base62 characters and 6 more that are the CRC-32 of all before
 * them. The checksum lets a typing error be told from a wrong key without a look-up, and secret scanners recognise it.
 */
export interface ApiKey {
  readonly id: string;
  readonly text: string;
}

const ID_LENGTH = 12;
const SECRET_LENGTH = 30;
const CHECKSUM_LENGTH = 6;
const API_KEY = /^tt_([0-9A-Za-z]{12})_([0-9A-Za-z]{36})$/;
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

export function parseApiKey(text: string): ApiKey | undefined {
  const match = API_KEY.exec(text);
  const id = match?.[1];
  if (id === undefined) return undefined;
  const split = text.length - CHECKSUM_LENGTH;
  return checksum(text.slice(0, split)) === text.slice(split) ? { id, text } : undefined;
}

/** `random(n)` answers n unpredictable bytes; bytes of 248 and above are skipped, so that no character is likelier. */
export function createApiKey(random: (length: number) => Uint8Array): ApiKey {
  const id = randomBase62(ID_LENGTH, random);
  const body = `tt_${id}_${randomBase62(SECRET_LENGTH, random)}`;
  return { id, text: body + checksum(body) };
}

function randomBase62(length: number, random: (length: number) => Uint8Array): string {
  let text = '';
  while (text.length < length) {
    for (const byte of random(length)) {
      if (byte < 248 && text.length < length) text += BASE62.charAt(byte % 62);
    }
  }
  return text;
}

function checksum(text: string): string {
  let rest = crc32(text);
  let out = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i += 1) {
    out = BASE62.charAt(rest % 62) + out;
    rest = Math.floor(rest / 62);
  }
  return out;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

/** CRC-32 (IEEE 802.3) of ASCII text, unsigned. */
function crc32(text: string): number {
  let crc = 0xffffffff;
  for (let i = 0; i < text.length; i += 1) {
    crc = (CRC_TABLE[(crc ^ text.charCodeAt(i)) & 0xff] ?? 0) ^ (crc >>> 8);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
