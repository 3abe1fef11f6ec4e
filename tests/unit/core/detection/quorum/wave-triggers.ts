import { quorumRuleSchema, type QuorumRule } from '../../../../../core/detection/rule.ts';
import type { Listener, Network, Trigger, TriggerNews } from '../../../../../core/detection/quorum/trigger.ts';
import { distanceM, type Position } from '../../../../../core/geo/position.ts';

export const FAST_M_S = 6000;
export const SLOW_M_S = 3500;
export const DEPTH_M = 10_000;
/** Some day, Unix microseconds. */
export const START_US = 1_700_000_000e6;

export function quakeRule(changes: Record<string, unknown> = {}): QuorumRule {
  return quorumRuleSchema.parse({
    kind: 'quorum',
    id: 'earthquake',
    version: 4,
    triggers: ['shaking'],
    k: 4,
    fraction: 0.5,
    within_m: 40_000,
    window_s: 0.5,
    wave: { fast_m_s: FAST_M_S, slow_m_s: SLOW_M_S, depths_m: [5000, 10_000, 15_000] },
    severity: 'Moderate',
    levels: [
      { severity: 'Severe', peak: 0.5 },
      { severity: 'Extreme', peak: 2 },
    ],
    headline: 'Earthquake',
    ...changes,
  });
}

export interface TestDevice {
  readonly device: string;
  readonly site: string | null;
  readonly owner: string | null;
  readonly position: Position;
}

/** A square of devices, each of its own site and owner, some kilometres apart. */
export function square(side: number, apartKm: number): readonly TestDevice[] {
  return Array.from({ length: side * side }, (_, index) => ({
    device: `dev-${index}`,
    site: `site-${index}`,
    owner: `owner-${index}`,
    position: {
      lat: 47 + (Math.floor(index / side) * apartKm + (index % 3) * 0.7) / 111.2,
      lon: 19 + ((index % side) * apartKm + (index % 4) * 0.5) / (111.2 * Math.cos((47 * Math.PI) / 180)),
    },
  }));
}

export interface Source extends Position {
  readonly timeUs: number;
}

export function arrivalUs(source: Source, position: Position, speedMS = FAST_M_S): number {
  const slantM = Math.hypot(distanceM(source, position), DEPTH_M);
  return Math.round(source.timeUs + (slantM / speedMS) * 1e6);
}

let triggers = 0;

export function triggerOf(device: TestDevice, onsetUs: number, peak = 0.1): Trigger {
  triggers += 1;
  return {
    id: `${triggers}-0`,
    rule: 'shaking',
    metric: 'z',
    zones: ['budapest'],
    status: 'Actual',
    ...device,
    onsetUs,
    peak,
  };
}

export function raised(device: TestDevice, onsetUs: number, peak = 0.1): TriggerNews {
  return { kind: 'raised', trigger: triggerOf(device, onsetUs, peak) };
}

/** All devices are online and have been heard until a time. */
export function networkOf(devices: readonly TestDevice[], heardUntilUs: number): Network {
  return {
    *listeners(around, radiusM): Generator<Listener> {
      for (const device of devices) {
        if (distanceM(around, device.position) <= radiusM) yield { ...device, heardUntilUs };
      }
    },
  };
}
