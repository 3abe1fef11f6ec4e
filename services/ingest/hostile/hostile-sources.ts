import { formatBlockedSource, type BlockChange, type BlockedSource } from '../../../contracts/source-block.ts';
import type { SecurityEvent } from '../../../contracts/security-event.ts';
import type { BlockPolicy, BlockTerm } from '../../../core/limits/block-term.ts';
import type { FailurePolicy } from '../../../core/limits/failure-score.ts';
import { nameBasedId } from '../../../platform/crypto/name-based-id.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { SourceBlocks } from '../../../platform/redis/source-blocks.ts';
import type { Rejected } from '../outcome.ts';
import { ActiveBlocks, type EndedBlock } from './active-blocks.ts';
import { blocked } from './blocked.ts';
import type { Failure } from './failure.ts';
import type { HostileMetrics } from './hostile-metrics.ts';
import type { NetworkBlocks } from './network-blocks.ts';
import { RecentAdmissions, REPORT_HOLDS_MS } from './recent-admissions.ts';
import type { SecurityReporter } from './security-reporter.ts';
import { Suspects } from './suspects.ts';

export interface HostileSourcesParts {
  readonly blocks: SourceBlocks;
  readonly networks: NetworkBlocks;
  readonly reporter: SecurityReporter;
  readonly metrics: HostileMetrics;
}

export interface HostileSourcesOptions {
  readonly failures: FailurePolicy;
  readonly terms: BlockPolicy;
  readonly log: Logger;
}

/** A block of another process or an operator's is in force here after at most this. */
const SHARE_EVERY_MS = 250;
const REPORT_EVERY_MS = 1000;
const SWEEP_EVERY_MS = 10_000;
/** After a block everybody is heard for this time, or for the length of a first block if that is shorter. */
const LONGEST_HEARING_MS = 10_000;

/**
 * Refuses those who failed too often or whom an operator refuses. What is asked for each message is answered from memory;
 * Redis is asked when a block begins, and has it for all processes and for the next start.
 */
export class HostileSources {
  readonly #parts: HostileSourcesParts;
  readonly #options: HostileSourcesOptions;
  readonly #admissions = new RecentAdmissions();
  readonly #suspects: Suspects;
  readonly #active: ActiveBlocks;
  readonly #deciding = new Set<string>();
  readonly #timers: NodeJS.Timeout[] = [];
  #sharing = false;
  #loaded = false;

  constructor(parts: HostileSourcesParts, options: HostileSourcesOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#suspects = new Suspects(options.failures, this.#admissions);
    this.#active = new ActiveBlocks(Math.min(LONGEST_HEARING_MS, options.terms.firstMs));
  }

  get blocks(): number {
    return this.#active.size;
  }

  get suspects(): number {
    return this.#suspects.size;
  }

