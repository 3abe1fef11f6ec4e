import {
  ASSOCIATE_POSITION_FIELD,
  formatQuorumStates,
  parseQuorumCheckpoint,
} from '../../../contracts/quorum-checkpoint.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { parseTrigger, TRIGGER_FIELD } from '../../../contracts/trigger.ts';
import type { Cause } from '../../../core/alerts/alert-state.ts';
import { Quorums, type QuorumDecision } from '../../../core/detection/quorum/quorums.ts';
import type { QuorumRule } from '../../../core/detection/rule.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import { readStreams } from '../../../platform/redis/read-streams.ts';
import { defineScript, type Script } from '../../../platform/redis/script.ts';
import type { StreamEntry } from '../../../platform/redis/stream-reply.ts';
import type { AlertLog, TransitionRequest } from '../../../platform/redis/alert-log/alert-log.ts';
import { causeAt } from '../alerts/cause-at.ts';
import type { RegistryView } from '../detect/registry-view.ts';
import { observeTransition, type WorkerMetrics } from '../metrics.ts';
import { HeardDevices } from './heard-devices.ts';

const READ_COUNT = 256;
const LEASE = 'triggers';
/** What only time changes is looked at this often, and what is known is kept this often. */
const EVERY_MS = 1000;
/** Who was heard is read this often while triggers are there. */
const LISTEN_EVERY_MS = 250;
/** Of so many devices that reading takes long, it is read so much less often that the triggers have this part of the time. */
const TRIGGERS_SHARE = 0.75;
/** Triggers that were taken are kept this long, for people who look. */
const KEEP_TRIGGERS_MS = 3_600_000;
/** Of what time alone has decided, behind all that the trigger at the position can have caused. */
const BY_TIME = 1_000_000;

export interface AssociateOptions {
  /** Blocks while it reads, so it is shared with nothing. */
  readonly reader: Redis;
  readonly redis: Redis;
  readonly shardCount: number;
  readonly registry: RegistryView;
  readonly alerts: AlertLog;
  readonly metrics: WorkerMetrics;
  readonly log: Logger;
}

interface Association {
  readonly token: number;
  readonly quorums: Quorums;
  position: string;
  /** Of the alerts, when it began. */
  readonly losses: number;
  /** Every active alert is known. */
  isSettled: boolean;
}

/** The one of all workers that turns triggers into alerts which several devices agree on. */
export class AssociateLoop {
  readonly #options: AssociateOptions;
  readonly #keep: Script;
  readonly #heard: HeardDevices;
  #association: Association | undefined;
  #heardDueMs = 0;
  #advanceDueMs = 0;
  #keepDueMs = 0;
  /** When the triggers had last been read to their end, by the monotonic clock. */
  #caughtUpAtMs = 0;

  constructor(options: AssociateOptions) {
    this.#options = options;
    this.#keep = defineScript(options.redis, 'ttKeepCheckpoint', '../detect/checkpoint.lua', import.meta.url);
    this.#heard = new HeardDevices(options.redis, options.shardCount);
  }

  /** Since all triggers had been seen; undefined for a worker that does not lead. */
  get lagSeconds(): number | undefined {
    return this.#association === undefined ? undefined : (performance.now() - this.#caughtUpAtMs) / 1000;
  }

  /**
   * @param token fencing token by which this worker has the triggers
   * @param stop  leaves the triggers that have not begun to the next pass
   */
  async pass(token: number, stop?: AbortSignal): Promise<void> {
    try {
      const association = await this.#follow(token);
      const { reader, registry } = this.#options;
      const askedAtMs = performance.now();
      const streams = await readStreams(
        { reader, count: READ_COUNT, field: TRIGGER_FIELD },
        new Map([[redisKeys.triggers, association.position]]),
      );
      const entries = streams.get(redisKeys.triggers) ?? [];
      const { quorums: rules } = await registry.rules();
      if (entries.length > 0 || association.quorums.isBusy) await this.#listen(association);
      for (const entry of entries) {
        if (stop?.aborted === true) return;
        await this.#take(association, rules, entry);
      }
      // What is unread may be the triggers of those who seem to be silent.
      if (entries.length < READ_COUNT) {
        this.#caughtUpAtMs = askedAtMs;
        await this.#advance(association, rules);
      }
      if (performance.now() >= this.#keepDueMs) await this.checkpoint();
    } catch (error) {
      // Memory may be ahead of what went out; the checkpoint is not.
      this.#association = undefined;
      throw error;
    }
  }

  /** Not while a pass is under way. */
  async checkpoint(): Promise<void> {
    const association = this.#association;
    if (association === undefined) return;
    const { alerts, redis } = this.#options;
    if (!(await alerts.confirm())) return;
    if (association.losses !== alerts.losses) throw new Error('alerts were lost since the triggers were taken up');
    const { token, position, quorums } = association;
    const kept = await this.#keep(
      [redisKeys.associate, redisKeys.lease(LEASE)],
      [token, ASSOCIATE_POSITION_FIELD, position, ...Object.entries(formatQuorumStates(quorums.takeChanged())).flat()],
    );
    this.#keepDueMs = performance.now() + EVERY_MS;
    if (kept === 0) {
      this.#association = undefined;
      return;
    }
    const { entryMs } = causeAt(position, 0);
    await redis.xtrim(redisKeys.triggers, 'MINID', '~', Math.max(0, entryMs - KEEP_TRIGGERS_MS));
  }

