import type { AdmittedPack } from '../../../contracts/admitted-pack.ts';
import type { DeviceClocks } from '../clocks/device-clocks.ts';
import type { StrayReports } from '../security/stray-reports.ts';
import type { PositionsStore } from './positions-store.ts';
import type { ReadingsStore, StoreResult } from './readings-store.ts';

export interface PackStoreParts {
  readonly readings: ReadingsStore;
  readonly positions: PositionsStore;
  readonly strays: StrayReports;
  readonly clocks: DeviceClocks;
}

/** Keeps all that a batch of packs says. When it rejects, the batch is stored again, and what is there already stays as it is. */
export class PackStore {
  readonly #parts: PackStoreParts;

  constructor(parts: PackStoreParts) {
    this.#parts = parts;
  }

  async store(packs: readonly AdmittedPack[]): Promise<StoreResult> {
    const { readings, positions, strays, clocks } = this.#parts;
    const result = await readings.store(packs);
    // What has no place among the readings says nothing of positions either.
    const storable = packs.filter((_, index) => !result.unstorable.has(index));
    await strays.report(await positions.store(storable));
    clocks.observe(packs);
    return result;
  }
}
