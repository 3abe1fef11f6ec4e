/** What is accepted of CBOR; see `CborStrictness`. */
export interface ReferenceProfile {
  readonly floats: boolean;
  readonly loose: boolean;
  readonly tags: readonly number[];
}

export interface ReferenceTag {
  readonly tag: number;
  readonly value: unknown;
}

class Refusal extends Error {}

const BREAK = Symbol('break');
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * RFC 8949, read slowly and by nothing of the code that is tested. Undefined for what is refused: whatever two readers
 * could read differently, and every map key that is neither an integer nor text.
 */
export function readReferenceCbor(bytes: Uint8Array, profile: ReferenceProfile): { value: unknown } | undefined {
  const reader = new ReferenceReader(Buffer.from(bytes), profile);
  try {
    return { value: reader.readOnly() };
  } catch (error) {
    if (error instanceof Refusal || error instanceof RangeError || error instanceof TypeError) return undefined;
    throw error;
  }
}

class ReferenceReader {
  readonly #bytes: Buffer;
  readonly #profile: ReferenceProfile;
  #at = 0;

  constructor(bytes: Buffer, profile: ReferenceProfile) {
    this.#bytes = bytes;
    this.#profile = profile;
  }

  readOnly(): unknown {
    const value = this.#item();
    this.#require(value !== BREAK && this.#at === this.#bytes.length);
    return value;
  }

  #require(holds: boolean): void {
    if (!holds) throw new Refusal();
  }

  /** An item that is there: no break. */
  #value(): unknown {
    const value = this.#item();
    this.#require(value !== BREAK);
    return value;
  }

  #item(): unknown {
    const first = this.#bytes.readUInt8(this.#at);
    this.#at += 1;
    const major = first >> 5;
    const info = first & 31;
    if (major === 7) return this.#simple(info);
    if (info === 31) return this.#indefinite(major);
    const argument = this.#argument(info);
    switch (major) {
      case 0:
        return this.#safe(argument);
      case 1:
        return this.#safe(-1n - argument);
      case 2:
        return new Uint8Array(this.#take(argument));
      case 3:
        return utf8.decode(this.#take(argument));
      case 4:
        return this.#array(this.#safe(argument));
      case 5:
        return this.#map(this.#safe(argument));
      default:
        this.#require(this.#profile.tags.includes(this.#safe(argument)));
        return { tag: Number(argument), value: this.#value() } satisfies ReferenceTag;
    }
  }

  #argument(info: number): bigint {
    if (info < 24) return BigInt(info);
    this.#require(info < 28);
    const width = 2 ** (info - 24);
    const argument = BigInt(`0x${this.#take(BigInt(width)).toString('hex')}`);
    const smallest = width === 1 ? 24n : 2n ** BigInt(width * 4);
    this.#require(this.#profile.loose || argument >= smallest);
    return argument;
  }

  #take(length: bigint): Buffer {
    const end = BigInt(this.#at) + length;
    this.#require(end <= BigInt(this.#bytes.length));
    const taken = this.#bytes.subarray(this.#at, Number(end));
    this.#at = Number(end);
    return taken;
  }

  #safe(value: bigint): number {
    this.#require(Number.isSafeInteger(Number(value)));
    return Number(value);
  }

  #indefinite(major: number): unknown {
    this.#require(this.#profile.loose && (major === 4 || major === 5));
    return major === 4 ? this.#array(Infinity) : this.#map(Infinity);
  }

  #array(length: number): unknown[] {
    const items: unknown[] = [];
    while (items.length < length) {
      const item = this.#item();
      if (item === BREAK && length === Infinity) return items;
      this.#require(item !== BREAK);
      items.push(item);
    }
    return items;
  }

  #map(length: number): Map<unknown, unknown> {
    const map = new Map<unknown, unknown>();
    while (map.size < length) {
      const isInteger = (this.#bytes[this.#at] ?? 0) >> 5 < 2;
      const key = this.#item();
      if (key === BREAK && length === Infinity) return map;
      this.#require((isInteger || typeof key === 'string') && !map.has(key));
      map.set(key, this.#value());
    }
    return map;
  }

  #simple(info: number): unknown {
    if (info === 20 || info === 21) return info === 21;
    if (info === 22) return null;
    if (info === 31) return BREAK;
    this.#require(this.#profile.floats && info >= 25 && info <= 27);
    if (info === 25) return half(this.#take(2n).readUInt16BE());
    return info === 26 ? this.#take(4n).readFloatBE() : this.#take(8n).readDoubleBE();
  }
}

/** RFC 8949 appendix D. */
function half(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent < 31) return sign * (mantissa + 1024) * 2 ** (exponent - 25);
  return mantissa === 0 ? sign * Infinity : NaN;
}
