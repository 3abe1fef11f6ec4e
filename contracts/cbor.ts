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
 * duplicate keys, keys that are neither integers nor text, text that is not UTF-8, integers beyond 2^53, unknown tags, bytes after the item.
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

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

type Token = ReturnType<Tokenizer['next']>;

/** An array, a map or a tag that is being read. */
interface Open {
  readonly isMap: boolean;
  /** Items that are due, keys and values of a map each counted; infinite where a break ends them. */
  readonly due: number;
  read: number;
}

class StrictTokenizer extends Tokenizer {
  readonly #floats: boolean;
  readonly #open: Open[] = [];

  constructor(bytes: Uint8Array, options: DecodeOptions, floats: boolean) {
    super(bytes, options);
    this.#floats = floats;
  }

  override next(): Token {
    const token = super.next();
    if (Type.equals(token.type, Type.float) && !this.#floats) throw new Error('a float');
    // The decoder replaces what is not UTF-8 and drops a byte order mark; this throws, and keeps it.
    if (Type.equals(token.type, Type.string) && token.byteValue !== undefined) {
      token.value = utf8.decode(token.byteValue);
    }
    this.#place(token);
    return token;
  }

  /** Keeps track of where the token stands: the decoder takes 2.0 for the key 2, and two equal byte strings for two keys. */
  #place(token: Token): void {
    const around = this.#open.at(-1);
    if (Type.equals(token.type, Type.break)) {
      // The decoder would let it stand for the value of a key.
      if (around?.due !== Infinity || (around.isMap && around.read % 2 === 1)) throw new Error('a break out of place');
      this.#open.pop();
    } else {
      if (around?.isMap === true && around.read % 2 === 0 && !isKey(token)) throw new Error('a key of another type');
      if (around !== undefined) around.read += 1;
      const due = itemsWithin(token);
      if (due > 0) this.#open.push({ isMap: Type.equals(token.type, Type.map), due, read: 0 });
    }
    for (let last = this.#open.at(-1); last !== undefined && last.read === last.due; last = this.#open.at(-1)) {
      this.#open.pop();
    }
  }
}

function isKey({ type }: Token): boolean {
  return Type.equals(type, Type.uint) || Type.equals(type, Type.negint) || Type.equals(type, Type.string);
}

function itemsWithin({ type, value }: Token): number {
  if (Type.equals(type, Type.tag)) return 1;
  if (Type.equals(type, Type.array)) return Number(value);
  return Type.equals(type, Type.map) ? Number(value) * 2 : 0;
}
