import type { RunTransition } from '../../../core/detection/detection-run.ts';
import type { QuorumTransition } from '../../../core/detection/quorum/quorum-event.ts';
import { distanceM, type Position } from '../../../core/geo/position.ts';

/** What really happened. */
export interface TrueQuake extends Position {
  readonly originUs: number;
}

export interface ScoredQuake {
  readonly quake: TrueQuake;
  /** Undefined when nobody was told. */
  readonly alert:
    | {
        /** By the platform's clock. */
        readonly raisedUs: number;
        readonly firstErrorM: number;
        /** Of the last version. */
        readonly finalErrorM: number;
      }
    | undefined;
}

export interface Score {
  readonly quakes: readonly ScoredQuake[];
  /** Alerts that are about no quake, or about one that had its alert. */
  readonly falseAlerts: number;
}

interface AlertLife {
  readonly raisedUs: number;
  readonly versions: readonly QuorumTransition[];
}

/** An alert is about a quake when it is raised while that is felt, and so near. */
export interface Closeness {
  readonly withinS: number;
  readonly withinM: number;
}

export function scoreAlerts(
  quakes: readonly TrueQuake[],
  transitions: readonly RunTransition[],
  { withinS, withinM }: Closeness,
): Score {
  const lives = livesOf(transitions);
  const taken = new Set<AlertLife>();
  const scored = quakes.map((quake): ScoredQuake => {
    const life = lives
      .filter((one) => !taken.has(one))
      .filter(({ raisedUs }) => raisedUs >= quake.originUs && raisedUs - quake.originUs <= withinS * 1e6)
      .find(({ versions: [first] }) => first !== undefined && distanceM(first.position, quake) <= withinM);
    const [first] = life?.versions ?? [];
    const last = life?.versions.findLast(({ kind }) => kind !== 'cancelled');
    if (life === undefined || first === undefined || last === undefined) return { quake, alert: undefined };
    taken.add(life);
    return {
      quake,
      alert: {
        raisedUs: life.raisedUs,
        firstErrorM: distanceM(first.position, quake),
        finalErrorM: distanceM(last.position, quake),
      },
    };
  });
  return { quakes: scored, falseAlerts: lives.length - taken.size };
}

function livesOf(transitions: readonly RunTransition[]): readonly AlertLife[] {
  const lives = new Map<string, { readonly raisedUs: number; readonly versions: QuorumTransition[] }>();
  for (const decided of transitions) {
    if (decided.of !== 'quorum') continue;
    const { nowUs, rule, transition } = decided;
    const key = `${rule.id}|${transition.subject}`;
    const known = lives.get(key);
    if (known === undefined) lives.set(key, { raisedUs: nowUs, versions: [transition] });
    else known.versions.push(transition);
  }
  return [...lives.values()];
}

/** NaN of nothing. */
export function quantileOf(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? NaN;
  return low + (at - Math.floor(at)) * ((sorted[Math.ceil(at)] ?? low) - low);
}
