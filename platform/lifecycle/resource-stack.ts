import type { Logger } from '../log/logger.ts';

type Close = () => Promise<void> | void;

/** What was opened, closed in reverse order; one that fails to close does not keep the others open. */
export class ResourceStack {
  readonly #log: Logger;
  readonly #open: { name: string; close: Close }[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  defer(name: string, close: Close): void {
    this.#open.push({ name, close });
  }

  /** Names of what is still open, the first to close first. */
  names(): string[] {
    return this.#open.map((resource) => resource.name).reverse();
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
