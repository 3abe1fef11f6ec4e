import fc from 'fast-check';

const MAX_CHARACTERS = 4000;

/** For a person who wants to put it into a test: bytes in hexadecimal, everything else as it would be written in code. */
export function describeInput(input: unknown): string {
  const text = input instanceof Uint8Array ? `hex ${Buffer.from(input).toString('hex')}` : fc.stringify(input);
  if (text.length <= MAX_CHARACTERS) return text;
  return `${text.slice(0, MAX_CHARACTERS)}… (${text.length} characters)`;
}
