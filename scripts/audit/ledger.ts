import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';

const ledgerLineSchema = z.object({
  device: z.string(),
  metrics: z.array(z.string()),
  /** Index of the metric, Unix microseconds, value. */
  readings: z.array(z.tuple([z.int(), z.int(), z.number()])),
  outcome: z.enum(['accepted', 'already-delivered']),
});

export interface AcknowledgedReading {
  readonly device: string;
  readonly metric: string;
  readonly timeUs: number;
  readonly value: number;
}

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

/** What the simulator's ledger says was acknowledged, each time that it was. */
export async function* readLedger(path: string): AsyncGenerator<AcknowledgedReading> {
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    const { device, metrics, readings } = ledgerLineSchema.parse(JSON.parse(text));
    for (const [metricIndex, timeUs, value] of readings) {
      const metric = metrics[metricIndex];
      if (metric === undefined) throw new Error(`${path} names a metric that it does not list: ${text}`);
      yield { device, metric, timeUs, value };
    }
  }
}

export async function loadAcknowledged(path: string): Promise<Acknowledged> {
  const keys = new Map<string, Map<string, Set<number>>>();
  let count = 0;
  let distinct = 0;
  for await (const { device, metric, timeUs } of readLedger(path)) {
    const ofDevice = entryOf(keys, device, () => new Map<string, Set<number>>());
    const times = entryOf(ofDevice, metric, () => new Set<number>());
    count += 1;
    if (!times.has(timeUs)) distinct += 1;
    times.add(timeUs);
  }
  return { count, keys, distinct };
}
