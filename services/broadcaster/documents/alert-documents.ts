import { isOver, parseAlertRecord, type AlertRecord } from '../../../contracts/alert-record.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { parseRuleRecord } from '../../../contracts/registry.ts';
import { writeAtom } from '../../../core/alerts/atom.ts';
import { circleAround, writeCap, type CapArea, type CapSource } from '../../../core/alerts/cap.ts';
import type { Rule } from '../../../core/detection/rule.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';

/** Documents of one moment serve all who ask within this time. */
const FRESH_FOR_MS = 1000;
/** Of a feed: whoever needs all of more is a subscriber. */
const MOST_ENTRIES = 1000;
/** An area that nobody has told: around one device. */
const AROUND_A_DEVICE_M = 1000;
const NO_CAP = { category: 'Other', response_type: 'Monitor', expires_after_s: 3600 } as const;

export interface DocumentOptions {
  readonly redis: Redis;
  /** Of CAP messages. */
  readonly sender: string;
  readonly senderName: string;
  /** Where the documents are found, without a slash at the end. */
  readonly publicUrl: string;
}

/** Alerts as documents for those who collect them: a CAP message of each, and an Atom feed of those that are active. */
export class AlertDocuments {
  readonly #options: DocumentOptions;
  #records: { readonly atMs: number; readonly read: Promise<readonly AlertRecord[]> } | undefined;
  /** Made of those records. */
  #feed: { readonly records: readonly AlertRecord[]; readonly document: Buffer } | undefined;

  constructor(options: DocumentOptions) {
    this.#options = options;
  }

  /** The newest first. */
  async feed(): Promise<Buffer> {
    const records = await this.#read();
    if (this.#feed?.records !== records) this.#feed = { records, document: Buffer.from(this.#writeFeed(records)) };
    return this.#feed.document;
  }

  #writeFeed(records: readonly AlertRecord[]): string {
    const { publicUrl, senderName } = this.#options;
    const newestFirst = records
      .filter((record) => !isOver(record))
      .sort((a, b) => b.transition.decided_us - a.transition.decided_us)
      .slice(0, MOST_ENTRIES);
    return writeAtom({
      url: `${publicUrl}/v1/alerts/feed.atom`,
      title: 'Active alerts',
      author: senderName,
      updatedUs: newestFirst[0]?.transition.decided_us ?? 0,
      entries: newestFirst.map(({ transition, earlier }) => ({
        id: transition.alert_id,
        title: transition.headline,
        summary: summaryOf({ transition, earlier }),
        publishedUs: earlier[0]?.decided_us ?? transition.decided_us,
        updatedUs: transition.decided_us,
        categories: [transition.severity, transition.status],
        capUrl: `${publicUrl}/v1/alerts/${transition.alert_id}/cap`,
      })),
    });
  }

  /** The message of the last transition; undefined for an alert that nobody knows, or that ended a while ago. */
  async cap(alertId: string): Promise<string | undefined> {
    const record = (await this.#read()).find(({ transition }) => transition.alert_id === alertId);
    if (record === undefined) return undefined;
    const rule = await this.#rule(record.transition.rule);
    return writeCap(record, this.#sourceOf(record, rule), areasOf(record, rule));
  }

  async #read(): Promise<readonly AlertRecord[]> {
    if (this.#records === undefined || performance.now() - this.#records.atMs >= FRESH_FOR_MS) {
      const read = this.#options.redis
        .hvals(redisKeys.alertRecords)
        .then((values) => values.flatMap((json) => parseAlertRecord(json) ?? []));
      this.#records = { atMs: performance.now(), read };
      // The next one asks again.
      read.catch(() => (this.#records = undefined));
    }
    return await this.#records.read;
  }

  /** Undefined also for one that this version cannot read. */
  async #rule(id: string): Promise<Rule | undefined> {
    const json = await this.#options.redis.hget(redisKeys.rules, id);
    try {
      return json === null ? undefined : parseRuleRecord(json);
    } catch {
      return undefined;
    }
  }

  #sourceOf(record: AlertRecord, rule: Rule | undefined): CapSource {
    const { sender, senderName } = this.#options;
    const cap = rule?.cap ?? NO_CAP;
    const { description, instruction } = rule?.cap ?? {};
    return {
      sender,
      senderName,
      category: cap.category,
      event: rule?.cap?.event ?? record.transition.headline,
      description: description ?? summaryOf(record),
      instruction,
      responseType: cap.response_type,
      expiresAfterS: cap.expires_after_s,
    };
  }
}

function summaryOf({ transition: { rule_kind: kind, subject, evidence, note } }: AlertRecord): string {
  const what =
    kind === 'quorum'
      ? `${evidence.measure ?? 'Several'} devices agree.`
      : `Device ${subject}, by a rule of the kind ${kind}.`;
  return note === undefined ? what : `${what} ${note}`;
}

function areasOf({ transition: { position, zones } }: AlertRecord, rule: Rule | undefined): readonly CapArea[] {
  if (position === null) return [];
  const radiusM = rule?.cap?.radius_m ?? (rule?.kind === 'quorum' ? rule.within_m : AROUND_A_DEVICE_M);
  const place = `Within ${Math.ceil(radiusM / 1000)} km of ${position.lat.toFixed(2)}, ${position.lon.toFixed(2)}`;
  return [
    {
      description: zones.length === 0 ? place : `${place} (${zones.join(', ')})`,
      polygon: circleAround(position, radiusM),
    },
  ];
}
