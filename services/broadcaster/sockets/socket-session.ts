import {
  CLIENT_MESSAGE_TYPES,
  clientMessageSchema,
  closeCodes,
  type ClientMessage,
  type ErrorCode,
  type GapReason,
  type ServerMessage,
} from '../../../contracts/alert-stream.ts';
import type { Cursor } from '../../../contracts/cursor.ts';
import { DEFAULT_FILTERS, type Passage } from '../../../core/alerts/alert-filter.ts';
import type { WebSocket } from '../../../platform/http/uws.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Gate } from '../access/gate.ts';
import { MessageBudget } from '../access/message-budget.ts';
import type { Account } from '../access/token-verifier.ts';
import type { FilterSet, FilterSets } from '../delivery/filter-sets.ts';
import { Subscription, type Outlet } from '../delivery/subscription.ts';
import type { BroadcasterMetrics } from '../metrics.ts';
import type { AlertStream } from '../stream/alert-stream.ts';
import type { AlertEntry } from '../stream/alert-entry.ts';

/** What uWebSockets keeps with a socket. */
export interface SocketData {
  /** Under which the connection counts. */
  readonly address: string;
  /** That came with the request. */
  token: string | undefined;
  readonly isOfOurProtocol: boolean;
  session: SocketSession | undefined;
}

export interface SessionContext {
  readonly stream: Pick<AlertStream, 'window' | 'refresh' | 'alive'>;
  readonly sets: FilterSets;
  readonly gate: Gate;
  readonly heartbeatS: number;
  readonly log: Logger;
  readonly metrics: BroadcasterMetrics;
  readonly reconnect: { readonly min_ms: number; readonly max_ms: number };
}

/** Bytes that a client may be behind while it is told what it missed; less than what ends a connection. */
const HOLD_AT_BYTES = 16 * 1024;
/** Of text of ours, which most messages are far below. */
const LONGEST_MESSAGE_BYTES = 16 * 1024;
const AUTHENTICATE_WITHIN_MS = 5000;
/** A client that does not speak our protocol and says nothing wants everything. */
const SILENT_FOR_MS = 1000;
const MESSAGE_COST = 1;
const BAD_MESSAGE_COST = 5;
const PING_COST = 0.2;
/** What `send` answers when the client is too far behind; the socket is about to be closed. */
const DROPPED = 2;

/** One socket of `/ws/alerts`: what it may, what it asked for and what it is told. */
export class SocketSession implements Outlet {
  readonly #socket: WebSocket<SocketData>;
  readonly #context: SessionContext;
  readonly #subscription: Subscription;
  readonly #budget: MessageBudget;
  readonly #openedAtMs: number;
  /** Said while a token is being checked; no more than the budget lets through. */
  readonly #held: ClientMessage[] = [];
  #account: Account | undefined;
  #isChecking = false;
  #mayBeSilent = false;
  #quietSinceMs: number;
  #isClosed = false;

  constructor(socket: WebSocket<SocketData>, context: SessionContext) {
    this.#socket = socket;
    this.#context = context;
    this.#openedAtMs = performance.now();
    this.#quietSinceMs = this.#openedAtMs;
    this.#budget = new MessageBudget(this.#openedAtMs);
    this.#subscription = new Subscription(context.stream, context.sets, this, context.metrics);
  }

