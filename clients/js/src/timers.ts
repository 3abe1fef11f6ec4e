import { globals, type TimerId } from './globals.ts';

/** Timers that have names: one that is started again takes the place of the one before. */
export class Timers<Name extends string> {
  readonly #running = new Map<Name, TimerId>();

  has(name: Name): boolean {
    return this.#running.has(name);
  }

  start(name: Name, ms: number, action: () => void): void {
    this.stop(name);
    this.#running.set(
      name,
      globals.setTimeout(() => {
        this.#running.delete(name);
        action();
      }, ms),
    );
  }

  stop(name: Name): void {
    const timer = this.#running.get(name);
    if (timer !== undefined) globals.clearTimeout(timer);
    this.#running.delete(name);
  }

  stopAll(): void {
    for (const name of [...this.#running.keys()]) this.stop(name);
  }
}
