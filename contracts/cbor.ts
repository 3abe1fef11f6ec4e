import { decode, Tokenizer, Type, type DecodeOptions } from 'cborg';

export interface CborStrictness {
  /** Floats would let 1.0 pass for 1. */
  readonly floats: boolean;
  /** Indefinite lengths, and integers and lengths that are longer than they need be. */
  readonly loose: boolean;
  readonly tags?: DecodeOptions['tags'];
}

/**
 * Decodes exactly one CBOR item (RFC 8949), maps as Map. Undefined for anything that two readers could read differently:
 * duplicate keys, text that is not UTF-8, integers beyond 2^53, unknown tags, bytes after the item.
 */
export function parseCbor(bytes: Uint8Array, { floats, loose, tags }: CborStrictness): { value: unknown } | undefined {
  const options: DecodeOptions = {
    allowIndefinite: loose,
    strict: !loose,
    allowUndefined: false,
    allowBigInt: false,
    useMaps: true,
    rejectDuplicateMapKeys: true,
    retainStringBytes: true,
    ...(tags !== undefined && { tags }),
  };
  const tokenizer = new StrictTokenizer(bytes, options, floats);
  try {
    const value: unknown = decode(bytes, { ...options, tokenizer });
    return { value };
  } catch {
    // The decoder has no error class of its own, and nesting too deep is a RangeError.
    return undefined;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

class StrictTokenizer extends Tokenizer {
  readonly #floats: boolean;

  constructor(bytes: Uint8Array, options: DecodeOptions, floats: boolean) {
    super(bytes, options);
    this.#floats = floats;
  }

  override next(): ReturnType<Tokenizer['next']> {
    const token = super.next();
    if (Type.equals(token.type, Type.float) && !this.#floats) throw new Error('a float');
    // The decoder replaces what is not UTF-8; this throws.
    if (Type.equals(token.type, Type.string) && token.byteValue !== undefined) utf8.decode(token.byteValue);
    return token;
  }
}
