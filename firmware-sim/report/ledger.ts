import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { dirname } from 'node:path';
import type { AcknowledgedAs } from '../device/outbox-observer.ts';
import type { Pack } from '../pack.ts';
import { UsageError } from '../usage-error.ts';

/** One line of JSON for each acknowledged pack: what must be found in the store. */
export class Ledger {
  readonly #file: WriteStream;

  constructor(file: WriteStream) {
    this.#file = file;
  }

  note({ deviceId, metrics, readings }: Pack, nonce: number, outcome: AcknowledgedAs): void {
    this.#file.write(`${JSON.stringify({ device: deviceId, nonce, metrics, readings, outcome })}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#file.end();
    await finished(this.#file);
  }
}

export async function openLedger(path: string): Promise<Ledger> {
  try {
    mkdirSync(dirname(path), { recursive: true });
    const file = createWriteStream(path);
    await once(file, 'open');
    return new Ledger(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`--ledger ${path} cannot be written: ${reason}`, { cause });
  }
}
