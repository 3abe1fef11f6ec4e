import * as oracle from 'structured-headers';
import type { BareItem, DictionaryMember, Parameters } from '../../contracts/structured-fields.ts';

/** Dictionaries in one plain form, in which ours and an independent implementation's can be compared. */
export type Plain = unknown;

function plainBare(bare: BareItem): Plain {
  return bare.type === 'bytes' ? `:${Buffer.from(bare.base64, 'base64').toString('hex')}` : bare.value;
}

function plainParameters(parameters: Parameters): Plain {
  return [...new Map(parameters.map(([name, bare]) => [name, plainBare(bare)]))];
}

/** Of duplicates the last one wins, in the place of the first. */
export function plainOurs(members: readonly DictionaryMember[]): Plain {
  const plain = members.map(({ key, value, parameters }): [string, Plain] => {
    const inner =
      value.kind === 'item'
        ? plainBare(value.bare)
        : value.items.map((item) => [plainBare(item.bare), plainParameters(item.parameters)]);
    return [key, [inner, plainParameters(parameters)]];
  });
  return [...new Map(plain)];
}

function plainOracleBare(bare: unknown): Plain {
  if (bare instanceof ArrayBuffer) return `:${Buffer.from(bare).toString('hex')}`;
  return bare instanceof oracle.Token ? bare.toString() : bare;
}

function plainOracleParameters(parameters: oracle.Parameters): Plain {
  return [...parameters].map(([name, bare]) => [name, plainOracleBare(bare)]);
}

function plainOracle(dictionary: oracle.Dictionary): Plain {
  return [...dictionary].map(([key, [value, parameters]]) => {
    const inner = Array.isArray(value)
      ? value.map((item: oracle.Item) => [plainOracleBare(item[0]), plainOracleParameters(item[1])])
      : plainOracleBare(value);
    return [key, [inner, plainOracleParameters(parameters)]];
  });
}

/** What `structured-headers` makes of a text; undefined where it refuses. */
export function oracleAnswer(text: string): Plain {
  try {
    return plainOracle(oracle.parseDictionary(text));
  } catch {
    return undefined;
  }
}
