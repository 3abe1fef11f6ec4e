import { z } from 'zod';
import type { DeviceId } from '../identity/ids.ts';
import { accept, reject, type Result } from '../result.ts';
import { isValueOf, PositionPairs, positionPartOf } from './position-record.ts';
import { parseMetricName, type Reading } from './reading.ts';
import { primaryUnitOf, type PrimaryUnit } from './units.ts';

/** Where in the pack, as a JSON Pointer (RFC 6901), and what is wrong there. */
export interface PackError {
  readonly pointer: string;
  readonly detail: string;
}

export interface PackContext {
  readonly deviceId: DeviceId;
  /** The envelope's `created`, Unix microseconds: what relative times are relative to. */
  readonly createdUs: number;
  readonly maxAgeUs: number;
  readonly maxAheadUs: number;
}

export const MAX_RECORDS = 1000;
const MAX_ERRORS = 16;
/** A resolved time below 2^28 seconds is relative to now (RFC 8428 section 4.5.3). */
const RELATIVE_BELOW_S = 2 ** 28;
/** Version 10 is RFC 8428; RFC 9100 makes it feature bits, where bit 4 says that secondary units are used. */
const KNOWN_VERSIONS: readonly number[] = [10, 10 + 2 ** 4];
const SENML_NAME = /^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/;
// eslint-disable-next-line no-control-regex -- NUL is exactly what it looks for: PostgreSQL text cannot hold it.
const UNSTORABLE = /\u0000|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const KNOWN_LABELS: ReadonlySet<string> = new Set('bver bn bt bu bv bs n u v vs vb vd s t ut'.split(' '));

const text = z.string().refine((value) => !UNSTORABLE.test(value), 'contains NUL or a lone surrogate');

const recordSchema = z.looseObject({
  bver: z.int().optional(),
  bn: text.optional(),
  bt: z.number().optional(),
  bu: text.optional(),
  bv: z.number().optional(),
  bs: z.number().optional(),
  n: text.optional(),
  u: text.optional(),
  v: z.number().optional(),
  vs: text.max(4096).optional(),
  vb: z.boolean().optional(),
  vd: z.unknown().optional(),
  s: z.number().optional(),
  t: z.number().optional(),
  ut: z.number().optional(),
});

const packSchema = z.array(recordSchema).min(1, 'a pack has at least one record').max(MAX_RECORDS);

type SenmlRecord = z.infer<typeof recordSchema>;

/**
 * Resolves a SenML pack (RFC 8428) into readings: absolute times, full names checked against the device, primary units.
 * All or nothing: one bad record rejects the pack, with up to 16 errors.
 */
export function parsePack(input: unknown, context: PackContext): Result<Reading[], PackError[]> {
  const parsed = packSchema.safeParse(input);
  if (!parsed.success) {
    return reject(
      parsed.error.issues
        .slice(0, MAX_ERRORS)
        .map((issue) => ({ pointer: pointerOf(issue.path), detail: issue.message })),
    );
  }
  return new PackResolver(context).resolve(parsed.data);
}

function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Base fields hold from their record onward (RFC 8428 section 4.1), so the records are walked in order with this state. */
class PackResolver {
  readonly #context: PackContext;
  readonly #readings: Reading[] = [];
  readonly #errors: PackError[] = [];
  readonly #seen = new Set<string>();
  readonly #units = new Map<string, PrimaryUnit>();
  readonly #unitOfMetric = new Map<string, string | undefined>();
  readonly #positions = new PositionPairs();
  #baseName = '';
  #baseTimeS = 0;
  #baseUnit: string | undefined;
  #baseValue = 0;
  #baseSum: number | undefined;
  #version: number | undefined;

  constructor(context: PackContext) {
    this.#context = context;
  }

