import { globals } from './globals.ts';

/** Who is told of which events. */
export class Listeners<Events extends object> {
  readonly #of = new Map<keyof Events, Set<(event: never) => void>>();

  /** Answers a function that ends it. */
  add<Type extends keyof Events>(type: Type, listener: (event: Events[Type]) => void): () => void {
    const listeners = this.#of.get(type) ?? new Set();
    this.#of.set(type, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /** A listener that throws keeps nobody else from hearing; it is reported as any error that nobody has caught. */
  emit<Type extends keyof Events>(type: Type, event: Events[Type]): void {
    for (const listener of [...(this.#of.get(type) ?? [])]) {
      try {
        listener(event as never);
      } catch (error) {
        if (globals.reportError === undefined) globals.console.error(error);
        else globals.reportError(error);
      }
    }
  }
}
