import type { Logger } from '../log/logger.ts';

type Close = () => Promise<void> | void;

interface Resource {
  readonly name: string;
  readonly close: Close;
  readonly parts: () => readonly string[];
}

/** What was opened, closed in reverse order; one that fails to close does not keep the others open. */
export class ResourceStack {
  readonly #log: Logger;
  readonly #open: Resource[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param parts names of those of its parts that are still open, for whoever wonders what it waits for */
  defer(name: string, close: Close, parts: () => readonly string[] = () => []): void {
    this.#open.push({ name, close, parts });
  }

  /** Names of what is still open, the first to close first. */
  names(): string[] {
    return this.#open
      .map(({ name, parts }) => {
        const open = parts();
        return open.length === 0 ? name : `${name} (${open.join(', ')})`;
      })
      .reverse();
  }

  async close(): Promise<void> {
    for (let resource = this.#open.at(-1); resource !== undefined; resource = this.#open.at(-1)) {
      try {
        await resource.close();
      } catch (error) {
        this.#log.error({ err: error, resource: resource.name }, 'could not be closed');
      }
      this.#open.pop();
    }
  }
}
