import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';

const ledgerLineSchema = z.object({
  device: z.string(),
  metrics: z.array(z.string()),
  /** Index of the metric, Unix microseconds, value. */
  readings: z.array(z.tuple([z.int(), z.int(), z.unknown()])),
  outcome: z.enum(['accepted', 'already-delivered']),
});

export interface Acknowledged {
  /** Readings, each time that they were acknowledged. */
  readonly count: number;
  /** Device to metric to times in Unix microseconds, each once. */
  readonly keys: ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<number>>>;
  readonly distinct: number;
}

export const NOTHING_ACKNOWLEDGED: Acknowledged = { count: 0, keys: new Map(), distinct: 0 };

function entryOf<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const created = create();
  map.set(key, created);
  return created;
}

/** What the simulator's ledger says was acknowledged. */
export async function loadAcknowledged(path: string): Promise<Acknowledged> {
  const keys = new Map<string, Map<string, Set<number>>>();
  let count = 0;
  let distinct = 0;
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    const line = ledgerLineSchema.parse(JSON.parse(text));
    const ofDevice = entryOf(keys, line.device, () => new Map<string, Set<number>>());
    for (const [metricIndex, timeUs] of line.readings) {
      const metric = line.metrics[metricIndex];
      if (metric === undefined) throw new Error(`${path} names a metric that it does not list: ${text}`);
      const times = entryOf(ofDevice, metric, () => new Set<number>());
      count += 1;
      if (!times.has(timeUs)) distinct += 1;
      times.add(timeUs);
    }
  }
  return { count, keys, distinct };
}
