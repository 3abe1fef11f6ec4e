import fc from 'fast-check';

const KINDS = ['flip', 'set', 'insert', 'delete', 'repeat', 'truncate', 'splice', 'piece'] as const;

type Edit = readonly [kind: (typeof KINDS)[number], at: number, length: number, byte: number];

const edits: fc.Arbitrary<Edit[]> = fc.array(
  fc.tuple(fc.constantFrom(...KINDS), fc.nat(0xffff), fc.nat(48), fc.nat(255)),
  { maxLength: 5 },
);

/** Valid inputs with a few places damaged; `pieces` are put in where they hurt. Without an edit it is the valid input. */
export function mutated(
  corpus: readonly Uint8Array[],
  pieces: readonly Uint8Array[] = corpus,
): fc.Arbitrary<Uint8Array> {
  return fc.tuple(fc.constantFrom(...corpus), edits).map(([start, changes]) => {
    let bytes = Buffer.from(start);
    for (const change of changes) bytes = Buffer.from(apply(bytes, change, corpus, pieces));
    return bytes;
  });
}

/** The same for text of which every character is one byte. */
export function mutatedText(corpus: readonly string[], pieces: readonly string[] = []): fc.Arbitrary<string> {
  const bytesOf = (texts: readonly string[]) => texts.map((text) => Buffer.from(text, 'latin1'));
  return mutated(bytesOf(corpus), bytesOf([...pieces, ...corpus])).map((bytes) =>
    Buffer.from(bytes).toString('latin1'),
  );
}

function apply(
  bytes: Buffer,
  [kind, place, length, byte]: Edit,
  corpus: readonly Uint8Array[],
  pieces: readonly Uint8Array[],
): Uint8Array {
  const at = place % (bytes.length + 1);
  const before = bytes.subarray(0, at);
  const after = bytes.subarray(at);
  switch (kind) {
    case 'flip':
      return Buffer.concat([before, after.subarray(0, 1).map((value) => value ^ (1 << (byte % 8))), after.subarray(1)]);
    case 'set':
      return Buffer.concat([before, Buffer.of(byte), after.subarray(1)]);
    case 'insert':
      return Buffer.concat([before, Buffer.of(byte), after]);
    case 'delete':
      return Buffer.concat([before, after.subarray(length)]);
    case 'repeat':
      return Buffer.concat([before, after.subarray(0, length), after]);
    case 'truncate':
      return before;
    case 'splice':
      return Buffer.concat([before, (corpus[byte % corpus.length] ?? bytes).subarray(at)]);
    case 'piece':
      return Buffer.concat([before, pieces[byte % pieces.length] ?? bytes, after.subarray(length % 3)]);
  }
}