  async #follow(token: number): Promise<Association> {
    const { alerts, log, redis } = this.#options;
    const known = this.#association;
    if (known?.token === token && known.losses === alerts.losses) return known;
    // First of all the worker before us is silenced, or it could speak after we have read.
    await alerts.takeOver({ lease: LEASE, token });
    const { position, states, unreadable } = parseQuorumCheckpoint(await redis.hgetall(redisKeys.associate));
    for (const rule of unreadable) log.error({ rule }, 'what this quorum rule knew cannot be read; it begins anew');
    this.#heardDueMs = 0;
    this.#caughtUpAtMs = performance.now();
    this.#association = { token, quorums: new Quorums(states), position, losses: alerts.losses, isSettled: false };
    return this.#association;
  }

  async #listen({ quorums }: Association): Promise<void> {
    const beganMs = performance.now();
    if (beganMs < this.#heardDueMs) return;
    quorums.listenTo(await this.#heard.read(Date.now() * 1000), this.#heard.isMoved);
    const tookMs = performance.now() - beganMs;
    this.#heardDueMs = beganMs + Math.max(LISTEN_EVERY_MS, tookMs / (1 - TRIGGERS_SHARE));
  }

  async #take(association: Association, rules: readonly QuorumRule[], { id, value }: StreamEntry): Promise<void> {
    const logged = parseTrigger(id, value ?? '');
    if (logged === undefined) this.#options.log.error({ entry: id }, 'a trigger cannot be read; it is passed over');
    else {
      const decisions = association.quorums.take(rules, logged.news, Date.now() * 1000);
      await this.#tell(association, decisions, (index) => causeAt(id, index), logged.receivedUs);
    }
    association.position = id;
  }

  async #advance(association: Association, rules: readonly QuorumRule[]): Promise<void> {
    if (performance.now() < this.#advanceDueMs) return;
    this.#advanceDueMs = performance.now() + EVERY_MS;
    const causeOf = (index: number): Cause => causeAt(association.position, BY_TIME + index);
    if (!association.isSettled) await this.#takeBackOrphans(association, rules);
    await this.#tell(association, association.quorums.advance(rules, Date.now() * 1000), causeOf, undefined);
  }

  /** Alerts that went out and that no checkpoint knows: a worker died in between, and decided otherwise when it came back. */
  async #takeBackOrphans(association: Association, rules: readonly QuorumRule[]): Promise<void> {
    const { alerts, metrics } = this.#options;
    // The trigger that raised it may be lost with all before it, and the position with it.
    const cause = { entryMs: Date.now(), entrySeq: 0, index: BY_TIME };
    const known = association.quorums.active;
    for (const alert of await alerts.readActive()) {
      const rule = rules.find(({ id }) => alert.startsWith(`${id}|`));
      if (rule === undefined || known.has(alert)) continue;
      const subject = alert.slice(rule.id.length + 1);
      const fence = { lease: LEASE, token: association.token } as const;
      const transition = await alerts.append({ cause, transition: takenBack(rule, subject) }, fence);
      if (transition !== undefined) observeTransition(metrics, transition, undefined);
    }
    association.isSettled = true;
  }

  async #tell(
    { token }: Association,
    decisions: readonly QuorumDecision[],
    causeOf: (index: number) => Cause,
    receivedUs: number | undefined,
  ): Promise<void> {
    for (const [index, decision] of decisions.entries()) {
      const request = { cause: causeOf(index), transition: describe(decision) };
      const transition = await this.#options.alerts.append(request, { lease: LEASE, token });
      if (transition !== undefined) observeTransition(this.#options.metrics, transition, receivedUs);
    }
  }
}

function describe({ rule, transition }: QuorumDecision): TransitionRequest['transition'] {
  const { kind, subject, severity, status, atUs, position, zones, evidence } = transition;
  return {
    rule: rule.id,
    rule_kind: rule.kind,
    subject,
    kind,
    severity,
    status,
    headline: rule.headline,
    at_us: atUs,
    actor: 'detection',
    position: { lat: position.lat, lon: position.lon },
    zones: [...zones],
    evidence,
  };
}

function takenBack(rule: QuorumRule, subject: string): TransitionRequest['transition'] {
  return {
    rule: rule.id,
    rule_kind: rule.kind,
    subject,
    kind: 'cancelled',
    severity: rule.severity,
    status: rule.status,
    headline: rule.headline,
    at_us: Date.now() * 1000,
    actor: 'detection',
    position: null,
    zones: [],
    evidence: { rule_version: rule.version, limit: rule.k, readings: [] },
  };
}
