import type { TemplatedApp } from '../../../platform/http/uws.ts';

/** Counts the connections of an app. */
export class OpenConnections {
  #count = 0;
  #whenNone: (() => void) | undefined;

  constructor(app: TemplatedApp) {
    app.filter((_response, change) => {
      this.#count += Number(change);
      if (this.#count === 0) this.#whenNone?.();
    });
  }

  get count(): number {
    return this.#count;
  }

  /** Resolves when there is none, or after the time. */
  async none(withinMs: number): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#whenNone = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
