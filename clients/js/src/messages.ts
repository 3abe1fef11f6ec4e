/** The messages of `/ws/alerts` as their client sees them; docs/asyncapi.json describes them one by one. */

/** CAP 1.2, worst first. */
export type Severity = 'Extreme' | 'Severe' | 'Moderate' | 'Minor' | 'Unknown';
/** Only `Actual` asks people to act. */
export type CapStatus = 'Actual' | 'Exercise' | 'Test';
export type RuleKind = 'threshold' | 'rate' | 'deviation' | 'absence' | 'geofence' | 'quorum';

/** All of it has to hold; what is left out asks for nothing, but for `status`, which is `['Actual']`. */
export interface AlertFilter {
  readonly zones?: readonly string[];
  /** West, south, east, north, degrees. */
  readonly bbox?: readonly [number, number, number, number];
  readonly near?: { readonly lat: number; readonly lon: number; readonly radius_m: number };
  readonly min_severity?: Severity;
  readonly kinds?: readonly RuleKind[];
  readonly status?: readonly CapStatus[];
}

/** Where a client stands in the stream: it has everything up to here. Keep it to go on from it another day. */
export interface Place {
  readonly epoch: string;
  readonly cursor: string;
}

export interface Evidence {
  readonly rule_version: number;
  readonly limit?: number | undefined;
  readonly zone?: string | undefined;
  readonly measure?: number | undefined;
  readonly fraction?: number | undefined;
  readonly origin?:
    | {
        readonly lat: number;
        readonly lon: number;
        readonly depth_m: number;
        readonly time_us: number;
        readonly error_m: number;
      }
    | undefined;
  readonly readings: readonly {
    readonly device: string;
    readonly metric: string;
    readonly time_us: number;
    readonly value: number;
  }[];
}

/** One change in the life of an alert. Times are Unix microseconds. */
export interface Transition {
  readonly alert_id: string;
  readonly rule: string;
  readonly rule_kind: string;
  readonly subject: string;
  /** 1 for raised, one more for each transition of this alert. */
  readonly version: number;
  readonly kind: 'raised' | 'updated' | 'cleared' | 'cancelled';
  readonly severity: Severity;
  readonly status: CapStatus;
  readonly headline: string;
  readonly at_us: number;
  readonly decided_us: number;
  /** `detection`, or `operator:<name>`. */
  readonly actor: string;
  readonly acknowledged_by?: string | undefined;
  readonly note?: string | undefined;
  readonly position: { readonly lat: number; readonly lon: number } | null;
  readonly zones: readonly string[];
  readonly evidence: Evidence;
}

export interface AlertMessage extends Transition, Place {
  readonly type: 'alert';
  /** The alert has come into what was asked for, or has gone out of it. */
  readonly filter?: 'enter' | 'leave' | undefined;
}

export interface GapMessage extends Place {
  readonly type: 'gap';
  readonly reason: 'too-old' | 'beyond-end' | 'other-epoch' | 'log-lost';
}

export type ErrorCode =
  | 'invalid-message'
  | 'unknown-type'
  | 'not-text'
  | 'not-json'
  | 'message-too-large'
  | 'too-many-messages'
  | 'unauthorized'
  | 'token-expired'
  | 'too-many-connections'
  | 'internal-error';

export interface HelloMessage extends Place {
  readonly type: 'hello';
  readonly heartbeat_s: number;
  readonly reconnect: { readonly min_ms: number; readonly max_ms: number };
  readonly token_required: boolean;
}

export type ServerMessage =
  | HelloMessage
  | {
      readonly type: 'authenticated';
      readonly account: string;
      readonly expires_at: string;
      readonly expires_in_s: number;
    }
  | ({ readonly type: 'subscribed' } & Place)
  | ({ readonly type: 'live' } & Place)
  | AlertMessage
  | GapMessage
  | ({ readonly type: 'heartbeat'; readonly live: boolean } & Place)
  | { readonly type: 'reconnect'; readonly after_ms: number }
  | { readonly type: 'error'; readonly code: ErrorCode; readonly detail: string };

export type ClientMessage =
  | { readonly type: 'authenticate'; readonly token: string }
  | {
      readonly type: 'subscribe';
      readonly filters?: readonly AlertFilter[] | undefined;
      readonly resume?: Place | undefined;
    }
  | ({ readonly type: 'resume' } & Place);

/** `GET /v1/alerts/active`. */
export interface ActiveAlerts extends Place {
  readonly alerts: readonly Transition[];
}

const EPOCH = /^[\w-]{1,64}$/;
const CURSOR = /^(0|[1-9]\d{0,15})-(0|[1-9]\d{0,15})$/;

/** Undefined for what is none: another version of the server may say more than this client knows. */
export function parseServerMessage(data: unknown): ServerMessage | undefined {
  if (typeof data !== 'string') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined;
  switch (value.type) {
    case 'subscribed':
    case 'live':
    case 'alert':
    case 'gap':
    case 'heartbeat':
    case 'hello':
      return hasPlace(value) ? (value as ServerMessage) : undefined;
    case 'authenticated':
    case 'reconnect':
    case 'error':
      return value as ServerMessage;
    default:
      return undefined;
  }
}

/** Undefined for what is none: a place that was kept may have been damaged, or be somebody else's. */
export function parsePlace(value: unknown): Place | undefined {
  if (typeof value !== 'object' || value === null || !hasPlace(value)) return undefined;
  const { epoch, cursor } = value as Place;
  return { epoch, cursor };
}

function hasPlace(value: object): boolean {
  return 'epoch' in value && matches(value.epoch, EPOCH) && 'cursor' in value && matches(value.cursor, CURSOR);
}

function matches(value: unknown, shape: RegExp): boolean {
  return typeof value === 'string' && shape.test(value);
}

/** Whether the first of two places of one epoch is behind the other. */
export function isBehind(one: Place, other: Place): boolean {
  const [ms, seq] = partsOf(one);
  const [otherMs, otherSeq] = partsOf(other);
  return ms < otherMs || (ms === otherMs && seq < otherSeq);
}

function partsOf({ cursor }: Place): readonly [number, number] {
  const [ms = 0, seq = 0] = cursor.split('-').map(Number);
  return [ms, seq];
}
