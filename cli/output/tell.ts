import { formatJson, printable } from './printable.ts';

export interface OutputOptions {
  /** One JSON object on standard output, in place of what people read. */
  readonly json?: boolean;
}

/** What was asked for. @param lines for people, without their line ends */
export function tellResult({ json }: OutputOptions, result: object, lines: readonly string[]): void {
  tellLines(json === true ? [formatJson(result)] : lines);
}

/** One line or several of what was asked for, as it comes. */
export function tellLines(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${printable(line)}\n`).join(''));
}

/** What was done. People are told on standard error, which leaves standard output to what is asked for. */
export function tellDone({ json }: OutputOptions, result: object, line: string): void {
  if (json === true) tellLines([formatJson(result)]);
  else tellAside(line);
}

/** What people are told beside the result. */
export function tellAside(line: string): void {
  process.stderr.write(`${printable(line)}\n`);
}