  resolve(records: readonly SenmlRecord[]): Result<Reading[], PackError[]> {
    for (const [index, record] of records.entries()) {
      this.#resolveRecord(record, `/${index}`);
      if (this.#errors.length >= MAX_ERRORS) break;
    }
    if (this.#errors.length === 0) this.#checkPositionPairs();
    return this.#errors.length > 0 ? reject(this.#errors.slice(0, MAX_ERRORS)) : accept(this.#readings);
  }

  #fail(pointer: string, detail: string): undefined {
    this.#errors.push({ pointer, detail });
    return undefined;
  }

  #resolveRecord(record: SenmlRecord, at: string): void {
    const before = this.#errors.length;
    this.#checkLabels(record, at);
    this.#applyBase(record, at);
    const metric = this.#resolveName(record, at);
    const timeUs = this.#resolveTime(record, at);
    const unit = this.#resolveUnit(record, at);
    this.#checkValueFields(record, at);
    if (metric === undefined || timeUs === undefined || this.#errors.length > before) return;

    const key = `${metric}\n${timeUs}`;
    if (this.#seen.has(key)) {
      this.#fail(at, 'a record before this one has the same metric and time');
      return;
    }
    this.#seen.add(key);
    const knownUnit = this.#unitOfMetric.get(metric);
    if (this.#unitOfMetric.has(metric) && knownUnit !== unit?.unit) {
      this.#fail(`${at}/u`, `this pack gives ${metric} in ${knownUnit ?? 'no unit'} before`);
      return;
    }
    this.#unitOfMetric.set(metric, unit?.unit);

    const value = this.#resolveValue(record, unit, at);
    const sum = this.#resolveSum(record, unit, at);
    if (this.#errors.length > before) return;
    const reading = { metric, timeUs, unit: unit?.unit, value, sum };
    this.#checkPosition(reading, at);
    this.#readings.push(reading);
  }

  #checkPosition({ metric, timeUs, unit, value }: Reading, at: string): void {
    const part = positionPartOf(metric, unit);
    if (part === undefined || part === 'altM') return;
    const limit = part === 'lat' ? 90 : 180;
    if (!isValueOf(part, value)) this.#fail(`${at}/v`, `${part} is a number of degrees from -${limit} to ${limit}`);
    else if (!this.#positions.add(part, timeUs, at))
      this.#fail(at, `a record before this one has ${part} at this time`);
  }

  /** A device is at one place at a time, and half a position is none. */
  #checkPositionPairs(): void {
    for (const { at, missing } of this.#positions.alone()) {
      if (this.#errors.length >= MAX_ERRORS) return;
      this.#fail(at, `the ${missing} of this time is missing`);
    }
  }

  #checkLabels(record: SenmlRecord, at: string): void {
    for (const label of Object.keys(record)) {
      if (KNOWN_LABELS.has(label)) continue;
      // RFC 8428 section 4.4: a label ending in "_" must be understood or the pack refused.
      if (label.endsWith('_')) this.#fail(`${at}${pointerOf([label])}`, 'this label must be understood and is not');
    }
  }

  #applyBase(record: SenmlRecord, at: string): void {
    if (record.bn !== undefined) this.#baseName = record.bn;
    if (record.bt !== undefined) this.#baseTimeS = record.bt;
    if (record.bu !== undefined) this.#baseUnit = record.bu;
    if (record.bv !== undefined) this.#baseValue = record.bv;
    if (record.bs !== undefined) this.#baseSum = record.bs;
    if (record.bver === undefined) return;
    if (!KNOWN_VERSIONS.includes(record.bver))
      this.#fail(`${at}/bver`, `SenML version ${record.bver} is not supported`);
    else if (this.#version !== undefined && this.#version !== record.bver) {
      this.#fail(`${at}/bver`, 'all records of a pack have one version');
    }
    this.#version = record.bver;
  }

  #resolveName(record: SenmlRecord, at: string): Reading['metric'] | undefined {
    const name = this.#baseName + (record.n ?? '');
    if (name === '') return this.#fail(`${at}/n`, 'the record has no name');
    if (!SENML_NAME.test(name)) return this.#fail(`${at}/n`, 'not a SenML name');
    const prefix = `${this.#context.deviceId}:`;
    const metric = parseMetricName(name.startsWith(prefix) ? name.slice(prefix.length) : name);
    return metric ?? this.#fail(`${at}/n`, 'the name must be <device id>:<metric> or the bare metric, of this device');
  }

  #resolveTime(record: SenmlRecord, at: string): number | undefined {
    // Whole microseconds are added, not float seconds: 1734567890.1 + 0.1 is not exact.
    const givenUs = Math.round(this.#baseTimeS * 1e6) + Math.round((record.t ?? 0) * 1e6);
    const { createdUs, maxAgeUs, maxAheadUs } = this.#context;
    const timeUs = givenUs < RELATIVE_BELOW_S * 1e6 ? createdUs + givenUs : givenUs;
    const pointer = record.t === undefined ? at : `${at}/t`;
    if (!Number.isSafeInteger(timeUs)) return this.#fail(pointer, 'not a time');
    if (timeUs - createdUs > maxAheadUs) {
      return this.#fail(pointer, `the time is more than ${maxAheadUs / 1e6} s after the envelope's created`);
    }
    if (createdUs - timeUs > maxAgeUs) {
      return this.#fail(pointer, `the time is more than ${maxAgeUs / 1e6} s before the envelope's created`);
    }
    return timeUs;
  }

  #resolveUnit(record: SenmlRecord, at: string): PrimaryUnit | undefined {
    const name = record.u ?? this.#baseUnit;
    if (name === undefined) return undefined;
    const known = this.#units.get(name) ?? primaryUnitOf(name);
    if (known === undefined) return this.#fail(`${at}/${record.u === undefined ? 'bu' : 'u'}`, 'not a SenML unit');
    this.#units.set(name, known);
    return known;
  }

  #checkValueFields(record: SenmlRecord, at: string): void {
    if (record.vd !== undefined) this.#fail(`${at}/vd`, 'data values are not accepted');
    const given = [record.v, record.vs, record.vb].filter((value) => value !== undefined).length;
    if (given > 1) this.#fail(at, 'a record has one of v, vs and vb');
    if (given === 0 && record.s === undefined && record.vd === undefined) this.#fail(at, 'a record has v, vs, vb or s');
  }

  #resolveValue(record: SenmlRecord, unit: PrimaryUnit | undefined, at: string): Reading['value'] {
    if (record.v === undefined) return record.vs ?? record.vb;
    const value = record.v + this.#baseValue;
    const primary = unit === undefined ? value : unit.toPrimary(value);
    return Number.isFinite(primary) ? primary : this.#fail(`${at}/v`, 'not a finite number');
  }

  #resolveSum(record: SenmlRecord, unit: PrimaryUnit | undefined, at: string): number | undefined {
    if (record.s === undefined && this.#baseSum === undefined) return undefined;
    const sum = (record.s ?? 0) + (this.#baseSum ?? 0);
    const primary = unit === undefined ? sum : unit.scaleToPrimary(sum);
    return Number.isFinite(primary) ? primary : this.#fail(`${at}/s`, 'not a finite number');
  }
}
