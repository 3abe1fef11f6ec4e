import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../usage-error.ts';
import { createDevice, type Placement } from './create-device.ts';
import { formatFleet, parseFleet, type FleetDevice } from './fleet-device.ts';
import { lockFleet } from './fleet-lock.ts';

/** The devices of one fleet file, kept between runs. Held by one process at a time. */
export class Fleet {
  readonly #path: string;
  readonly #devices: Map<string, FleetDevice>;
  readonly #lock: Disposable;

  constructor(path: string, devices: readonly FleetDevice[], lock: Disposable) {
    this.#path = path;
    this.#devices = new Map(devices.map((device) => [device.id, device]));
    this.#lock = lock;
  }

  /** The devices of these names, in this order; those that do not exist yet are made. */
  enlist(placements: readonly Placement[]): readonly FleetDevice[] {
    const before = this.#devices.size;
    const enlisted = placements.map((placement) => {
      const device = this.#devices.get(placement.id) ?? createDevice(placement);
      this.#devices.set(device.id, device);
      return device;
    });
    if (this.#devices.size > before) this.#save();
    return enlisted;
  }

  /** Returns when the marks are in the file: only then may nonces up to them be used. */
  reserveNonces(marks: ReadonlyMap<string, number>): void {
    for (const [deviceId, mark] of marks) {
      const device = this.#devices.get(deviceId);
      if (device !== undefined && mark > device.nonce_reserved) device.nonce_reserved = mark;
    }
    this.#save();
  }

  #save(): void {
    const temporary = `${this.#path}.${process.pid}.tmp`;
    writeFileSync(temporary, formatFleet([...this.#devices.values()]), { mode: 0o600 });
    renameSync(temporary, this.#path);
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }
}

export function openFleet(path: string): Fleet {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const lock = lockFleet(path);
  try {
    return new Fleet(path, existsSync(path) ? loadFleet(path) : [], lock);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

function loadFleet(path: string): readonly FleetDevice[] {
  try {
    return parseFleet(readFileSync(path, 'utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
    const [issue] = error instanceof z.ZodError ? error.issues : [];
    const what = issue === undefined ? 'not JSON' : `${issue.path.join('.')}: ${issue.message}`;
    throw new UsageError(`${path} is not a fleet file (${what}): move it away, or give another folder with --fleet`);
  }
}
