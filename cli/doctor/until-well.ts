import { setTimeout as delay } from 'node:timers/promises';
import { isProblem, type Finding } from './finding.ts';

const LOOK_EVERY_MS = 250;

/** What changes hands or is on its way is well within this time; what is wrong then is a problem. */
export async function untilWell(
  withinMs: number,
  look: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const findings = await look();
    if (!findings.some(isProblem) || performance.now() > deadlineMs) return findings;
    await delay(LOOK_EVERY_MS);
  }
}
