/**
 * Structured Field Dictionaries (RFC 9651 section 4.2.2), as the signature fields need them: strict, members and
 * parameters in order with duplicates kept (the standard lets the last one win; a verifier must refuse them), and the
 * text of each member as it was received. Dates and display strings are not part of RFC 9421 and are refused.
 */
export type BareItem =
  | { readonly type: 'integer' | 'decimal'; readonly value: number }
  | { readonly type: 'string' | 'token'; readonly value: string }
  | { readonly type: 'bytes'; readonly base64: string }
  | { readonly type: 'boolean'; readonly value: boolean };

export type Parameters = readonly (readonly [name: string, value: BareItem])[];

export interface Item {
  readonly bare: BareItem;
  readonly parameters: Parameters;
}

export interface DictionaryMember {
  readonly key: string;
  /** The member's value and parameters, exactly as received; empty for a member that is only a key. */
  readonly text: string;
  readonly value:
    | { readonly kind: 'item'; readonly bare: BareItem }
    | { readonly kind: 'inner-list'; readonly items: readonly Item[] };
  readonly parameters: Parameters;
}

/** Undefined when the text is not a dictionary. */
export function parseDictionary(text: string): readonly DictionaryMember[] | undefined {
  const parser = new DictionaryParser(text);
  try {
    return parser.parse();
  } catch (error) {
    if (error instanceof SyntaxMismatch) return undefined;
    throw error;
  }
}

class SyntaxMismatch extends Error {}

const KEY = /[a-z*][a-z0-9_\-.*]*/y;
const NUMBER = /-?[0-9]+(?:\.[0-9]+)?/y;
const STRING = /"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"/y;
const TOKEN = /[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*/y;
/** Base64 with or without its padding, but with none of another length. */
const BYTES = /:((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?):/y;
const BOOLEAN = /\?([01])/y;
const OWS = /[ \t]*/y;
const SP = / */y;

class DictionaryParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): readonly DictionaryMember[] {
    const members: DictionaryMember[] = [];
    this.#match(SP);
    while (this.#at < this.#text.length) {
      members.push(this.#member());
      this.#match(OWS);
      if (this.#at === this.#text.length) break;
      this.#expect(',');
      this.#match(OWS);
      if (this.#at === this.#text.length) throw new SyntaxMismatch();
    }
    return members;
  }

  #member(): DictionaryMember {
    const key = this.#match(KEY)[0];
    if (this.#text[this.#at] !== '=') {
      const start = this.#at;
      const parameters = this.#parameters();
      const value = { kind: 'item', bare: { type: 'boolean', value: true } } as const;
      return { key, text: this.#text.slice(start, this.#at), value, parameters };
    }
    this.#at += 1;
    const start = this.#at;
    const value =
      this.#text[this.#at] === '('
        ? ({ kind: 'inner-list', items: this.#innerList() } as const)
        : ({ kind: 'item', bare: this.#bareItem() } as const);
    const parameters = this.#parameters();
    return { key, text: this.#text.slice(start, this.#at), value, parameters };
  }

  #innerList(): Item[] {
    this.#expect('(');
    const items: Item[] = [];
    for (;;) {
      this.#match(SP);
      if (this.#text[this.#at] === ')') break;
      items.push({ bare: this.#bareItem(), parameters: this.#parameters() });
      const next = this.#text[this.#at];
      if (next !== ' ' && next !== ')') throw new SyntaxMismatch();
    }
    this.#expect(')');
    return items;
  }

  #parameters(): Parameters {
    const parameters: [string, BareItem][] = [];
    while (this.#text[this.#at] === ';') {
      this.#at += 1;
      this.#match(SP);
      const name = this.#match(KEY)[0];
      if (this.#text[this.#at] === '=') {
        this.#at += 1;
        parameters.push([name, this.#bareItem()]);
      } else {
        parameters.push([name, { type: 'boolean', value: true }]);
      }
    }
    return parameters;
  }

  #bareItem(): BareItem {
    const first = this.#text[this.#at] ?? '';
    if (first === '"') {
      return { type: 'string', value: (this.#match(STRING)[1] ?? '').replaceAll(/\\(["\\])/g, '$1') };
    }
    if (first === ':') return { type: 'bytes', base64: this.#match(BYTES)[1] ?? '' };
    if (first === '?') return { type: 'boolean', value: this.#match(BOOLEAN)[1] === '1' };
    if (first === '-' || (first >= '0' && first <= '9')) return this.#number();
    return { type: 'token', value: this.#match(TOKEN)[0] };
  }

  /** Integers have at most 15 digits, decimals at most 12 and 3 (RFC 9651 section 3.3). */
  #number(): BareItem {
    const text = this.#match(NUMBER)[0];
    const [whole = '', fraction] = text.replace('-', '').split('.');
    if (fraction === undefined) {
      if (whole.length > 15) throw new SyntaxMismatch();
      return { type: 'integer', value: Number(text) };
    }
    if (whole.length > 12 || fraction.length > 3) throw new SyntaxMismatch();
    return { type: 'decimal', value: Number(text) };
  }

  #match(pattern: RegExp): RegExpExecArray {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) throw new SyntaxMismatch();
    this.#at += match[0].length;
    return match;
  }

  #expect(character: string): void {
    if (this.#text[this.#at] !== character) throw new SyntaxMismatch();
    this.#at += 1;
  }
}