  /**
   * @param token that came with the request for the connection
   * @param isOfOurProtocol that the client has offered it: then it says itself what it wants
   */
  open(token: string | undefined, isOfOurProtocol: boolean): void {
    this.#mayBeSilent = !isOfOurProtocol;
    const { heartbeatS, reconnect, gate } = this.#context;
    this.#tell({
      type: 'hello',
      ...this.#place(this.#subscription.from),
      heartbeat_s: heartbeatS,
      reconnect,
      token_required: gate.tokens !== undefined,
    });
    if (token !== undefined && gate.tokens !== undefined) this.#run(this.#authenticate(token));
  }

  receive(message: ArrayBuffer, isBinary: boolean): void {
    if (this.#isClosed) return;
    const nowMs = performance.now();
    if (isBinary) return this.fail('not-text', 'messages are text frames with JSON', closeCodes.policyViolation);
    if (message.byteLength > LONGEST_MESSAGE_BYTES) {
      return this.fail('message-too-large', `a message has at most ${LONGEST_MESSAGE_BYTES} bytes`, closeCodes.tooBig);
    }
    if (!this.#budget.spend(MESSAGE_COST, nowMs)) return this.#failForFlood();
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(message).toString('utf8'));
    } catch {
      return this.fail('not-json', 'the message is no JSON text', closeCodes.invalidPayload);
    }
    const parsed = clientMessageSchema.safeParse(value);
    if (parsed.success) {
      this.#context.metrics.messages.inc({ type: parsed.data.type });
      return this.#handleInTurn(parsed.data);
    }
    if (!this.#budget.spend(BAD_MESSAGE_COST - MESSAGE_COST, nowMs)) return this.#failForFlood();
    const type: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'type') : undefined;
    if (typeof type === 'string' && !CLIENT_MESSAGE_TYPES.includes(type)) {
      this.#tellError('unknown-type', `the types are ${CLIENT_MESSAGE_TYPES.join(', ')}`);
    } else {
      const [issue] = parsed.error.issues;
      this.#tellError('invalid-message', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`.slice(0, 500));
    }
  }

  /** The reply is uWebSockets' own. */
  pinged(): void {
    if (!this.#isClosed && !this.#budget.spend(PING_COST, performance.now())) this.#failForFlood();
  }

  /** What time brings, called now and then. Answers whether it may bring more. */
  look(nowMs: number): boolean {
    if (this.#isClosed) return false;
    const { tokens } = this.#context.gate;
    if (tokens !== undefined && !this.#mayListen()) {
      if (this.#account !== undefined) {
        this.fail('token-expired', 'the token has expired, or its key was taken away', closeCodes.policyViolation);
      } else if (nowMs - this.#openedAtMs > AUTHENTICATE_WITHIN_MS) {
        const detail = `no token came within ${AUTHENTICATE_WITHIN_MS / 1000} s`;
        this.fail('unauthorized', detail, closeCodes.policyViolation);
      }
      return true;
    }
    if (this.#mayBeSilent && this.#subscription.isWaiting && nowMs - this.#quietSinceMs > SILENT_FOR_MS) {
      this.#handle({ type: 'subscribe', filters: [...DEFAULT_FILTERS] });
    }
    return tokens !== undefined || (this.#mayBeSilent && this.#subscription.isWaiting);
  }

  /** The connection takes more again. */
  drained(): void {
    if (!this.#isClosed && this.#socket.getBufferedAmount() < HOLD_AT_BYTES) this.#subscription.pump();
  }

  reset(): void {
    if (!this.#isClosed) this.#subscription.reset();
  }

  /** The server stops: the client comes back after a time that is its own. */
  restart(afterMs: number): void {
    if (this.#isClosed) return;
    this.#tell({ type: 'reconnect', after_ms: afterMs });
    this.#socket.end(closeCodes.serviceRestart, 'service restart');
  }

  /** The connection has ended. */
  closed(): void {
    this.#isClosed = true;
    this.#subscription.close();
    if (this.#account !== undefined) this.#context.gate.limits.releaseAccount(this.#account.name);
  }

  fail(code: ErrorCode, detail: string, closeCode: number): void {
    if (this.#isClosed) return;
    this.#tellError(code, detail);
    this.#socket.end(closeCode, code);
  }

  send(entry: AlertEntry, passage: Passage): boolean {
    if (this.#isClosed) return false;
    if (this.#socket.send(entry.message(passage), false, false) === DROPPED) return false;
    return this.#socket.getBufferedAmount() < HOLD_AT_BYTES;
  }

  join(set: FilterSet): void {
    if (!this.#isClosed) this.#socket.subscribe(set.key);
  }

  leave(set: FilterSet): void {
    if (!this.#isClosed) this.#socket.unsubscribe(set.key);
  }

  onSubscribed(at: Cursor): void {
    this.#tell({ type: 'subscribed', ...this.#place(at) });
  }

  onLive(at: Cursor): void {
    this.#tell({ type: 'live', ...this.#place(at) });
    // Nobody is to believe until the next beat that all is well.
    if (!this.#context.stream.alive) this.#tell({ type: 'heartbeat', ...this.#place(at), live: false });
  }

  onGap(reason: GapReason, at: Cursor): void {
    this.#tell({ type: 'gap', reason, ...this.#place(at) });
  }

  onBehind(): void {
    if (!this.#isClosed) this.#socket.end(closeCodes.tryAgainLater, 'this server does not hear Redis');
  }

  /** What comes while a token is being checked waits for the outcome. */
  #handleInTurn(message: ClientMessage): void {
    // The default would take the place of what the client is about to ask for.
    if (message.type !== 'authenticate') this.#mayBeSilent = false;
    if (this.#isChecking) this.#held.push(message);
    else this.#handle(message);
  }

  #handle(message: ClientMessage): void {
    if (message.type === 'authenticate') {
      this.#run(this.#authenticate(message.token));
      return;
    }
    if (!this.#mayListen()) {
      this.fail('unauthorized', 'a token has to come first: authenticate', closeCodes.policyViolation);
      return;
    }
    const { type } = message;
    if (type === 'subscribe') this.#run(this.#subscription.subscribe(message.filters, message.resume));
    else this.#run(this.#subscription.resume(message));
  }

  /** A defect in what is done for one client ends that client's connection and no other. */
  #run(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#context.log.error({ err: error }, 'a subscriber cannot be served');
      this.fail('internal-error', 'the server has made a mistake', closeCodes.internalError);
    });
  }

  async #authenticate(token: string): Promise<void> {
    const { tokens, limits } = this.#context.gate;
    if (tokens === undefined) {
      this.#tellError('invalid-message', 'no token is needed here');
      return;
    }
    this.#isChecking = true;
    const verdict = await tokens.verify(token);
    this.#isChecking = false;
    this.#context.gate.observeToken(verdict);
    if (this.#isClosed) return;
    if (!verdict.ok) return this.fail(verdict.code, verdict.detail, closeCodes.policyViolation);
    const { account } = verdict;
    if (this.#account?.name !== account.name) {
      if (!limits.admitAccount(account.name)) {
        return this.fail('too-many-connections', 'this account has too many connections', closeCodes.policyViolation);
      }
      if (this.#account !== undefined) limits.releaseAccount(this.#account.name);
    }
    this.#account = account;
    this.#quietSinceMs = performance.now();
    this.#tell({
      type: 'authenticated',
      account: account.name,
      expires_at: new Date(account.expiresAtMs).toISOString(),
      expires_in_s: Math.round((account.expiresAtMs - Date.now()) / 1000),
    });
    while (this.#maySayMore()) {
      const next = this.#held.shift();
      if (next === undefined) return;
      this.#handle(next);
    }
  }

  /** A method, for it changes while messages are handled. */
  #maySayMore(): boolean {
    return !this.#isClosed && !this.#isChecking;
  }

  #mayListen(): boolean {
    const { tokens } = this.#context.gate;
    if (tokens === undefined) return true;
    return this.#account !== undefined && tokens.check(this.#account, Date.now());
  }

  #failForFlood(): void {
    this.fail('too-many-messages', 'a subscriber has less to say', closeCodes.policyViolation);
  }

  #tellError(code: ErrorCode, detail: string): void {
    this.#context.metrics.errors.inc({ code });
    this.#tell({ type: 'error', code, detail });
  }

  #tell(message: ServerMessage): void {
    if (!this.#isClosed) this.#socket.send(JSON.stringify(message), false, false);
  }

  #place({ ms, seq }: Cursor): { epoch: string; cursor: string } {
    return { epoch: this.#context.stream.window.epoch, cursor: `${ms}-${seq}` };
  }
}
