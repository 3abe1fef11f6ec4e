import fc from 'fast-check';

/** The head of an item (RFC 8949 section 3): `width` 0 is the shortest, else so many bytes for the argument. */
export function cborHead(major: number, argument: number | bigint, width: 0 | 1 | 2 | 4 | 8 = 0): Buffer {
  const value = BigInt(argument);
  const bytes = width === 0 ? shortest(value) : width;
  if (bytes === 0) return Buffer.of((major << 5) | Number(value));
  const out = Buffer.alloc(9);
  out[0] = (major << 5) | (24 + Math.log2(bytes));
  out.writeBigUInt64BE(BigInt.asUintN(bytes * 8, value) << BigInt(64 - bytes * 8), 1);
  return out.subarray(0, 1 + bytes);
}

function shortest(value: bigint): 0 | 1 | 2 | 4 | 8 {
  if (value < 24n) return 0;
  if (value < 2n ** 8n) return 1;
  if (value < 2n ** 16n) return 2;
  return value < 2n ** 32n ? 4 : 8;
}

const widths = fc.oneof({ weight: 6, arbitrary: fc.constant(0 as const) }, fc.constantFrom(1, 2, 4, 8));
const integers = fc.oneof(
  fc.bigInt(0n, 16n),
  fc.constantFrom(
    23n,
    24n,
    255n,
    256n,
    2n ** 32n - 1n,
    2n ** 32n,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 63n,
    2n ** 64n - 1n,
  ),
);
const head = (major: number, arguments_: fc.Arbitrary<bigint>) =>
  fc.tuple(arguments_, widths).map(([argument, width]) => cborHead(major, argument, width));

const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }).map((text) => Buffer.from(text)),
  // A byte order mark, a surrogate, an overlong NUL, a lone continuation, SenML names as text.
  fc
    .constantFrom('efbbbf61', 'eda080', 'c080', 'ff', '', '6e', '76', '5f5f70726f746f5f5f')
    .map((hex) => Buffer.from(hex, 'hex')),
);
const strings = fc
  .tuple(fc.constantFrom(2, 3), texts, widths, fc.boolean())
  .map(([major, content, width, lies]) =>
    Buffer.concat([cborHead(major, content.length + (lies && content.length % 3 === 0 ? 1 : 0), width), content]),
  );
/** Simple values, floats of each width, a break, reserved heads, lengths that nobody has. */
const simples = fc.constantFrom(
  ...'f4 f5 f6 f7 f818 f0 f90000 f93c00 f94000 f97e00 f97c00 fa40000000 fb4000000000000000 fb7ff0000000000000 fb8000000000000000 ff 1c 3d 5f 7f 7f6161ff 5b7fffffffffffffff 9b00000000ffffffff bbffffffffffffffff 9affffffff'
    .split(' ')
    .map((hex) => Buffer.from(hex, 'hex')),
);
const LEAVES = fc.oneof(head(0, integers), head(1, integers), strings, simples);

const { item } = fc.letrec<{ item: Buffer }>((tie) => {
  const items = fc.array(tie('item'), { maxLength: 4 });
  const pairs = fc.array(
    fc.tuple(tie('item'), tie('item')).map((pair) => Buffer.concat(pair)),
    { maxLength: 3 },
  );
  const container = (major: number) => (of: Buffer[]) => Buffer.concat([cborHead(major, of.length), ...of]);
  const indefinite = (first: number) => (of: Buffer[]) => Buffer.concat([Buffer.of(first), ...of, Buffer.of(0xff)]);
  const tags = fc.constantFrom(0, 2, 4, 18, 98, 55799);
  return {
    item: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      LEAVES,
      items.map(container(4)),
      pairs.map(container(5)),
      items.map(indefinite(0x9f)),
      pairs.map(indefinite(0xbf)),
      fc.tuple(tags, tie('item')).map(([tag, content]) => Buffer.concat([cborHead(6, tag), content])),
    ),
  };
});

/** One item, mostly well-formed, of everything that CBOR has. */
export const cborItems: fc.Arbitrary<Uint8Array> = item;

/** One head again and again, to the size of the largest message; with an end, if it is one that ends. */
export const deepCbor: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.constantFrom('81', '9f', 'a100', 'bf00', 'c4', 'd2', '8200', 'a181', '00'),
    fc.oneof(fc.integer({ min: 1, max: 131_072 }), fc.integer({ min: 1, max: 4096 })),
    fc.constantFrom('', '00', 'ff', 'f6'),
  )
  .map(([hex, times, end]) => Buffer.from(hex.repeat(times) + end, 'hex'));
