import { readCpuMs, readEventLoopMs, readFamilyMs } from '../process-cost.ts';

export const PARTS = ['ingest_event_loop', 'ingest_verification', 'redis', 'worker', 'postgres'] as const;
export type Part = (typeof PARTS)[number];

/** Processor time of the parts of the platform, milliseconds. */
export type PartTimes = Readonly<Record<Part, number>>;

export interface PartPids {
  readonly ingest: number;
  readonly redis: number;
  readonly worker: number;
  /** The server that has started all others. */
  readonly postgres: number;
}

/** So far. What ingest does beside its event loop is verification, and the collection of garbage. */
export function readPartTimes(pids: PartPids): PartTimes {
  const loopMs = readEventLoopMs(pids.ingest);
  return {
    ingest_event_loop: loopMs,
    ingest_verification: readCpuMs(pids.ingest) - loopMs,
    redis: readCpuMs(pids.redis),
    worker: readCpuMs(pids.worker),
    postgres: readFamilyMs(pids.postgres),
  };
}

export function mapParts(compute: (part: Part) => number): PartTimes {
  const [loop, verification, redis, worker, postgres] = PARTS.map(compute) as [number, number, number, number, number];
  return { ingest_event_loop: loop, ingest_verification: verification, redis, worker, postgres };
}