  /** Resolves when the blocks of before the start are known, or cannot be: then they are asked for until they are. */
  async start(): Promise<void> {
    await this.#shareSafely();
    this.#timers.push(
      setInterval(() => void this.#shareSafely(), SHARE_EVERY_MS),
      setInterval(() => this.#report(), REPORT_EVERY_MS),
      setInterval(() => this.#sweep(Date.now()), SWEEP_EVERY_MS),
    );
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#parts.reporter.flush(Date.now(), true);
  }

  /** Before anything is looked up: whoever is there hears the same, so that nobody learns which API keys are good. */
  refuseAddress(source: string | undefined, nowMs: number): Rejected | undefined {
    if (source === undefined) return undefined;
    const byOperatorUntilMs = this.#parts.networks.untilOf(source, nowMs);
    if (byOperatorUntilMs !== undefined) return blocked('an operator refuses this network', byOperatorUntilMs, nowMs);
    const untilMs = this.#active.addressUntil(source, nowMs);
    return untilMs === undefined
      ? undefined
      : blocked('too many API keys that are not good came from this address', untilMs, nowMs);
  }

  refusePair(source: string | undefined, claimant: string, nowMs: number): Rejected | undefined {
    if (source === undefined) return undefined;
    const untilMs = this.#active.pairUntil(source, claimant, nowMs);
    return untilMs === undefined
      ? undefined
      : blocked('too many failures in this name came from this address', untilMs, nowMs);
  }

  admitted(source: string | undefined, deviceId: string, nowMs: number): void {
    if (source !== undefined) this.#admissions.note(source, deviceId, nowMs);
  }

  failed(failure: Failure, nowMs: number): void {
    const { kind, code, source, claimant } = failure;
    const device = claimant === undefined || claimant.startsWith('@') ? null : claimant;
    this.#parts.reporter.count({ kind, code, device, address: source ?? null }, nowMs);
    const suspect = this.#suspects.decide(failure, nowMs);
    if (suspect === undefined || this.#active.isKnown(suspect)) return;
    const name = formatBlockedSource(suspect);
    if (this.#deciding.has(name)) return;
    this.#deciding.add(name);
    void this.#block(suspect, nowMs).finally(() => this.#deciding.delete(name));
  }

  async #block(source: BlockedSource, nowMs: number): Promise<void> {
    const { blocks, metrics } = this.#parts;
    let verdict: BlockTerm | 'admitted';
    try {
      // An admission that is on its way to Redis counts too.
      await this.#tellAdmissions();
      verdict = await blocks.block(source, this.#options.terms, nowMs);
    } catch (error) {
      // Nothing is admitted without Redis, so that nothing is lost by a block that begins later.
      this.#options.log.debug({ err: error }, 'a source could not be blocked');
      return;
    }
    this.#suspects.acquit(source);
    if (verdict === 'admitted') {
      this.#admissions.noteElsewhere(source, nowMs);
      return;
    }
    this.#active.set({ ...source, offence: verdict.offence, until_ms: verdict.untilMs }, nowMs);
    const seconds = Math.round((verdict.untilMs - nowMs) / 1000);
    metrics.blocks.inc({ scope: source.claimant === null ? 'address' : 'pair' });
    this.#options.log.warn({ ...describe(source), offence: verdict.offence, seconds }, 'a source is blocked');
    this.#parts.reporter.report({
      ...this.#eventOf('source-blocked', source, nowMs),
      detail: { offence: verdict.offence, seconds },
    });
  }

  async #shareSafely(): Promise<void> {
    if (this.#sharing) return;
    this.#sharing = true;
    try {
      await this.#share(Date.now());
    } catch (error) {
      this.#options.log.debug({ err: error }, 'blocks could not be shared');
    } finally {
      this.#sharing = false;
    }
  }

  async #share(nowMs: number): Promise<void> {
    const { blocks, networks } = this.#parts;
    await this.#tellAdmissions();
    await networks.refresh();
    const changes: readonly BlockChange[] = this.#loaded ? await blocks.readChanges() : await blocks.load();
    this.#loaded = true;
    for (const change of changes) {
      if (change.until_ms > nowMs && this.#admissions.has(change, nowMs)) await this.#object(change, nowMs);
      else this.#active.set(change, nowMs);
    }
  }

  /** Another process has blocked somebody whose envelope this one has admitted a moment ago. */
  async #object({ address, claimant, offence }: BlockChange, nowMs: number): Promise<void> {
    const source = { address, claimant };
    await this.#parts.blocks.end([source]);
    this.#parts.reporter.report({ ...this.#eventOf('source-unblocked', source, nowMs), detail: { offence } });
  }

  async #tellAdmissions(): Promise<void> {
    const unreported = this.#admissions.takeUnreported();
    try {
      await this.#parts.blocks.markAdmitted(unreported, REPORT_HOLDS_MS);
    } catch (error) {
      this.#admissions.giveBack(unreported);
      throw error;
    }
  }

  #report(): void {
    const nowMs = Date.now();
    for (const ended of this.#active.takeEnded(nowMs)) this.#reportEnd(ended);
    void this.#parts.reporter.flush(nowMs);
  }

  /** Every process reports it, under the same id: the one that began the block may be gone. */
  #reportEnd({ term, ...source }: EndedBlock): void {
    this.#parts.reporter.report({
      ...this.#eventOf('source-unblocked', source, term.untilMs),
      id: nameBasedId(`${formatBlockedSource(source)} ${term.untilMs}`),
      detail: { offence: term.offence },
    });
  }

  #eventOf(
    kind: 'source-blocked' | 'source-unblocked',
    source: BlockedSource,
    atMs: number,
  ): Omit<SecurityEvent, 'id'> {
    const { address, device } = describe(source);
    return { at_ms: Math.round(atMs), kind, device, address, code: 'blocked', actor: 'ingest', detail: {} };
  }

  #sweep(nowMs: number): void {
    this.#admissions.forgetOld(nowMs);
    this.#suspects.forgetOld(nowMs);
  }
}

function describe({ address, claimant }: BlockedSource): { readonly address: string; readonly device: string | null } {
  return { address, device: claimant === null || claimant.startsWith('@') ? null : claimant };
}
