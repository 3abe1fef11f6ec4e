import { DetectionRun, type RunDevice, type RunPack } from '../../core/detection/detection-run.ts';
import type { Rule } from '../../core/detection/rule.ts';
import type { ZoneArea } from '../../core/geo/zone-area.ts';
import { describeTransition, formatTransitions, type BacktestTransition } from './backtest-report.ts';

/** What rules are run over. */
export interface DryRun {
  readonly rules: readonly Rule[];
  readonly devices: readonly RunDevice[];
  readonly areas: ReadonlyMap<string, ZoneArea>;
  /** In the order of their arrival. */
  readonly packs: AsyncIterable<RunPack>;
  /** Until when nothing else comes, Unix microseconds; undefined for the arrival of the last pack. */
  readonly toUs: number | undefined;
}

export interface DryRunResult {
  readonly rules: number;
  readonly devices: number;
  readonly readings: number;
  readonly raised: number;
  readonly transitions: readonly BacktestTransition[];
}

/** What would have been raised, by the code that decides it live. Undefined when somebody interrupts. */
export async function runRules(
  { rules, devices, areas, packs, toUs }: DryRun,
  { interrupt, onPack }: { readonly interrupt: AbortSignal; readonly onPack: (pack: RunPack) => Promise<void> },
): Promise<DryRunResult | undefined> {
  const byId = new Map(devices.map((device) => [device.device, device]));
  const run = new DetectionRun(
    rules.map((rule) => ({ ...rule, enabled: true })),
    devices,
    areas,
  );
  const transitions: BacktestTransition[] = [];
  const tell = (found: ReturnType<DetectionRun['receive']>): void => {
    for (const each of found) {
      const described = describeTransition(each, byId);
      if (described !== undefined) transitions.push(described);
    }
  };
  let readings = 0;
  let lastUs = -Infinity;
  for await (const pack of packs) {
    if (interrupt.aborted) return undefined;
    readings += pack.readings.length;
    lastUs = pack.arrivedUs;
    tell(run.receive(pack));
    await onPack(pack);
  }
  const endUs = toUs ?? lastUs;
  if (Number.isFinite(endUs)) tell(run.advanceTo(endUs));
  const raised = transitions.filter(({ kind }) => kind === 'raised').length;
  return { rules: rules.length, devices: devices.length, readings, raised, transitions };
}

/** A table for people, and a sentence. */
export function formatDryRun({ transitions, readings, devices, raised }: DryRunResult): readonly string[] {
  const table = transitions.length === 0 ? [] : formatTransitions(transitions);
  return [...table, `${readings} readings of ${devices} devices: ${raised} alerts would have been raised`];
}
