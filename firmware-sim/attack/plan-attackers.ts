import { ATTACK_KINDS, type AttackChoice, type AttackKind } from './attack-kind.ts';

export interface PlannedAttacker {
  readonly kind: AttackKind;
  /** Of the device that is reserved for it: never one of the honest fleet, whose allowance it would spend. */
  readonly deviceId: string;
}

/** So many honest devices have one attacker among them: of each kind in a mix, of the one kind otherwise. */
const DEVICES_PER_ATTACKER = { mix: 50, one: 10 } as const;

/** The attackers among so many honest devices; at least one of each kind that was chosen. */
export function planAttackers(choice: AttackChoice, deviceCount: number): readonly PlannedAttacker[] {
  if (choice === 'none') return [];
  const kinds = choice === 'mix' ? ATTACK_KINDS : [choice];
  const ofEachKind = Math.max(1, Math.floor(deviceCount / DEVICES_PER_ATTACKER[choice === 'mix' ? 'mix' : 'one']));
  return Array.from({ length: ofEachKind }, (_, index) =>
    kinds.map((kind) => ({ kind, deviceId: `attacked-${kind}-${String(index + 1).padStart(3, '0')}` })),
  ).flat();
}
