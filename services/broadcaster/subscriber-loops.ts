import type { ServerMessage } from '../../contracts/alert-stream.ts';
import type { Gate } from './access/gate.ts';
import type { AlertStream } from './stream/alert-stream.ts';

/** Connections of one kind. */
interface Connections {
  heartbeat(message: ServerMessage & { readonly type: 'heartbeat' }): void;
  /** Ends what has had its time. */
  look(): void;
}

export interface SubscriberLoopOptions {
  readonly stream: Pick<AlertStream, 'window' | 'alive'>;
  readonly targets: readonly Connections[];
  readonly gate: Gate;
  readonly heartbeatS: number;
}

const LOOK_EVERY_MS = 500;
const RELOAD_EVERY_MS = 5000;

/** What happens to connections without anybody's doing. */
export function startSubscriberLoops({ stream, targets, gate, heartbeatS }: SubscriberLoopOptions): {
  close: () => void;
} {
  const beat = (): void => {
    const { epoch, end } = stream.window;
    const cursor = `${end.ms}-${end.seq}`;
    for (const target of targets) target.heartbeat({ type: 'heartbeat', epoch, cursor, live: stream.alive });
  };
  const look = (): void => {
    for (const target of targets) target.look();
  };
  const timers = [
    setInterval(beat, heartbeatS * 1000),
    setInterval(look, LOOK_EVERY_MS),
    setInterval(() => gate.tokens?.reload(), RELOAD_EVERY_MS),
  ];
  return { close: () => timers.forEach((timer) => clearInterval(timer)) };
}
