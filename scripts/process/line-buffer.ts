/** The last lines that a process wrote: enough to say why it failed. */
export class LineBuffer {
  readonly #capacity: number;
  readonly #lines: string[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > this.#capacity) this.#lines.shift();
  }

  last(count: number): readonly string[] {
    return this.#lines.slice(-count);
  }
}
