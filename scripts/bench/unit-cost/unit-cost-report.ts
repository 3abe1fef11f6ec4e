import type { BenchReport } from '../bench.ts';
import { mapParts, PARTS, type PartTimes } from './part-times.ts';

export const DEVICES = 20_000;
/** So few that hardly one waits for another: nothing is done for several at once. */
export const QUIET_PER_S = 400;
/** Most of what ingest and Redis can do on two cores with their load beside them. */
export const BUSY_PER_S = 1000;
/** Of a pack. */
export const READINGS = 10;

export interface Costs {
  /** Processor time in a second without packs, milliseconds, before any device was heard and after all were. */
  readonly idle: PartTimes;
  readonly idleHeard: PartTimes;
  /**
   * Of a pack of ten readings, microseconds: with time left, and of a busy ingest which still has the device's public key
   * or has to import it.
   */
  readonly quiet: PartTimes;
  readonly busyKnown: PartTimes;
  readonly busyUnknown: PartTimes;
  /** Of worker and database that catch up, a pack of ten readings and one of one, microseconds. */
  readonly storing: PartTimes;
  readonly storingSingle: PartTimes;
}

interface Measured {
  readonly costs: Costs;
  /** Of one signature by OpenSSL on one core of this machine in this minute, microseconds. */
  readonly verifyUs: number;
  /** Processor time in a second in which association asks who is there, milliseconds; nobody has been heard again. */
  readonly listening: number;
  readonly bytes: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

export function reportUnitCost({ costs, verifyUs, listening, bytes, problems }: Measured): BenchReport {
  const columns = (cells: readonly string[]): string => cells.map((cell) => cell.padStart(21)).join('');
  const line = (name: string, times: PartTimes): string =>
    `${name.padEnd(48)}${columns(PARTS.map((part) => times[part].toFixed(0)))}`;
  const rounded = (times: PartTimes): PartTimes => mapParts((part) => Number(times[part].toFixed(1)));
  return {
    fields: {
      devices: DEVICES,
      verify_us: Number(verifyUs.toFixed(1)),
      cpu_us_per_pack: {
        quiet: rounded(costs.quiet),
        busy_known_key: rounded(costs.busyKnown),
        busy_unknown_key: rounded(costs.busyUnknown),
        storing_10: rounded(costs.storing),
        storing_1: rounded(costs.storingSingle),
      },
      idle_ms_per_s: {
        before: rounded(costs.idle),
        heard: rounded(costs.idleHeard),
      },
      listening_ms_per_s: Number(listening.toFixed(1)),
      bytes: Object.fromEntries(Object.entries(bytes).map(([name, value]) => [name, Math.round(value)])),
    },
    lines: [
      `one signature on one core                       ${verifyUs.toFixed(0)} us: what follows is as fast as this machine is now`,
      `${'processor time'.padEnd(48)}${columns(PARTS)}`,
      line(`us a pack of ${READINGS}, ${QUIET_PER_S} a second`, costs.quiet),
      line(`us a pack of ${READINGS}, ${BUSY_PER_S} a second, key unknown`, costs.busyUnknown),
      line(`us a pack of ${READINGS}, ${BUSY_PER_S} a second, key known`, costs.busyKnown),
      line(`us catching up, a pack of ${READINGS}`, costs.storing),
      line('us catching up, a pack of 1', costs.storingSingle),
      line('ms a second without packs, no device heard', costs.idle),
      line(`ms a second without packs, ${DEVICES} heard`, costs.idleHeard),
      `ms a second to know who is there, of ${DEVICES}    ${listening.toFixed(0)}`,
      ...Object.entries(bytes).map(([name, value]) => `${name.padEnd(48)}${Math.round(value)} bytes`),
    ],
    problems,
  };
}
