export interface OutputOptions {
  /** One JSON object on standard output, in place of what people read. */
  readonly json?: boolean;
}

/** What was asked for. @param text for people, with its line ends */
export function tellResult({ json }: OutputOptions, result: object, text: string): void {
  process.stdout.write(json === true ? `${JSON.stringify(result)}\n` : text);
}

/** What was done. People are told on standard error, which leaves standard output to what is asked for. */
export function tellDone({ json }: OutputOptions, result: object, line: string): void {
  if (json === true) process.stdout.write(`${JSON.stringify(result)}\n`);
  else process.stderr.write(`${line}\n`);
}
