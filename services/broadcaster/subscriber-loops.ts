import type { ServerMessage } from '../../contracts/alert-stream.ts';
import type { Gate } from './access/gate.ts';
import type { FilterSet, FilterSets } from './delivery/filter-sets.ts';
import type { AlertStream } from './stream/alert-stream.ts';

/** Connections of one kind. */
interface Connections {
  /** To those who follow the set, and are not behind. */
  heartbeat(set: FilterSet, text: string): void;
  /** Ends what has had its time. */
  look(): void;
}

export interface SubscriberLoopOptions {
  readonly stream: Pick<AlertStream, 'window' | 'alive'>;
  readonly sets: FilterSets;
  readonly targets: readonly Connections[];
  readonly gate: Gate;
  readonly heartbeatS: number;
}

const LOOK_EVERY_MS = 500;
const RELOAD_EVERY_MS = 5000;

/** What happens to connections without anybody's doing. */
export function startSubscriberLoops({ stream, sets, targets, gate, heartbeatS }: SubscriberLoopOptions): {
  close: () => void;
} {
  let wasAlive = stream.alive;
  const beat = (sets: Iterable<FilterSet>): void => {
    const { epoch, end } = stream.window;
    const message: ServerMessage = {
      type: 'heartbeat',
      epoch,
      cursor: `${end.ms}-${end.seq}`,
      live: stream.alive,
    };
    const text = JSON.stringify(message);
    for (const set of sets) {
      for (const target of targets) target.heartbeat(set, text);
    }
  };
  const look = (): void => {
    for (const target of targets) target.look();
    // That no alert comes means nothing any more, or something again: nobody waits for the next beat.
    if (stream.alive !== wasAlive) beat(sets.quietSince(Infinity));
    wasAlive = stream.alive;
  };
  const timers = [
    // An alert is a sign of life, too: nobody hears nothing for longer than one and a half of them.
    setInterval(() => beat(sets.quietSince(performance.now() - (heartbeatS * 1000) / 2)), heartbeatS * 1000),
    setInterval(look, LOOK_EVERY_MS),
    setInterval(() => gate.tokens?.reload(), RELOAD_EVERY_MS),
  ];
  return { close: () => timers.forEach((timer) => clearInterval(timer)) };
}
