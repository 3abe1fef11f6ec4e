import { parseDetectCheckpoint } from '../../contracts/detect-checkpoint.ts';
import { parseDeviceRecord, type DeviceRecord } from '../../contracts/registry.ts';
import { decideTransition, type AlertState } from '../../core/alerts/alert-state.ts';
import { RuleIndex } from '../../core/detection/rule-index.ts';
import type { Rule } from '../../core/detection/rule.ts';
import type { ZoneArea } from '../../core/geo/zone-area.ts';
import { ShardDetector, type Caused } from '../../services/worker/detect/shard-detector.ts';
import { numberReading, packOf, positionReadings } from './admitted-packs.ts';

/** What comes from a device at a time, all in seconds. Nothing: time passes, and it is known that nothing has come. */
export interface HistoryStep {
  readonly at: number;
  readonly device?: string;
  readonly readings?: readonly (readonly [metric: string, timeS: number, value: number])[];
  readonly position?: readonly [timeS: number, lat: number, lon: number];
  /** The rules are other ones from here on. */
  readonly rules?: readonly Rule[];
  /** Devices that are others from here on, with what is not as usual. */
  readonly devices?: readonly Readonly<Record<string, unknown>>[];
}

export interface HistoryManner {
  /** Each entry is in the log twice. */
  readonly twice?: boolean;
  /** After each step another worker goes on, from what the one before it had kept so many steps ago. */
  readonly keptBehind?: number;
  /** All is read when it is over, as after an outage of the workers. */
  readonly readLate?: boolean;
}

/** An evening of 2023: far from zero, as times are. */
export const HISTORY_START_S = 1_700_000_000;
const START_MS = HISTORY_START_S * 1000;

interface Entry {
  readonly id: string;
  readonly step: HistoryStep;
}

export interface HistoryWorld {
  readonly devices?: readonly Readonly<Record<string, unknown>>[];
  readonly areas?: ReadonlyMap<string, ZoneArea>;
}

function deviceOf(changes: Readonly<Record<string, unknown>>): DeviceRecord {
  return parseDeviceRecord(
    JSON.stringify({
      id: 'dev-1',
      class: 'fixed',
      disabled: false,
      site: null,
      owner: null,
      position: { lat: 47.5, lon: 19, alt_m: null },
      zones: ['budapest'],
      keys: {},
      metrics: {},
      ...changes,
    }),
  );
}

/** What people are told of a history of one shard, as `kind@second`, through the detector of the worker and the life of alerts. */
export async function tellHistory(
  rules: readonly Rule[],
  steps: readonly HistoryStep[],
  { twice = false, keptBehind, readLate = false }: HistoryManner = {},
  { devices = [{}], areas }: HistoryWorld = {},
): Promise<readonly string[]> {
  const registry = new Map(devices.map((changes) => [deviceOf(changes).id, deviceOf(changes)]));
  const alerts = new Map<string, AlertState>();
  const told: string[] = [];
  const hash: Record<string, string> = {};
  const kept: Record<string, string>[] = [{}];
  const log: Entry[] = [];
  let index = new RuleIndex(rules, areas);

  const tell = ({ transitions }: Caused): void => {
    for (const { cause, transition } of transitions) {
      const key = `${transition.rule}|${transition.subject}`;
      const next = decideTransition(transition, alerts.get(key), transition.kind, cause);
      if (next === undefined) continue;
      alerts.set(key, next.state);
      const who = transition.subject === 'dev-1' ? '' : ` ${transition.subject}`;
      const status = transition.status === 'Actual' ? '' : ` ${transition.status}`;
      const severity = transition.severity === 'Minor' ? '' : ` ${transition.severity}`;
      told.push(`${transition.kind}@${(transition.at_us - START_MS * 1000) / 1e6}${severity}${who}${status}`);
    }
  };
  const detectorOf = (fields: Readonly<Record<string, string>>): ShardDetector =>
    new ShardDetector(parseDetectCheckpoint(fields), {
      active: new Set([...alerts].filter(([, { active }]) => active).map(([key]) => key)),
      cancelled: new Set([...alerts].filter(([, { cancelled }]) => cancelled).map(([key]) => key)),
      emitsTriggers: (id) => index.emitsTriggers(id),
      heard: new Map(),
    });
  const advance = async (detector: ShardDetector, atS: number): Promise<void> => {
    tell(await detector.advanceTime((HISTORY_START_S + atS) * 1e6, index, (id) => registry.get(id)));
  };
  const take = async (detector: ShardDetector, { id, step }: Entry, nowS: number): Promise<void> => {
    const { at, device: name = 'dev-1', readings = [], position } = step;
    const device = registry.get(name);
    if (device === undefined) throw new Error(`${name} is no device`);
    const receivedUs = (HISTORY_START_S + at) * 1e6;
    const us = (timeS: number): number => Math.round((HISTORY_START_S + timeS) * 1e6);
    const pack = packOf({
      device: name,
      receivedUs,
      readings: [
        ...readings.map(([metric, timeS, value]) => numberReading(metric, us(timeS), value)),
        ...(position === undefined ? [] : positionReadings(us(position[0]), position[1], position[2])),
      ],
    });
    await advance(detector, at);
    tell(detector.evaluate(id, pack, device, index, (HISTORY_START_S + nowS) * 1e6));
    detector.advance(id);
  };

  const endS = Math.max(...steps.map(({ at }) => at)) + 300;
  let detector = detectorOf({});
  for (const [number, step] of steps.entries()) {
    for (const changes of step.devices ?? []) registry.set(deviceOf(changes).id, deviceOf(changes));
    if (step.rules !== undefined) index = new RuleIndex(step.rules, areas);
    if (step.readings !== undefined || step.position !== undefined) {
      for (let copy = 0; copy < (twice ? 2 : 1); copy += 1) {
        const entry = { id: `${START_MS + Math.round(step.at * 1000)}-${number * 2 + copy}`, step };
        log.push(entry);
        await take(detector, entry, readLate ? endS : step.at);
      }
    }
    // The log has been read to its end a while later.
    else await advance(detector, step.at);
    if (keptBehind === undefined) continue;
    Object.assign(hash, detector.takeCheckpoint());
    kept.push({ ...hash });
    const found = kept[Math.max(0, kept.length - 1 - keptBehind)] ?? {};
    detector = detectorOf(found);
    const position = log.findIndex(({ id }) => id === found.position);
    for (const entry of log.slice(position + 1)) await take(detector, entry, step.at);
    await advance(detector, step.at);
    // What it changed meanwhile is with the others.
    for (const field of Object.keys(hash)) if (!(field in found)) Reflect.deleteProperty(hash, field);
    Object.assign(hash, found, detector.takeCheckpoint());
    kept[kept.length - 1] = { ...hash };
  }
  return told;
}
