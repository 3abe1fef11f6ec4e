/**
 * A device that triggers again and again though nothing happens around it is broken or lies: for as long as it has more false
 * triggers than are allowed within a time, it has no vote, and nobody waits for it.
 */
export interface QuarantineRule {
  readonly triggers: number;
  readonly within_s: number;
}

/** By device, when it has triggered without an alert, Unix microseconds, oldest first. */
export type FalseTriggers = Readonly<Record<string, readonly number[]>>;

export function isQuarantined(rule: QuarantineRule, known: FalseTriggers, device: string, nowUs: number): boolean {
  const times = Object.hasOwn(known, device) ? known[device] : undefined;
  return times !== undefined && times.filter((timeUs) => isRecent(rule, timeUs, nowUs)).length > rule.triggers;
}

export function withTrigger(rule: QuarantineRule, known: FalseTriggers, device: string, nowUs: number): FalseTriggers {
  const times = Object.hasOwn(known, device) ? (known[device] ?? []) : [];
  return { ...known, [device]: [...times, nowUs].slice(-(rule.triggers + 1)) };
}

/** What became part of an alert was not false: the newest trigger of each of these devices. */
export function withoutNewest(known: FalseTriggers, devices: ReadonlySet<string>): FalseTriggers {
  return Object.fromEntries(
    Object.entries(known).map(([device, times]) => [device, devices.has(device) ? times.slice(0, -1) : times]),
  );
}

export function forgetOld(rule: QuarantineRule, known: FalseTriggers, nowUs: number): FalseTriggers {
  const entries = Object.entries(known);
  const kept = entries.filter(([, times]) => times.some((timeUs) => isRecent(rule, timeUs, nowUs)));
  return kept.length === entries.length ? known : Object.fromEntries(kept);
}

function isRecent({ within_s: withinS }: QuarantineRule, timeUs: number, nowUs: number): boolean {
  // What lies ahead was counted by a clock that has been set back.
  return timeUs <= nowUs && nowUs - timeUs <= withinS * 1e6;
}
