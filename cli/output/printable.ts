/** They would move the cursor of whoever reads it, begin a line of their own or worse. */
const CONTROL_CHARACTERS = /\p{Cc}/gu;
/** Those that JSON leaves as they are: a terminal may take U+009B for the begin of a command. */
const UNESCAPED_IN_JSON = /[\u007f-\u009f]/g;
const SHORT = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/** One line of text that a terminal shows and does not obey, whoever it is from: control characters are `\x1b`, `\n`. */
export function printable(text: string): string {
  return text.replace(CONTROL_CHARACTERS, (each) => SHORT.get(each) ?? `\\x${hexOf(each, 2)}`);
}

/** The same of a text of several lines. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** JSON that means the same as always. */
export function formatJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(UNESCAPED_IN_JSON, (each) => `\\u${hexOf(each, 4)}`);
}

function hexOf(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, '0');
}
